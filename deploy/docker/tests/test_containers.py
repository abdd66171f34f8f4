"""The real thing: images made from nothing, the whole platform in containers, used over HTTP, stopped and restarted."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from deploy.demo.bars import write_demo_bars
from deploy.docker.tests import podman
from deploy.docker.tests.compose_file import load_compose
from deploy.docker.tests.podman import Deployment, Podman
from deploy.local.ports import free_ports
from deploy.locks import IMAGES
from deploy.tests.containers import SETTINGS, make_env, read_env
from tests.e2e.journey import whole_journey
from tests.e2e.platform import READY_SECONDS, until_healthy

pytestmark = [pytest.mark.long, pytest.mark.e2e]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman with the images of others, made from Debian's packages, and with ours; and secrets of its own."""
    if lack := podman.missing():
        pytest.skip(lack)
    engine = Podman(tmp_path_factory.mktemp("podman"))
    (port,) = free_ports(1, "127.0.0.1")
    engine.environ |= {**make_env(tmp_path_factory.mktemp("secrets")), "PORT": str(port)}
    try:
        made = engine.run("sh", "deploy/docker/offline/build.sh")
        engine.environ |= read_env(made.stdout)
        # One after the other: a build that ends can take the network's rules away from one beside it.
        for image in IMAGES:
            engine.run("podman-compose", "-f", "compose.yaml", "build", image)
        yield engine
    finally:
        engine.remove_all()


@pytest.fixture(scope="module")
def system(engine: Podman) -> Iterator[Deployment]:
    """The platform in containers."""
    system = Deployment(engine, load_compose(engine.environ))
    try:
        system.start()
        for name in SETTINGS:
            system.wait(name)
        yield system
    finally:
        system.command("down", "--volumes")


@pytest.fixture(scope="module")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's daily bars."""
    folder = tmp_path_factory.mktemp("bars")
    write_demo_bars(folder)
    return folder / "AAPL.csv"


async def journey(system: Deployment, bars: Path) -> None:
    """What the README shows, with its result."""
    base_url = f"http://127.0.0.1:{system.podman.environ['PORT']}"
    await until_healthy(base_url, READY_SECONDS)
    async with httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        run = await whole_journey(client, bars)
    assert run["metrics"]["trades"] == 85
    assert round(run["metrics"]["final_value"], 2) == 148_240.56


async def test_the_readme_works_in_containers(system: Deployment, bars: Path) -> None:
    """Register, log in, upload, store, run, over the published port."""
    await journey(system, bars)


@pytest.mark.parametrize("service", SETTINGS)
def test_services_have_no_rights(system: Deployment, service: str) -> None:
    """Not root, no capabilities, and no file of the image can be changed."""
    status = system.inside(service, "cat", "/proc/1/status").stdout
    assert "\nUid:\t10001\t10001\t10001\t10001\n" in status
    assert "\nCapEff:\t0000000000000000\n" in status
    assert "Read-only file system" in system.inside(service, "touch", "/app/new", check=False).stderr


def test_the_gateway_has_no_way_to_the_database(system: Deployment) -> None:
    """No driver, no name, and no route even to its address; the strategy service has all three."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    address = system.podman.run("podman", "inspect", "--format", form, system.container("postgres")).stdout.strip()
    connect = "import socket; socket.create_connection(('{}', 5432), timeout=2)"
    assert "No module named 'asyncpg'" in system.inside("gateway", "python", "-c", "import asyncpg", check=False).stderr
    for host in ("postgres", address):
        assert system.inside("gateway", "python", "-c", connect.format(host), check=False).returncode == 1
        system.inside("strategy", "python", "-c", f"import asyncpg; {connect.format(host)}")


def test_other_services_are_not_in_an_image(system: Deployment) -> None:
    """An image holds its service's own code and none of the tests."""
    for service in SETTINGS:
        packages = system.inside(service, "find", "/app/services", "-mindepth", "1", "-maxdepth", "1").stdout.split()
        assert {Path(each).name for each in packages} == {service, "__init__.py", "__pycache__"}
        assert system.inside(service, "find", "/app", "-name", "tests").stdout == ""


async def test_stopped_services_end_well_and_come_back(system: Deployment, bars: Path) -> None:
    """Each ends by itself when it is told to, in its time; started again they serve as before."""
    system.command("stop", *SETTINGS)
    assert {service: system.state(service) for service in SETTINGS} == dict.fromkeys(SETTINGS, "exited 0")
    system.command("start", *SETTINGS)
    await journey(system, bars)


async def test_what_was_stored_outlives_all_containers(system: Deployment, bars: Path) -> None:
    """After `down` and `up` there are new containers on the old volumes: accounts are still there, and all works."""
    base_url = f"http://127.0.0.1:{system.podman.environ['PORT']}"
    account = {"email": "kept@example.com", "password": "a long pass phrase"}
    async with httpx.AsyncClient(base_url=f"{base_url}/api/v1", timeout=60) as client:
        made = await client.post("/auth/register", json={**account, "name": "Kept"})
        assert made.status_code == 201
        system.command("down")
        system.start()
        await until_healthy(base_url, READY_SECONDS)
        login = await client.post("/auth/login", json=account)
        assert login.status_code == 200
    await journey(system, bars)
