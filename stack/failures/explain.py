"""What pulumi's error messages mean for the person who ran `make up`. Pure.

The vendor's docker plugin passes on what the engine said, without a remedy. Its forms: kreuzwerker/terraform-provider-docker,
internal/provider (what `docker_container` and `docker_image` answer), with the engine's own words inside.
The kit's plugin says cause and remedy itself: its messages get no second explanation.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from stack.ci.event_log import Message

CONTAINER = "docker:index/container:Container"
_DOCKER = ("docker:", "pulumi:providers:docker")
_BY_THE_KIT = re.compile(
    r"the Docker engine at \S+ is not reachable|container '[^']+' (does not start:|is not healthy after|stopped with exit code)"
    r"|image '[^']+' cannot be pulled"
)
_PORT = re.compile(r"port is already allocated|address already in use")
_WHICH_PORT = re.compile(r"(?:Bind for |listen \w+ |bind (?:host )?port (?:for )?)\[?[0-9a-fA-F.:]*?\]?:(?P<port>\d+)(?=:| failed|/)")
_DENIED = re.compile(r"permission denied while trying to connect to the [Dd]ocker|dial unix \S+: connect: permission denied")
_AWAY = re.compile(
    r"Cannot connect to the Docker daemon|[Ee]rror pinging Docker server|error during connect|failed to connect to any docker daemon"
)
_PULL = re.compile(
    r"(?:[Uu]nable to pull image|[Ee]rror pulling image|[Uu]nable to find or pull image) (?P<image>\S*[^\s:])(?=:? |:?$)", re.M
)
_NEVER_CREATED = re.compile(r"[Cc]onflict\. The container name")
_LOGIN = re.compile(r"pull access denied|unauthorized|authentication required|no basic auth|denied:")
_NO_WAY = re.compile(
    r"no such host|connection refused|i/o timeout|network is unreachable|no route to host|proxyconnect|Client\.Timeout|deadline exceeded"
    r"|handshake timeout|connection reset|server misbehaving|\bEOF\b"
)
_NO_SUCH_TAG = re.compile(r"manifest unknown|manifest for .* not found|not found")
_LIMIT = re.compile(r"toomanyrequests|rate limit")


@dataclass(frozen=True)
class ContainerFacts:
    """What the engine says about a container after the failure. Texts are free of secrets."""

    status: str
    """The engine's word: created, running, restarting, exited."""
    exit_code: int = 0
    health: str = ""
    """starting, healthy or unhealthy; empty without a health check."""
    last_check: str = ""
    """What the last health check said."""
    log: str = ""
    """The last lines of its log."""
    error: str = ""
    """Why the engine could not start it."""


@dataclass(frozen=True)
class Facts:
    """What is known beside the messages."""

    stack: str
    host: str
    """The engine's address."""
    engine_problem: str = ""
    """Why the engine does not answer now; empty where it does."""
    containers: Mapping[str, ContainerFacts] = field(default_factory=dict[str, ContainerFacts])
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    """Key of the settings by image, of those that the stack file names."""
    ports: Mapping[int, str] = field(default_factory=dict[int, str])
    """Key of the settings by published port."""
    holders: Mapping[int, str] = field(default_factory=dict[int, str])
    """Who holds a port, where that is known."""


def container_of(message: Message) -> str:
    """The name of the container that an error is about; empty where it is about something else."""
    kind, _, name = message.resource.partition(" ")
    return name if kind == CONTAINER else ""


def troubled(messages: Iterable[Message]) -> tuple[str, ...]:
    """The containers that errors are about and that need a look at the engine, in order."""
    names = (container_of(message) for message in messages if _counts(message))
    return tuple(dict.fromkeys(name for name in names if name))


def ports_in(messages: Iterable[Message]) -> tuple[int, ...]:
    """The ports that errors say are taken."""
    found = (_WHICH_PORT.search(message.text) for message in messages if _counts(message) and _PORT.search(message.text))
    return tuple(dict.fromkeys(int(match["port"]) for match in found if match))


def explain(messages: Sequence[Message], facts: Facts) -> list[str]:
    """One sentence or two for each thing that went wrong, with the remedy, each once. Empty where the messages say it all."""
    found = [_explain(message, facts) for message in messages if _counts(message)]
    return list(dict.fromkeys(text for text in found if text))


def _counts(message: Message) -> bool:
    about_docker = message.resource.startswith(_DOCKER) or not message.resource
    return message.severity == "error" and about_docker and not _BY_THE_KIT.search(message.text)


