"""What a container may do to its host."""

import re
from collections.abc import Iterator

from policies.containers.facts import CONTAINER, Mount, each_mount
from policies.rule import AnyRule, Finding, Level, Parameter, Resource, Result, Rule
from policies.values import View


def _privileged(resource: Resource, _parameters: View) -> Iterator[Result]:
    if resource.props.flag("privileged"):
        yield Finding("privileged is true, which gives the container the host")


PRIVILEGED = Rule(
    id="container-not-privileged",
    title="No container is privileged",
    why="Whoever gets into a privileged container is root on the host.",
    fix="Remove privileged, and add the one capability that is needed.",
    types=(CONTAINER,),
    check=_privileged,
)


def _namespaces(resource: Resource, _parameters: View) -> Iterator[Result]:
    container = resource.props
    for key in ("networkMode", "pidMode", "ipcMode", "usernsMode"):
        if container.text(key) == "host":
            yield Finding(f"{key} is host")


NAMESPACES = Rule(
    id="container-own-namespaces",
    title="No container shares the host's network, processes or memory",
    why="With the host's network every listener of the container is published, the registry's debug port among them.",
    fix="Remove networkMode, pidMode, ipcMode and usernsMode, and publish the edge's port with ports.",
    types=(CONTAINER,),
    check=_namespaces,
)

_SOCKET = re.compile(r"/(docker|containerd|podman|crio|cri-dockerd)\.sock$")


def _socket(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(mount: Mount) -> Iterator[Result]:
        if _SOCKET.search(mount.source) or _SOCKET.search(mount.target):
            yield Finding(f"{mount.source or 'a volume'} is mounted ({mount.where})")

    yield from each_mount(resource.props, check)


SOCKET = Rule(
    id="container-no-engine-socket",
    title="No container gets the container engine's socket",
    why="Who can talk to the engine can start a privileged container, read-only mount or not.",
    fix="Remove the mount; give the container what it needs through files or an API of its own.",
    types=(CONTAINER,),
    check=_socket,
)

_HOST_FOLDERS = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/var/lib",
    "/var/lib/docker",
)


def _host_folders(resource: Resource, parameters: View) -> Iterator[Result]:
    folders = set(parameters.texts("folders"))

    def check(mount: Mount) -> Iterator[Result]:
        if mount.is_bind and (mount.source.rstrip("/") or "/") in folders:
            yield Finding(f"the host's {mount.source} is mounted ({mount.where})")

    yield from each_mount(resource.props, check)


HOST_FOLDERS = Rule(
    id="container-no-host-folders",
    title="No container mounts the host's root or system folders",
    why="They hold the host's passwords, keys and programs, and the data of every other container.",
    fix="Mount a volume, or the one file that is needed.",
    types=(CONTAINER,),
    parameters={"folders": Parameter(_HOST_FOLDERS, "Folders of the host; what lies below them may be mounted.")},
    check=_host_folders,
)

_DANGEROUS = (
    "ALL",
    "BPF",
    "DAC_READ_SEARCH",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "NET_ADMIN",
    "NET_RAW",
    "PERFMON",
    "SYSLOG",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_TIME",
)


def _capabilities(resource: Resource, parameters: View) -> Iterator[Result]:
    refused = set(parameters.texts("refused"))
    for capability in resource.props.view("capabilities").texts("adds"):
        if capability.upper().removeprefix("CAP_") in refused:
            yield Finding(f"capabilities.adds has {capability}")


CAPABILITIES = Rule(
    id="container-no-dangerous-capabilities",
    title="No container gets a capability that reaches the host",
    why="Each of them is a way out of the container, or to the traffic of others.",
    fix="Remove it from capabilities.adds.",
    types=(CONTAINER,),
    parameters={"refused": Parameter(_DANGEROUS, "Capabilities without CAP_.")},
    check=_capabilities,
)


def _drops(resource: Resource, _parameters: View) -> Iterator[Result]:
    dropped = {capability.upper() for capability in resource.props.view("capabilities").texts("drops")}
    if "ALL" not in dropped:
        yield Finding("capabilities.drops does not have ALL")


DROPS = Rule(
    id="container-drops-capabilities",
    title="A container drops all capabilities but those that it needs",
    why="Docker gives fourteen by default, and a registry needs none.",
    fix='Set capabilities to drops ["ALL"], and adds to what the program needs.',
    level=Level.ADVISORY,
    types=(CONTAINER,),
    check=_drops,
)


def _new_privileges(resource: Resource, _parameters: View) -> Iterator[Result]:
    if not {"no-new-privileges:true", "no-new-privileges"} & set(resource.props.texts("securityOpts")):
        yield Finding("securityOpts does not have no-new-privileges:true")


NEW_PRIVILEGES = Rule(
    id="container-no-new-privileges",
    title="No process of a container can gain privileges",
    why="A set-uid program in the image could otherwise make root of anybody.",
    fix='Set securityOpts to ["no-new-privileges:true"].',
    level=Level.ADVISORY,
    types=(CONTAINER,),
    check=_new_privileges,
)

RULES: tuple[AnyRule, ...] = (PRIVILEGED, NAMESPACES, SOCKET, HOST_FOLDERS, CAPABILITIES, DROPS, NEW_PRIVILEGES)
