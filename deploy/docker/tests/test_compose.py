"""compose.yaml against the services' own settings, the secrets that make-env.sh makes and the images."""

import re

import pytest

from deploy.docker.tests.compose_file import Compose, NotSet, load_compose
from deploy.local.services import INNER_SERVICES
from deploy.locks import IMAGES, ROOT
from deploy.tests.containers import (
    SETTINGS,
    VERSION,
    adjustable,
    faults,
    image_environment,
    make_env,
    settings_of,
    variables,
)

ONE_SHOT = {"migrate", "acl"}
OURS = {*SETTINGS, *ONE_SHOT}


@pytest.fixture(scope="session")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What an operator has made once."""
    return make_env(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def compose(secrets: dict[str, str]) -> Compose:
    """The file, with those secrets."""
    return load_compose(secrets)


@pytest.mark.parametrize("name", SETTINGS)
def test_each_service_is_given_what_it_reads(compose: Compose, secrets: dict[str, str], name: str) -> None:
    """No variable is misspelt, none that it needs is missing, and it logs in everywhere as itself."""
    assert faults(name, compose.services[name].container(secrets)) == []


def test_a_login_of_the_object_store_reaches_who_uses_it(secrets: dict[str, str]) -> None:
    """With OBJECT_STORE_URL and its credentials in the environment, objects are kept there."""
    bucket = {"OBJECT_STORE_URL": "s3://bars/a", "AWS_ACCESS_KEY_ID": "id", "AWS_REGION": "eu-central-1"}
    compose = load_compose({**secrets, **bucket})
    for name in ("gateway", "strategy", "backtest", "metrics"):
        container = compose.services[name].container({**secrets, **bucket})
        assert settings_of(name, container).objects_url() == "s3://bars/a"
        assert container.environment.items() >= bucket.items()
        assert "AWS_ENDPOINT" not in container.environment


@pytest.mark.parametrize("given", sorted(set().union(*map(adjustable, SETTINGS))))
def test_what_is_said_reaches_all_whom_it_concerns(secrets: dict[str, str], given: str) -> None:
    """Each variable is in the documentation, and is handed on to every service that does anything by it."""
    said = {**secrets, given: "7"}
    compose = load_compose(said)
    assert f"`{given}`" in (ROOT / "docs/deployment.md").read_text()
    concerned = {name for name in SETTINGS if given in adjustable(name)}
    if given.startswith("CACHE_TTL_"):  # the metrics service stores nothing there
        concerned -= {"metrics"}
    told = {name: compose.services[name].container(said).environment.get(given) for name in SETTINGS}
    assert {name for name, value in told.items() if value is not None} == concerned
    assert {told[name] for name in concerned} == {"7"}


@pytest.mark.parametrize("name", ["migrate", "acl"])
def test_only_who_hands_out_logins_is_given_all_of_them(compose: Compose, secrets: dict[str, str], name: str) -> None:
    """The migrator knows each database login, the maker of the ACL files each Redis login, and neither more."""
    suffix = ("DATABASE_URL",) if name == "migrate" else ("BUS_URL", "REDIS_URL")
    expected = {key: value for key, value in secrets.items() if key.endswith(suffix)}
    given = compose.services[name].container(secrets).environment
    assert {key: value for key, value in given.items() if key != "AURELIUS_ENV"} == expected


def test_a_missing_secret_says_what_to_do(secrets: dict[str, str]) -> None:
    """No secret has a default; without one the start ends with its name and the command that makes it."""
    for name in secrets.keys() - {"CONSUMER_BUS_URL"}:
        for absent in ({}, {name: ""}):
            rest = {key: value for key, value in secrets.items() if key != name}
            with pytest.raises(NotSet) as raised:
                load_compose({**rest, **absent})
            assert raised.value.args == (name, "run sh deploy/docker/make-env.sh first")


def test_everything_starts_after_what_it_needs(compose: Compose) -> None:
    """Servers answer before their clients start, logins are made before they are used, users before their server."""
    conditions = {
        (name, needed): dependency.condition
        for name, service in compose.services.items()
        for needed, dependency in service.depends_on.items()
    }
    expected = {("migrate", "postgres"): "service_healthy"}
    expected |= {(server, "acl"): "service_completed_successfully" for server in ("redis-bus", "redis-cache")}
    for name, kind in SETTINGS.items():
        expected[name, "redis-bus"] = "service_healthy"
        if "DATABASE_URL" in variables(kind):
            expected[name, "migrate"] = "service_completed_successfully"
        if "REDIS_URL" in variables(kind):
            expected[name, "redis-cache"] = "service_healthy"
    assert conditions == expected


def test_the_gateway_cannot_reach_postgres(compose: Compose) -> None:
    """Who faces the internet shares no network with the database; the networks of the servers lead nowhere else."""
    reach = {name: set(service.networks) for name, service in compose.services.items()}

    def reached_by(server: str) -> set[str]:
        return {name for name in reach if name != server and reach[name] & reach[server]}

    assert reached_by("postgres") == {"migrate", "strategy", "backtest"}
    assert reached_by("redis-cache") == set(SETTINGS)
    assert reached_by("redis-bus") == set(SETTINGS)
    assert all(compose.networks[name]["internal"] for name in ("cache", "database"))
    assert compose.services["acl"].network_mode == "none"


def test_only_the_gateway_is_published(compose: Compose, secrets: dict[str, str]) -> None:
    """On this machine's loopback address, unless told otherwise, and to the port where it listens."""
    published = {name: service.ports for name, service in compose.services.items() if service.ports}
    port = image_environment()["PORT"]
    assert published == {"gateway": [f"127.0.0.1:8000:{port}"]}
    moved = load_compose({**secrets, "BIND_ADDRESS": "0.0.0.0", "PORT": "80"})
    assert moved.services["gateway"].ports == [f"0.0.0.0:80:{port}"]


