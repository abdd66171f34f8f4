"""The overlays against Kubernetes' own schemas, the services' own settings and the secrets that make-env.sh makes."""

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from deploy.k8s.tests.rendered import Overlay, PodContainer, find_kubectl, render
from deploy.locks import IMAGES, ROOT
from deploy.tests.containers import (
    SETTINGS,
    VERSION,
    Container,
    adjustable,
    faults,
    image_environment,
    make_env,
    settings_of,
)
from shared.runtime.service import Service

OVERLAYS = ("dev", "production")
SERVERS = {"postgres", "redis-bus", "redis-cache"}
# What of the traces is in the ConfigMap. All else few set: a line more in that, which every service is given whole, or
# a key of the Secret.
OF_TRACES = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PYTHON_EXCLUDED_URLS",
}
# The oldest and the newest that manifests are checked against.
KUBERNETES = ("1.30", "1.37")


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an operator has made once."""
    return make_env(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def texts(secrets: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Both overlays, rendered from a copy: the one for development reads its secrets from a file beside it."""
    kubectl = find_kubectl()
    if kubectl is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs kubectl: https://kubernetes.io/docs/tasks/tools/")
    copy = tmp_path_factory.mktemp("deploy") / "k8s"
    shutil.copytree(ROOT / "deploy/k8s", copy, ignore=shutil.ignore_patterns("secret.env", "tests"))
    lines = [f"{name}={value}\n" for name, value in secrets.items()]
    (copy / "overlays/dev/secret.env").write_text("".join(lines))
    return {overlay: render(kubectl, copy / "overlays" / overlay) for overlay in OVERLAYS}


@pytest.fixture(scope="session")
def overlays(texts: Mapping[str, str]) -> dict[str, Overlay]:
    """Both, as objects."""
    return {name: Overlay(text) for name, text in texts.items()}


