"""What a Docker container is given: files, environment, command, ports, mounts. Read only, no judgement."""

import base64
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from policies.rule import Resource, Result, Undecided, each
from policies.values import NotKnownYetError, View

CONTAINER = "docker:index/container:Container"

REGISTRY_IMAGES = frozenset(("registry", "distribution", "docker-registry"))
"""Last part of the image's name: Docker's official image, distribution's own, Debian's package."""


@dataclass(frozen=True)
class File:
    """A file uploaded into a container: its path there, its content, and the property that holds it."""

    path: str
    text: str
    where: str

    @property
    def label(self) -> str:
        """For messages."""
        return f"{self.path} ({self.where})"


def each_file(resource: Resource, wanted: re.Pattern[str], check: Callable[[File], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each uploaded file whose path matches. Files from disk have their content by now (policies/local_files.py)."""

    def one(upload: View) -> Iterator[Result]:
        path = upload.text("file") or ""
        if not wanted.search(path):
            return
        try:
            text, key = upload.text("content"), "content"
            if not text:
                encoded, key = upload.text("contentBase64"), "contentBase64"
                text = _decoded(encoded) if encoded else text
        except NotKnownYetError as error:
            yield Undecided(f"{path}, {error.path}")  # the number alone tells nobody which file it is
            return
        if text is not None:
            yield from check(File(path, text, upload.at(key)))

    yield from each(resource.props.views("uploads"), one)


def _decoded(encoded: str) -> str | None:
    try:
        return base64.b64decode(encoded, validate=True).decode("utf-8")
    except ValueError:
        return None  # no text, so none of the files that rules read


def environment(container: View) -> dict[str, str]:
    """Variable to value. Raises NotKnownYetError."""
    pairs = (entry.partition("=") for entry in container.texts("envs"))
    return {key: value for key, _, value in pairs}


def words(container: View) -> list[str]:
    """The command line: entrypoint, then command. Raises NotKnownYetError."""
    return [*container.texts("entrypoints"), *container.texts("command")]


def image_name(image: str) -> str:
    """The last part of an image's name, without tag and digest: `registry` for docker.io/library/registry:3.1.2."""
    return image.split("@", 1)[0].rpartition("/")[2].partition(":")[0]


def is_registry(container: View) -> bool:
    """Whether the container runs the registry. Raises NotKnownYetError when the image is not known and nothing else tells."""
    line = " ".join(words(container))
    if re.search(r"\bregistry serve\b", line) or any(key.startswith("REGISTRY_") for key in environment(container)):
        return True
    if container.count("entrypoints"):
        return re.search(r"(^|/)registry( |$)", line) is not None  # it replaces what the image would run
    return image_name(container.text("image") or "") in REGISTRY_IMAGES


@dataclass(frozen=True)
class Port:
    """A published port; `external` is 0 where the engine chooses, `address` empty for every address."""

    internal: int
    external: int
    address: str
    where: str

    @property
    def is_loopback(self) -> bool:
        """Whether only processes of the host itself can connect."""
        return self.address.startswith("127.") or self.address in ("::1", "[::1]", "localhost")

    @property
    def label(self) -> str:
        """For messages."""
        return f"port {self.internal} is published on {self.address or '0.0.0.0'}:{self.external or 'a free port'} ({self.where})"  # noqa: S104


def each_port(container: View, check: Callable[[Port], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each published port."""

    def one(port: View) -> Iterator[Result]:
        yield from check(_port(port))

    yield from each(container.views("ports"), one)


def ports(container: View) -> list[Port]:
    """All published ports. Raises NotKnownYetError."""
    return [_port(port) for port in container.views("ports")]


def _port(port: View) -> Port:
    address = port.text("ip") or ""
    return Port(int(port.number("internal") or 0), int(port.number("external") or 0), "" if address == "0.0.0.0" else address, port.path)  # noqa: S104


@dataclass(frozen=True)
class Mount:
    """A folder of the host (`source` begins with a slash) or a volume, and where the container sees it."""

    source: str
    target: str
    where: str

    @property
    def is_bind(self) -> bool:
        """Whether it is a folder or file of the host."""
        return self.source.startswith("/")


def each_mount(container: View, check: Callable[[Mount], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each mount, in both of the provider's notations."""

    def volume(entry: View) -> Iterator[Result]:
        source = entry.text("hostPath") or entry.text("volumeName") or ""
        yield from check(Mount(source, entry.text("containerPath") or "", entry.path))

    def mount(entry: View) -> Iterator[Result]:
        if entry.text("type") != "tmpfs":
            yield from check(Mount(entry.text("source") or "", entry.text("target") or "", entry.path))

    yield from each(container.views("volumes"), volume)
    yield from each(container.views("mounts"), mount)


def mount_targets(container: View) -> list[str]:
    """Where the container sees mounts. Targets are nearly always known, even where sources are not. Raises NotKnownYetError."""
    return [
        *(entry.text("containerPath") or "" for entry in container.views("volumes")),
        *(entry.text("target") or "" for entry in container.views("mounts")),
    ]


def is_below(path: str, folder: str) -> bool:
    """Whether a path is the folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
