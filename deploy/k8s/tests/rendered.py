"""An overlay as `kubectl kustomize` renders it, and of its objects what the tests ask about."""

import base64
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from deploy.tests.containers import Container

K = TypeVar("K")
Labels = dict[str, str]


class KeyOf(msgspec.Struct):
    """A key of a Secret."""

    name: str
    key: str
    optional: bool = False


class Source(msgspec.Struct, rename="camel"):
    """Where a variable's value comes from."""

    secret_key_ref: KeyOf


class Variable(msgspec.Struct, rename="camel"):
    """One variable of a container."""

    name: str
    value: str = ""
    value_from: Source | None = None


class Named(msgspec.Struct):
    """A reference by name."""

    name: str
    optional: bool = False


class Variables(msgspec.Struct, rename="camel"):
    """All of a ConfigMap's or a Secret's."""

    config_map_ref: Named | None = None
    secret_ref: Named | None = None


class Port(msgspec.Struct, rename="camel"):
    """A port of a container."""

    name: str
    container_port: int


class HttpGet(msgspec.Struct):
    """What a probe asks."""

    path: str
    port: str


class Probe(msgspec.Struct, rename="camel"):
    """One question that is asked again and again."""

    period_seconds: int
    timeout_seconds: int
    failure_threshold: int
    http_get: HttpGet | None = None


class Sleep(msgspec.Struct):
    """A pause."""

    seconds: int


class PreStop(msgspec.Struct):
    """What comes before a container is told to stop."""

    sleep: Sleep


class Lifecycle(msgspec.Struct, rename="camel"):
    """What a container does at the turns of its life."""

    pre_stop: PreStop


class Mount(msgspec.Struct, rename="camel"):
    """Where a volume is in a container."""

    name: str
    mount_path: str


class Security(msgspec.Struct, rename="camel"):
    """What a container may do."""

    allow_privilege_escalation: bool
    capabilities: dict[str, list[str]]
    read_only_root_filesystem: bool = False


class Resources(msgspec.Struct):
    """What a container is promised, and what it may use."""

    requests: dict[str, str]
    limits: dict[str, str]


class PodContainer(msgspec.Struct, rename="camel"):
    """One container of a Pod."""

    name: str
    image: str
    security_context: Security
    resources: Resources
    env: list[Variable] = []
    env_from: list[Variables] = []
    ports: list[Port] = []
    startup_probe: Probe | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    volume_mounts: list[Mount] = []


class PodSecurity(msgspec.Struct, rename="camel"):
    """As whom a Pod's processes run."""

    run_as_non_root: bool
    run_as_user: int


class Volume(msgspec.Struct):
    """A volume of a Pod."""

    name: str


class PodSpec(msgspec.Struct, rename="camel"):
    """What a Pod is made of."""

    containers: list[PodContainer]
    security_context: PodSecurity
    automount_service_account_token: bool
    enable_service_links: bool
    termination_grace_period_seconds: int = 30
    init_containers: list[PodContainer] = []
    volumes: list[Volume] = []


class Metadata(msgspec.Struct):
    """Name and labels."""

    name: str = ""
    labels: Labels = {}
    namespace: str = ""


class Pod(msgspec.Struct):
    """The template of Pods."""

    spec: PodSpec
    metadata: Metadata = msgspec.field(default_factory=Metadata)


class WorkloadSpec(msgspec.Struct):
    """Whatever makes Pods."""

    template: Pod
    replicas: int = 1
    selector: dict[Literal["matchLabels"], Labels] = {}


class Workload(msgspec.Struct):
    """A Deployment, StatefulSet or Job."""

    kind: str
    metadata: Metadata
    spec: WorkloadSpec


class ServicePort(msgspec.Struct, rename="camel"):
    """A port of a Service."""

    port: int
    target_port: str


class ServiceSpec(msgspec.Struct):
    """Where a Service leads."""

    selector: Labels
    ports: list[ServicePort]


class Service(msgspec.Struct):
    """A name that leads to Pods."""

    metadata: Metadata
    spec: ServiceSpec


class Values(msgspec.Struct):
    """A ConfigMap or a Secret."""

    metadata: Metadata
    data: dict[str, str]


def render(kubectl: str, folder: Path) -> str:
    """The overlay as text. Raises CalledProcessError."""
    return subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=True).stdout


def find_kubectl() -> str | None:
    """The one of the development environment, or the machine's."""
    return shutil.which("kubectl", path=str(Path(sys.executable).parent)) or shutil.which("kubectl")


class Overlay:
    """A rendered overlay."""

    def __init__(self, text: str) -> None:
        documents: list[object] = [msgspec.yaml.decode(part) for part in text.split("\n---\n")]
        kinds = [(msgspec.convert(document, dict[str, object])["kind"], document) for document in documents]

        def of(kind: type[K], *names: str) -> list[K]:
            return [msgspec.convert(document, kind) for name, document in kinds if name in names]

        self.kinds = {str(kind) for kind, _ in kinds}
        self.workloads = {each.metadata.name: each for each in of(Workload, "Deployment", "StatefulSet", "Job")}
        self.services = {each.metadata.name: each for each in of(Service, "Service")}
        self.config_maps = {each.metadata.name: each.data for each in of(Values, "ConfigMap")}
        self.secrets = {each.metadata.name: _decoded(each.data) for each in of(Values, "Secret")}

    def pods(self) -> dict[str, PodSpec]:
        """The Pod of each workload."""
        return {name: workload.spec.template.spec for name, workload in self.workloads.items()}

    def container(self, name: str, secrets: dict[str, str]) -> Container:
        """The only container of a workload, with the values of its variables, those of the Secret from `secrets`."""
        (container,) = self.workloads[name].spec.template.spec.containers
        environment: dict[str, str] = {}
        for source in container.env_from:
            if source.config_map_ref:
                environment |= self.config_maps[source.config_map_ref.name]
        for variable in container.env:
            if variable.value_from is None:
                environment[variable.name] = variable.value
            elif (key := variable.value_from.secret_key_ref).key in secrets or not key.optional:
                environment[variable.name] = secrets[key.key]
        mounts = frozenset(mount.mount_path for mount in container.volume_mounts)
        return Container(container.image, environment, mounts)


def _decoded(data: dict[str, str]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in data.items()}