def service_of(overlay: Overlay, name: str) -> PodContainer:
    """The only container of a service."""
    (container,) = overlay.pods()[name].containers
    return container


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_takes_every_object(texts: Mapping[str, str], tmp_path: Path, overlay: str, version: str) -> None:
    """No field is unknown, missing or of another type, by the schemas of each version that is supported."""
    file = tmp_path / "rendered.yaml"
    file.write_text(texts[overlay])
    command = [sys.executable, "-m", "kubernetes_validate", "--strict", "-k", version, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(" passed ") == texts[overlay].count("\napiVersion: ") + 1


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_service_is_given_what_it_reads(
    overlays: Mapping[str, Overlay], secrets: dict[str, str], overlay: str, name: str
) -> None:
    """No variable is misspelt, none that it needs is missing, and it logs in everywhere as itself."""
    assert faults(name, overlays[overlay].container(name, secrets)) == []


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_said_reaches_all_whom_it_concerns(
    overlays: Mapping[str, Overlay], secrets: dict[str, str], overlay: str, name: str
) -> None:
    """One line of a ConfigMap is for every service that reads it, and says what holds without it."""
    container = overlays[overlay].container(name, secrets)
    read = {each for each in adjustable(name) if not each.startswith("OTEL_") or each in OF_TRACES}
    assert read <= container.environment.keys()
    others = {key: value for key, value in container.environment.items() if key not in read - {"BACKTEST_WORKERS"}}
    assert settings_of(name, container) == settings_of(name, Container(container.image, others, container.mounts))


def test_a_key_of_the_secret_is_for_whom_it_concerns(overlays: Mapping[str, Overlay], secrets: dict[str, str]) -> None:
    """What opens the collector's door for every service; the way past a pooler for the one whose login it holds."""
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": "x-key=k"}
    direct = {"STRATEGY_DATABASE_DIRECT_URL": "postgresql://a:b@c/d"}
    given = {name: overlays["production"].container(name, {**secrets, **headers, **direct}) for name in SETTINGS}
    assert all(container.environment.items() >= headers.items() for container in given.values())
    assert {name for name, each in given.items() if "DATABASE_DIRECT_URL" in each.environment} == {"strategy"}


@pytest.mark.parametrize("name", SETTINGS)
async def test_probes_ask_what_the_service_answers(
    overlays: Mapping[str, Overlay], secrets: dict[str, str], tmp_path: Path, name: str
) -> None:
    """All three ask the port on which it listens, for a path it knows, and wait longer than its checks take."""
    container = service_of(overlays["dev"], name)
    probes = [container.startup_probe, container.liveness_probe, container.readiness_probe]
    given = overlays["dev"].container(name, secrets)
    at_hand = {**given.environment, "DATA_DIR": str(tmp_path)}
    settings = settings_of(name, Container(given.image, at_hand, given.mounts))
    assert [(port.name, port.container_port) for port in container.ports] == [("http", settings.port)]
    service = importlib.import_module(f"services.{name}.app").compose(settings)
    assert isinstance(service, Service)
    transport = httpx.ASGITransport(service.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for probe, path in zip(probes, ("/health/live", "/health/live", "/health/ready"), strict=True):
            assert probe is not None
            assert probe.http_get is not None
            assert (probe.http_get.path, probe.http_get.port) == (path, "http")
            # Nothing is started here: alive it is, ready it is not.
            assert (await client.get(path)).status_code == (200 if path == "/health/live" else 503)
            assert probe.timeout_seconds >= 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_name_leads_to_its_pods(overlays: Mapping[str, Overlay], overlay: str) -> None:
    """Each service has a Service, whose selector matches its Pods and theirs alone, and whose port they have."""
    rendered = overlays[overlay]
    assert SETTINGS.keys() <= rendered.services.keys()
    for name, service in rendered.services.items():
        matched = {
            each.metadata.name
            for each in rendered.workloads.values()
            if service.spec.selector.items() <= each.spec.template.metadata.labels.items()
        }
        assert matched == {name}
        workload = rendered.workloads[name]
        assert workload.spec.selector["matchLabels"].items() <= workload.spec.template.metadata.labels.items()
        ports = {port.name for port in service_of(rendered, name).ports}
        assert {port.target_port for port in service.spec.ports} <= ports


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_secrets_are_named_as_make_env_makes_them(
    overlays: Mapping[str, Overlay], secrets: dict[str, str], overlay: str
) -> None:
    """One Secret, whose keys are those of the generated file; the migrator alone is given the database's owner."""
    used: dict[str, set[str]] = {}
    for name, pod in overlays[overlay].pods().items():
        for variable in (each for container in pod.containers for each in container.env if each.value_from):
            assert variable.value_from is not None
            key = variable.value_from.secret_key_ref
            assert key.name.partition("-")[0] == "aurelius"
            assert key.key in secrets or key.optional, key.key
            used.setdefault(key.key, set()).add(name)
    assert used["DATABASE_URL"] == {"migrate"}
    assert used["STRATEGY_DATABASE_URL"] == {"migrate", "strategy"}
    assert used["BACKTEST_DATABASE_URL"] == {"migrate", "backtest"}
    assert used["SECRET_KEY"] == {"gateway", "strategy"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_runs_as_root_or_with_a_token(overlays: Mapping[str, Overlay], overlay: str) -> None:
    """A user without rights, no way to more, and no variables that Kubernetes makes up from the names of Services."""
    for name, pod in overlays[overlay].pods().items():
        assert pod.security_context.run_as_non_root
        assert not pod.automount_service_account_token
        assert not pod.enable_service_links
        for container in [*pod.containers, *pod.init_containers]:
            assert not container.security_context.allow_privilege_escalation
            assert container.security_context.capabilities == {"drop": ["ALL"]}
            assert container.security_context.read_only_root_filesystem or name == "postgres"
            assert container.resources.requests.keys() == container.resources.limits.keys() == {"cpu", "memory"}
            assert {mount.name for mount in container.volume_mounts} <= {volume.name for volume in pod.volumes} | {
                "data"
            }


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_our_containers_can_write_where_they_must(overlays: Mapping[str, Overlay], overlay: str) -> None:
    """With a read-only root that is /tmp and, for the kernels that workers compile, a folder of DATA_DIR."""
    data_dir = image_environment()["DATA_DIR"]
    for name in SETTINGS:
        mounts = overlays[overlay].container(name, make_believe()).mounts
        assert "/tmp" in mounts
        assert (f"{data_dir}/kernels" in mounts) == (name == "backtest")


def make_believe() -> dict[str, str]:
    """Any value for any key."""
    keys = [f"{name.upper()}_{url}" for name in SETTINGS for url in ("BUS_URL", "REDIS_URL", "DATABASE_URL")]
    return dict.fromkeys([*keys, "SECRET_KEY"], "any")


def test_production_brings_no_server_and_no_secret(overlays: Mapping[str, Overlay]) -> None:
    """The five services and the migration, and objects in a store that outlives every Pod."""
    production, dev = overlays["production"], overlays["dev"]
    assert production.workloads.keys() == {*SETTINGS, "migrate"}
    assert dev.workloads.keys() == {*SETTINGS, "migrate", *SERVERS}
    assert not production.kinds & {"Secret", "PersistentVolumeClaim", "StatefulSet"}
    (objects,) = (
        config["OBJECT_STORE_URL"] for config in production.config_maps.values() if "OBJECT_STORE_URL" in config
    )
    assert objects.startswith("s3://")


def test_images_are_named_as_compose_names_them(overlays: Mapping[str, Overlay]) -> None:
    """The same six, of this release; the servers of the development overlay are the very images of compose.yaml."""
    compose = (ROOT / "compose.yaml").read_text()
    ours = {f"aurelius-{image}:{VERSION}" for image in IMAGES}
    for name, overlay in overlays.items():
        used = {each.image for pod in overlay.pods().values() for each in [*pod.containers, *pod.init_containers]}
        assert ours <= used
        assert all(f":-{server}}}" in compose for server in used - ours)
        assert len(used - ours) == (2 if name == "dev" else 0)


def test_a_node_waits_longer_than_a_stop_takes(overlays: Mapping[str, Overlay], secrets: dict[str, str]) -> None:
    """A Pod is killed only when its stop has gone wrong."""
    for name in SETTINGS:
        settings = settings_of(name, overlays["production"].container(name, secrets))
        pod = overlays["production"].pods()[name]
        pause = lead(service_of(overlays["production"], name))
        assert pod.termination_grace_period_seconds >= pause + 2 * settings.drain_seconds


def lead(container: PodContainer) -> int:
    """Return for how many seconds a container goes on as ever when its Pod ends."""
    return container.lifecycle.pre_stop.sleep.seconds if container.lifecycle else 0


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_who_faces_clients_outlives_the_news_of_its_end(overlays: Mapping[str, Overlay], overlay: str) -> None:
    """Or each new release would refuse those that a balancer still sends to the Pods of the last. None but the gateway
    is sent anybody.
    """
    assert {name for name in SETTINGS if lead(service_of(overlays[overlay], name))} == {"gateway"}
    assert lead(service_of(overlays[overlay], "gateway")) >= 5


def test_development_has_a_secret_of_its_own_making(overlays: Mapping[str, Overlay], secrets: dict[str, str]) -> None:
    """Its Secret holds the generated file, which version control ignores."""
    (secret,) = overlays["dev"].secrets.values()
    assert secret == secrets
    assert (ROOT / "deploy/k8s/overlays/dev/.gitignore").read_text() == "secret.env\n"
