# Two environments: what runs is exactly what requirements/run.txt names, and `make test` while `make run` is up never
# changes a file under the running platform.
VENV := .venv
DEV := .venv-dev
PYTHON_DEV := $(DEV)/bin/python

.DEFAULT_GOAL := help
.PHONY: help run test check lock dev-environment

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the whole platform on this machine; Ctrl-C stops it
	@sh deploy/local/environment.sh $(VENV) requirements/run.txt
	@$(VENV)/bin/python -m deploy.local

test: dev-environment ## Run all tests; ARGS="-k cache -x" goes to pytest
	@$(PYTHON_DEV) -m pytest $(ARGS)

check: dev-environment ## Lint, formatting, types, import rules, locks
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	@$(PYTHON_DEV) -m deploy.locks --check

lock: dev-environment ## Write requirements/ anew from pyproject.toml
	@$(PYTHON_DEV) -m deploy.locks

dev-environment:
	@sh deploy/local/environment.sh $(DEV) requirements/dev.txt
