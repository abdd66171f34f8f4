"""What puts Prometheus and Grafana beside the platform, against the files they read and the platform itself."""

import re
import subprocess
from typing import Any

import msgspec

from deploy.locks import ROOT
from deploy.observability.tests.files import FOLDER
from deploy.observability.tests.operator import PrometheusRule, ScrapeConfig


def read(path: str) -> Any:  # files of others' formats
    return msgspec.yaml.decode((ROOT / path).read_bytes())


COMPOSE = read("deploy/observability/compose.yaml")
PLATFORM = read("compose.yaml")
ADDED = {name: service for name, service in COMPOSE["services"].items() if name != "gateway"}


def mounts(service: str) -> dict[str, str]:
    """What a container finds where."""
    return {volume.split(":")[1]: volume.split(":")[0] for volume in COMPOSE["services"][service]["volumes"]}


def test_what_is_mounted_is_there() -> None:
    """Each file and folder, and each volume is declared."""
    for service in ADDED:
        for source in mounts(service).values():
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_prometheus_finds_its_files_beside_its_configuration() -> None:
    """The rules and targets that it names."""
    configuration = read("deploy/observability/prometheus.yml")
    (job,) = configuration["scrape_configs"]
    (targets,) = job["file_sd_configs"]
    assert "--config.file=/etc/prometheus/prometheus.yml" in ADDED["prometheus"]["command"]
    found = mounts("prometheus")
    assert all(f"/etc/prometheus/{file}" in found for file in targets["files"])
    assert {file.split("/")[0] for file in configuration["rule_files"]} == {"rules"}
    assert found["/etc/prometheus/rules"] == "./deploy/observability/rules"


def test_targets_are_where_the_gateway_listens() -> None:
    """By its name in compose and on a cluster, on its own machine beside `make run`; and one at a time."""
    port = re.search(r":-(\d+)}:(\d+)$", PLATFORM["services"]["gateway"]["ports"][0])
    assert port is not None
    assert read("deploy/observability/targets-compose.yml") == [{"targets": [f"gateway:{port[2]}"]}]
    assert read("deploy/observability/targets.yml") == [{"targets": [f"127.0.0.1:{port[1]}"]}]
    scrape = read("deploy/observability/scrape-config.yaml")["spec"]
    service = read("deploy/k8s/base/service/service.yaml")
    assert scrape["staticConfigs"] == [{"targets": [f"gateway.aurelius.svc:{service['spec']['ports'][0]['port']}"]}]
    assert scrape["jobName"] == read("deploy/observability/prometheus.yml")["scrape_configs"][0]["job_name"]


def test_the_operator_takes_what_to_scrape() -> None:
    """No field is unknown or of another type, and a scrape ends before the next begins, or it is refused."""
    scrape = msgspec.yaml.decode((FOLDER / "scrape-config.yaml").read_bytes(), type=ScrapeConfig).spec
    beside = read("deploy/observability/prometheus.yml")["global"]
    assert (scrape.scrape_interval, scrape.scrape_timeout) == (beside["scrape_interval"], beside["scrape_timeout"])
    assert int(scrape.scrape_timeout.removesuffix("s")) <= int(scrape.scrape_interval.removesuffix("s"))


def test_the_operator_takes_the_rules_that_the_document_makes() -> None:
    """Its commands, run with a stand-in for kubectl, give an object of each file, with the very groups of that."""
    document = (ROOT / "docs/observability.md").read_text()
    commands = re.search(r"^for rules in .*?^done \|", document, re.MULTILINE | re.DOTALL)
    assert commands is not None
    made = subprocess.run(["sh", "-ec", f"{commands[0]} cat"], cwd=ROOT, capture_output=True, text=True, check=True)
    objects = [msgspec.yaml.decode(part, type=PrometheusRule) for part in made.stdout.split("---\n") if part]
    assert [each.metadata.name for each in objects] == ["aurelius-recording", "aurelius-alerts"]
    for each in objects:
        file = read(f"deploy/observability/rules/{each.metadata.name.removeprefix('aurelius-')}.yml")
        assert [(group.name, group.rules) for group in each.spec.groups] == [
            (group["name"], group["rules"]) for group in file["groups"]
        ]
        assert all(group.typed() for group in each.spec.groups)


def test_grafana_finds_prometheus_and_the_dashboards() -> None:
    """By the names that compose gives them."""
    (source,) = read("deploy/observability/grafana/provisioning/datasources/aurelius.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert set(ADDED["prometheus"]["networks"]) & set(ADDED["grafana"]["networks"])
    (provider,) = read("deploy/observability/grafana/provisioning/dashboards/aurelius.yml")["providers"]
    found = mounts("grafana")
    assert found[provider["options"]["path"]] == "./deploy/observability/grafana/dashboards"
    home = ADDED["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (FOLDER / "grafana/dashboards" / home.removeprefix(f"{provider['options']['path']}/")).is_file()


def test_they_are_for_this_machine_alone_and_reach_nothing_but_the_gateway() -> None:
    """No port beyond the loopback address, no network of the platform's servers, no image without a version."""
    for service in ADDED.values():
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert not set(service["networks"]) & PLATFORM["networks"].keys()
        assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-docker\.io/[\w/]+:v?\d+\.\d+\.\d+\}", service["image"])
        assert service["cap_drop"] == ["ALL"]
    assert COMPOSE["services"]["gateway"] == {"networks": ["watching"]}