def test_our_containers_write_nowhere_but_where_a_volume_is(compose: Compose) -> None:
    """A read-only root, /tmp in memory, and the folders that the image gives to its user."""
    text = (ROOT / "deploy/docker/Dockerfile").read_text()
    for name in OURS:
        service = compose.services[name]
        assert service.read_only
        assert service.tmpfs == ["/tmp"]
        for place in service.container({}).mounts:
            assert re.search(rf"install -d -o 10001 -g 10001 (.*\\\n)?.*{place}\b", text), place
    assert f"{image_environment()['DATA_DIR']}/kernels" in compose.services["backtest"].container({}).mounts


def test_a_first_start_has_time_to_compile(compose: Compose) -> None:
    """`up --wait` waits for it as long as the local launcher does, with the image's own check."""
    (backtest,) = (service for service in INNER_SERVICES if service.name == "backtest")
    check = compose.services["backtest"].healthcheck
    assert (check.start_period, check.test) == (f"{backtest.ready_within:g}s", "")


def test_the_bus_keeps_and_the_cache_forgets(compose: Compose) -> None:
    """The two servers want opposite settings, and each has its own users."""
    bus, cache = str(compose.services["redis-bus"].command), str(compose.services["redis-cache"].command)
    assert re.search(r"--aclfile /acl/bus.acl .*--appendonly yes .*--maxmemory-policy noeviction", bus)
    assert re.search(r"--aclfile /acl/cache.acl .*--appendonly no .*--maxmemory-policy allkeys-lru", cache)
    assert "redis-bus:/data" in compose.services["redis-bus"].volumes
    assert compose.services["redis-cache"].tmpfs == ["/data"]


def test_images_are_named_and_built_alike(compose: Compose) -> None:
    """One Dockerfile, the service by argument, the tag of this release; all that is built has a lock."""
    for name in SETTINGS.keys() | {"migrate"}:
        build = compose.services[name].build
        assert build is not None
        assert compose.services[name].image == f"aurelius-{name}:{VERSION}"
        assert build.args == [f"SERVICE={name}", "BASE_IMAGE"]
        assert build.target == ("migrate" if name == "migrate" else "")
    assert {*SETTINGS, "migrate"} == set(IMAGES)
    assert compose.services["acl"].build == compose.services["migrate"].build
    assert f"\nARG VERSION={VERSION}\n" in (ROOT / "deploy/docker/Dockerfile").read_text()


def test_whoever_stops_it_waits_longer_than_it_takes(compose: Compose, secrets: dict[str, str]) -> None:
    """A service is killed only when its stop has gone wrong; it comes back by itself and may not eat the machine."""
    for name in SETTINGS:
        service = compose.services[name]
        drain = settings_of(name, service.container(secrets)).drain_seconds
        assert int(service.stop_grace_period.removesuffix("s")) >= 2 * drain
        assert service.restart == "unless-stopped"
    assert all(service.mem_limit for service in compose.services.values())
