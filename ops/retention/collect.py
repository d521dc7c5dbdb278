"""What is in the repositories that rules are for.

Costs one list a repository, one HEAD a tag, and one GET for each manifest and config that is not yet cached, however many share it.
"""

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from ops.api import Manifest, Registry, RegistryError, sha256
from ops.cache import Cache
from ops.images import BadManifestError, document, is_index, references
from ops.output import Progress
from ops.retention.image import Image
from ops.retention.once import Once
from ops.walk import load

CREATED = "org.opencontainers.image.created"
CONFIG_TYPES = ("application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json")
CONFIG_LIMIT = 4 << 20


def parse_time(value: object) -> float | None:
    """Unix seconds of an RFC 3339 time with up to nanoseconds; None for anything else, also outside the years 1 to 9999 in UTC."""
    if not isinstance(value, str):
        return None
    text = value.strip().replace("z", "Z").replace("Z", "+00:00")
    head, point, rest = text.partition(".")
    if point:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = head + "." + digits[:6].ljust(6, "0") + rest[len(digits) :]
    try:
        time = datetime.fromisoformat(text)
        seconds = (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
        datetime.fromtimestamp(seconds, UTC)  # what cannot be shown again is no time: an offset, or rounding, may lead out of range
    except (ValueError, OverflowError):
        return None
    return seconds


def _mapping(value: object) -> Mapping[str, object]:
    return cast(Mapping[str, object], value) if isinstance(value, dict) else {}


def _annotated(content: Mapping[str, object]) -> float | None:
    return parse_time(_mapping(content.get("annotations")).get(CREATED))


def _config(registry: Registry, cache: Cache | None, repository: str, digest: str) -> Mapping[str, object]:
    """An image's config, empty when it cannot be read."""
    found = cache.get(digest) if cache else None
    if found is None:
        body = bytearray()
        for piece in registry.blob(repository, digest):
            body += piece
            if len(body) > CONFIG_LIMIT:
                return {}
        if sha256(bytes(body)) != digest:
            return {}
        found = Manifest(digest, "config", bytes(body))
        if cache:
            cache.put(found)
    with contextlib.suppress(BadManifestError):
        return document(found.body)
    return {}


@dataclass(frozen=True)
class _Manifest:
    """What matters of one manifest. `config` is the config's digest; `dated` says whether it is of a kind that tells the image's age."""

    index: bool
    children: tuple[str, ...]
    config: str | None
    dated: bool
    subject: str | None
    annotated: float | None


class _Reader:
    """Reads manifests and configs, each once: indexes share parts, and images share configs."""

    def __init__(self, registry: Registry, cache: Cache | None) -> None:
        self._registry, self._cache = registry, cache
        self._manifests: Once[str, _Manifest] = Once()
        self._times: Once[str, float | None] = Once()

    def manifest(self, repository: str, digest: str) -> _Manifest | None:
        """None when it is missing or cannot be read."""
        try:
            return self._manifests.get(digest, lambda: self._read(repository, digest))
        except RegistryError as error:
            if error.status != 404:
                raise
        except BadManifestError:
            pass
        return None

    def _read(self, repository: str, digest: str) -> _Manifest:
        manifest = load(self._registry, self._cache, repository, digest)
        content = document(manifest.body)
        refers = references(manifest.media_type, manifest.body)
        dated = _mapping(content.get("config")).get("mediaType") in CONFIG_TYPES
        index = is_index(manifest.media_type, content)
        return _Manifest(index, tuple(sorted(refers.children)), refers.config, dated, refers.subject, _annotated(content))

    def config_time(self, repository: str, digest: str) -> float | None:
        """When the image says that it was made; None when its config is missing or does not say."""
        try:
            return self._times.get(digest, lambda: parse_time(_config(self._registry, self._cache, repository, digest).get("created")))
        except RegistryError as error:
            if error.status != 404:
                raise
            return None


class _Facts:
    """What one image's manifest and everything below it says."""

    def __init__(self, reader: _Reader, repository: str) -> None:
        self._reader, self._repository = reader, repository
        self.created: list[float] = []
        self.parts: set[str] = set()
        self.configs: set[str] = set()
        self.subject: str | None = None

    def gather(self, digest: str, *, top: bool = True) -> None:
        """Adds a manifest's facts. Something missing only leaves the age unknown, and an image of unknown age stays."""
        manifest = self._reader.manifest(self._repository, digest)
        if manifest is None:
            return
        if top:
            self.subject = manifest.subject
        found: float | None = None
        if manifest.index:
            for child in manifest.children:
                if child not in self.parts:
                    self.parts.add(child)
                    self.gather(child, top=False)
        elif manifest.config:
            self.configs.add(manifest.config)
            if manifest.dated:
                found = self._reader.config_time(self._repository, manifest.config)
        # An index is as old as its newest part; its annotation only counts where no part has a time.
        if found is None and not (top and self.created):
            found = manifest.annotated
        if found is not None:
            self.created.append(found)


def _image(reader: _Reader, repository: str, digest: str, tags: Iterable[str]) -> Image:
    """One image with its facts."""
    facts = _Facts(reader, repository)
    facts.gather(digest)
    created = max(facts.created) if facts.created else None
    return Image(repository, digest, tuple(sorted(tags)), created, frozenset(facts.parts), frozenset(facts.configs), facts.subject)


def image(registry: Registry, cache: Cache | None, repository: str, digest: str, tags: Iterable[str]) -> Image:
    """One image alone with its facts."""
    return _image(_Reader(registry, cache), repository, digest, tags)


def collect(registry: Registry, cache: Cache | None, wanted: Callable[[str], bool], progress: Progress | None = None) -> list[Image]:
    """Every image with a tag in the repositories that `wanted` names."""
    progress = progress or Progress(quiet=True)
    repositories = [repository for repository in registry.repositories() if wanted(repository)]
    listed: list[tuple[str, str]] = []
    for repository, names in registry.each(registry.tags, repositories):
        listed.extend((repository, tag) for tag in names)
    tags: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for number, ((repository, tag), digest) in enumerate(registry.each(lambda item: registry.head_manifest(*item), listed)):
        progress.step("tags looked up", number + 1, len(listed))
        if digest is not None:
            tags[repository, digest].append(tag)
    images: list[Image] = []
    reader = _Reader(registry, cache)
    read = registry.each(lambda item: _image(reader, *item, tags[item]), sorted(tags))
    for number, (_, found) in enumerate(read):
        progress.step("images read", number + 1, len(tags))
        images.append(found)
    progress.end()
    return images
