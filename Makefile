# Three environments: what runs is exactly what requirements/run.txt names, and `make test` while `make run` is up never
# changes a file under the running platform. The third is for measuring, and is made when it is asked for.
VENV := .venv
DEV := .venv-dev
BENCH := .venv-bench
PYTHON_DEV := $(DEV)/bin/python
# What `make matrix` tests with: the oldest and the newest Python that are supported.
PYTHONS := python3.11 python3.13
# All tests run in two processes (tests/side_by_side.py), those that take longest first; what ARGS asks for in one, where
# -x, -s and --pdb do what they say.
SIDE_BY_SIDE := $(if $(ARGS),,-n 2 --dist loadfile --no-loadscope-reorder)

.DEFAULT_GOAL := help
.PHONY: help run test verify chaos consistency matrix load bench query-plans check hooks lock clean dev-environment

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the whole platform on this machine; Ctrl-C stops it
	@sh deploy/local/environment.sh $(VENV) requirements/run.txt
	@$(VENV)/bin/python -m deploy.local

test: dev-environment ## Run the tests; ARGS="-k cache -x" goes to pytest, COVERAGE=1 reports what they reached
ifdef COVERAGE
	@$(PYTHON_DEV) -m coverage erase
	@$(PYTHON_DEV) -m coverage run -m pytest $(SIDE_BY_SIDE) $(ARGS)
	@$(PYTHON_DEV) -m coverage combine --quiet
	@$(PYTHON_DEV) -m coverage report
else
	@$(PYTHON_DEV) -m pytest $(SIDE_BY_SIDE) $(ARGS)
endif

verify: dev-environment ## Run the long tests as well, and random ones ten times as long: a million rows, kills, containers
	@TEST_DEPTH=10 $(PYTHON_DEV) -m pytest -m "" $(ARGS)

chaos: dev-environment ## Break the running system on a schedule and check what it promises; DURATION=120 SEED=1
	@$(PYTHON_DEV) -m tests.faults $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED))

consistency: dev-environment ## Hold every read of the running, breaking system against what was written; DURATION=120 SEED=1
	@$(PYTHON_DEV) -m tests.consistency $(if $(DURATION),--duration $(DURATION)) $(if $(SEED),--seed $(SEED))

matrix: ## Run the tests on each of PYTHONS="python3.11 python3.13"
	@for python in $(PYTHONS); do \
	    $(MAKE) --no-print-directory test PYTHON=$$python DEV=$(DEV)-$$python || exit 1; \
	done

load: ## Load the running platform and grade what it answers; ARGS="--seconds 30 --html report.html"
	@./aurelius load $(ARGS)

bench: ## Measure everything anew and write docs/performance.md; ARGS="--only cache"; on a quiet machine, needs wrk
	@sh deploy/local/environment.sh $(BENCH) requirements/bench.txt
	@$(BENCH)/bin/python -m pytest -q bench
	@$(BENCH)/bin/python -m bench.performance $(ARGS)

query-plans: dev-environment ## Print what each list query reads at 10^3, 10^5 and 10^6 rows
	@$(PYTHON_DEV) -m bench.query_plans

check: dev-environment ## Lint, formatting, types, import rules, locks
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports
	@$(PYTHON_DEV) -m deploy.locks --check

hooks: dev-environment ## Have git run `make check` before each commit
	@$(DEV)/bin/pre-commit install

lock: dev-environment ## Write requirements/ anew from pyproject.toml
	@$(PYTHON_DEV) -m deploy.locks

clean: ## Delete the environments and caches; DATA=1 deletes DATA_DIR too
	@sh deploy/local/clean.sh $(DATA)

dev-environment:
	@sh deploy/local/environment.sh $(DEV) requirements/dev.txt
