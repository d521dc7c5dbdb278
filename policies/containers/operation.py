"""How containers are run: which image, whether somebody looks after them, what they publish and what their environment tells."""

import re
from collections.abc import Iterator

from policies.containers.facts import CONTAINER, Port, each_port
from policies.rule import AnyRule, Finding, Level, Parameter, Resource, Result, Rule, each
from policies.values import View

REMOTE_IMAGE = "docker:index/remoteImage:RemoteImage"
PROVIDER = "pulumi:providers:docker"


def unpinned(image: str) -> str | None:
    """What is wrong with an image's reference, None when it names one version."""
    if "@sha256:" in image or image.startswith("sha256:") or re.fullmatch(r"[0-9a-f]{12,64}", image):
        return None
    tag = image.rpartition("/")[2].partition(":")[2]
    if not tag:
        return "has no tag, which means latest"
    return "has the tag latest" if tag == "latest" else None


def _pinned(resource: Resource, _parameters: View) -> Iterator[Result]:
    key = "name" if resource.type == REMOTE_IMAGE else "image"
    if resource.type == CONTAINER and not isinstance(resource.props.known(key), str):
        # It comes from another resource: a RemoteImage, which this rule looks at, or a build, which has a digest.
        return
    image = resource.props.text(key)
    wrong = unpinned(image) if image else None
    if wrong:
        yield Finding(f"{key} {image} {wrong}")


PINNED = Rule(
    id="image-pinned",
    title="An image is named with its version",
    why="latest is another image tomorrow: nobody can say what runs, and a restart may upgrade the registry.",
    fix="Write the version as the tag, or a digest.",
    types=(REMOTE_IMAGE, CONTAINER),
    check=_pinned,
)


def _health(resource: Resource, _parameters: View) -> Iterator[Result]:
    tests = resource.props.view("healthcheck").texts("tests")
    if not tests or tests[0] == "NONE":
        yield Finding("healthcheck.tests is not set")


HEALTH = Rule(
    id="container-health-check",
    title="A container has a health check",
    why="Otherwise an update goes on although the new container does not work.",
    fix='Set healthcheck, for a registry tests ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/"].',
    level=Level.ADVISORY,
    types=(CONTAINER,),
    check=_health,
)


def _memory(resource: Resource, _parameters: View) -> Iterator[Result]:
    if not resource.props.number("memory"):
        yield Finding("memory is not set")


MEMORY = Rule(
    id="container-memory-limit",
    title="A container has a memory limit",
    why="One that leaks takes the whole host down, the registry with it.",
    fix="Set memory, in MiB.",
    level=Level.ADVISORY,
    types=(CONTAINER,),
    check=_memory,
)


def _internal_ports(resource: Resource, parameters: View) -> Iterator[Result]:
    refused = {int(number) for number in parameters.texts("ports") if number.isdigit()}

    def check(port: Port) -> Iterator[Result]:
        if port.internal in refused and not (port.is_loopback and parameters.flag("allowLoopback")):
            yield Finding(port.label)

    yield from each_port(resource.props, check)


DEBUG_PORT = Rule(
    id="registry-debug-port-not-published",
    title="The registry's debug port is not published",
    why="It serves profiles, memory contents and metrics to everybody, without an account.",
    fix="Remove the port; let Prometheus scrape it on the private network.",
    types=(CONTAINER,),
    parameters={"ports": Parameter(("5001",), "Ports inside the container.")},
    check=_internal_ports,
)

REDIS_PORT = Rule(
    id="redis-port-not-published",
    title="Redis is not published",
    why="It speaks without TLS, and who can write to it corrupts images.",
    fix="Remove the port; the registry reaches Redis on the private network.",
    types=(CONTAINER,),
    parameters={"ports": Parameter(("6379", "16379", "26379"), "Ports inside the container.")},
    check=_internal_ports,
)

MONITORING_PORT = Rule(
    id="monitoring-port-not-published",
    title="Prometheus, its exporters and Alertmanager are not published",
    why="They ask nobody for an account, and tell the registry's names, traffic and addresses.",
    fix="Publish them on 127.0.0.1 only (ports[].ip), or put them behind an edge that asks for an account.",
    types=(CONTAINER,),
    parameters={
        "ports": Parameter(("9090", "9091", "9093", "9100", "9115", "9121"), "Ports inside the container."),
        "allowLoopback": Parameter(True, "Whether 127.0.0.1 is acceptable."),
    },
    check=_internal_ports,
)

_SECRET_NAME = re.compile(
    r"(^|_)(PASS|PASSWD|PASSWORD|SECRET|SECRET_?KEY|SECRET_?ACCESS_?KEY|ACCOUNT_?KEY|ACCESS_?TOKEN|AUTH_?TOKEN|TOKEN|API_?KEY|PRIVATE_?KEY|CREDENTIALS?)$",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^/\s:@]*:[^/\s@]+@|AccountKey=\w")
_SECRET_ARGUMENT = re.compile(r"^--?(pass|passwd|password|requirepass|secret|token|secret-?key|access-?key)(=|$)", re.IGNORECASE)


def _environment(resource: Resource, parameters: View) -> Iterator[Result]:
    allowed = set(parameters.texts("allowed"))
    container = resource.props

    def variables(view: View) -> Iterator[Result]:
        for number, entry in enumerate(view.texts("envs")):
            name, _, value = entry.partition("=")
            if value and name not in allowed and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(value)):
                yield Finding(f"envs[{number}] gives {name} a secret in plain text")

    def arguments(view: View) -> Iterator[Result]:
        for key in ("entrypoints", "command"):
            for number, word in enumerate(view.texts(key)):
                if _SECRET_ARGUMENT.search(word) or _SECRET_VALUE.search(word):
                    yield Finding(f"{key}[{number}] gives a secret on the command line")

    yield from each([container], variables)
    yield from each([container], arguments)


ENVIRONMENT = Rule(
    id="container-no-plain-secrets",
    title="No secret stands in a container's environment or command line",
    why="`docker inspect`, crash reports and every child process show them.",
    fix="Upload the secret as a file with mode 0400 (uploads), and name the file in the variable or configuration.",
    types=(CONTAINER,),
    parameters={"allowed": Parameter((), "Names of variables that look like secrets and are none.")},
    check=_environment,
)


def _engine(resource: Resource, _parameters: View) -> Iterator[Result]:
    engine = resource.props
    host = engine.text("host") or ""
    if host.startswith("tcp://") and not (engine.text("certPath") or engine.text("certMaterial")):
        yield Finding("host is tcp:// and neither certPath nor certMaterial is set")


ENGINE = Rule(
    id="docker-engine-tls",
    title="A remote Docker engine is reached over SSH or TLS with certificates",
    why="An engine on plain TCP gives root on its host to everybody who can connect.",
    fix="Use ssh://user@host, or set certMaterial and keyMaterial.",
    types=(PROVIDER,),
    check=_engine,
)

RULES: tuple[AnyRule, ...] = (PINNED, HEALTH, MEMORY, DEBUG_PORT, REDIS_PORT, MONITORING_PORT, ENVIRONMENT, ENGINE)