def _explain(message: Message, facts: Facts) -> str:
    text = message.text
    pull = _PULL.search(text)
    if _DENIED.search(text):
        return (
            f"no permission to talk to the Docker engine at {facts.host}: run `sudo usermod -aG docker $USER` and log in again, "
            f"or run this as root; then run `make up STACK={facts.stack}` again"
        )
    if _AWAY.search(text):
        return away(facts)
    if _PORT.search(text):
        return _port(text, container_of(message), facts)
    if pull:
        return _pull(pull["image"], text, facts)
    return _rest(message, facts)


def _rest(message: Message, facts: Facts) -> str:
    """An error whose words say little: what the engine knows about the container, or that it has gone."""
    name = container_of(message)
    if name and _NEVER_CREATED.search(message.text):
        return (
            f"the engine has a container {name} that this stack knows nothing of, e.g. of a run that was killed. If no other checkout "
            f"runs it: `docker rm -f {name}` (it holds no data), then run `make up STACK={facts.stack}` again"
        )
    if name in facts.containers:
        return _container(name, facts.containers[name], facts)
    # The engine may have gone away in the middle, which plugins report in many ways.
    return away(facts) if message.resource and facts.engine_problem else ""


def away(facts: Facts) -> str:
    """What to do about an engine that does not answer, or did not for a while."""
    if not facts.engine_problem:
        return (
            f"the Docker engine at {facts.host} did not answer for a while, and does now: run `make up STACK={facts.stack}` again, "
            "it carries on where this run ended"
        )
    return f"{facts.engine_problem}; then run `make up STACK={facts.stack}` again, it carries on where this run ended"


def _port(text: str, name: str, facts: Facts) -> str:
    found = _WHICH_PORT.search(text)
    of = f" of {name}" if name else ""
    kept = f"{f'Container {name}' if name else 'The container'} is kept as it is, and the next `make up STACK={facts.stack}` replaces it"
    if not found:
        return f"a port{of} is in use on the Docker host: free it, or set private-registry:port to another. {kept}"
    port = int(found["port"])
    key = facts.ports.get(port, "private-registry:port")
    holder = facts.holders.get(port)
    held = f"is held by {holder}" if holder else f"is in use on the Docker host (`ss -ltnp 'sport = :{port}'` there shows by which program)"
    return f"{key} = {port}: the port {held}. Stop that, or set {key} to another port. {kept}"


def _pull(image: str, text: str, facts: Facts) -> str:
    key = facts.images.get(image)
    start = f"{key} = {image}" if key else f"image {image}"
    by_hand = f"`docker pull {image}`"
    if _LIMIT.search(text):
        cause, remedy = "its registry limits pulls", f"wait, or on the Docker host run `docker login` and {by_hand}"
    elif _LOGIN.search(text):
        cause = "there is no such image, or its registry wants a login"
        remedy = f"check the spelling; for a private one run `docker login` and {by_hand} on the Docker host"
    elif _NO_WAY.search(text):
        cause = "the engine cannot reach its registry"
        remedy = (
            "check the name, and network and proxy of the Docker host; without network leave the key out and run `make up OFFLINE=always`, "
            "which builds the images, or load it there (`docker load`)"
        )
    elif _NO_SUCH_TAG.search(text):
        cause, remedy = "its registry has no such image or tag", "check the spelling of name and tag"
    else:
        cause, remedy = "the engine could not pull it", f"try {by_hand} on the Docker host"
    return f"{start}: {cause}. To fix it, {remedy}; then run `make up STACK={facts.stack}` again"


def _container(name: str, found: ContainerFacts, facts: Facts) -> str:
    if found.status == "created":
        state = f"was created and could not start{f' ({found.error})' if found.error else ''}"
    elif found.status in {"exited", "dead", "restarting"}:
        state = f"stopped with exit code {found.exit_code}" + (" and is started again and again" if found.status == "restarting" else "")
    elif found.health and found.health != "healthy":
        state = "runs and is not healthy" + (f"; its last health check said: {found.last_check}" if found.last_check else "")
    elif facts.engine_problem:
        return away(facts)
    else:
        return f"container {name} is well by now: it took too long. Run `make up STACK={facts.stack}` again"
    log = f"; its log ends with: {found.log}" if found.log else ""
    return (
        f"container {name} {state}{log}. It is kept for a look (`docker logs {name}`); once the cause is gone, the next "
        f"`make up STACK={facts.stack}` replaces it"
    )
