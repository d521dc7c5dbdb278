"""The configuration that a registry runs with: its YAML file, and the environment variables that override it.

Names of keys and variables: https://distribution.github.io/distribution/about/configuration/
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import yaml

from policies.containers.facts import File, each_file, environment, is_below, is_registry, mount_targets, words
from policies.rule import Resource, Result, each
from policies.values import View

YAML_FILE = re.compile(r"\.ya?ml$")
CONFIG_FOLDERS = ("/etc/docker/registry", "/etc/distribution")
"""Where the images look for config.yml: 2.x and 3.x (their Dockerfiles)."""
DEFAULT_PORT = 5000

_IMAGE_DEFAULT: Mapping[str, object] = {"version": 0.1, "http": {"addr": f":{DEFAULT_PORT}"}}
"""What matters here of the file inside of the images: it has neither auth nor TLS."""
_NO_KEY = frozenset(("REGISTRY_IMAGE", "REGISTRY_VERSION"))


@dataclass(frozen=True)
class RegistryConfig:
    """A configuration, and where it was found."""

    data: View
    where: str
    own: bool
    """Whether the container that it was found in runs the registry. Otherwise another one takes it from a volume."""
    complete: bool = True
    """False where the file comes out of a mount and only the variables over it are seen: what is missing may be in the file."""

    def at(self, key: str) -> str:
        """For messages: the dotted key and where it stands."""
        return f"{key} in {self.where}"


@functools.lru_cache(maxsize=64)
def parse(text: str) -> Mapping[str, object] | None:
    """The configuration in a YAML file; None when it is something else. Not to be changed: many rules read the same file, and it is
    parsed for the first of them only."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None  # and not the error's own words, which quote the file
    if not isinstance(found, Mapping) or not ({"version", "storage"} <= found.keys() or {"storage", "http"} <= found.keys()):
        return None
    return {str(key): value for key, value in found.items()}


def overlaid(base: Mapping[str, object], variables: Mapping[str, str]) -> dict[str, object]:
    """The configuration with REGISTRY_A_B=value laid over as key a.b."""
    tree = _copy(base)
    for name, value in sorted(variables.items()):
        if name.startswith("REGISTRY_") and name not in _NO_KEY:
            _set(tree, name.removeprefix("REGISTRY_").lower().split("_"), _value(value))
    return tree


def _copy(node: Mapping[str, object]) -> dict[str, object]:
    return {str(key).lower(): _copy(value) if isinstance(value, Mapping) else value for key, value in node.items()}


def _set(tree: dict[str, object], path: list[str], value: object) -> None:
    for key in path[:-1]:
        inner = tree.get(key)
        if not isinstance(inner, dict):
            # REGISTRY_AUTH=htpasswd names the section that REGISTRY_AUTH_HTPASSWD_PATH fills.
            named: dict[str, object] = {inner: {}} if isinstance(inner, str) else {}
            tree[key] = inner = named
        tree = inner
    before = tree.get(path[-1])
    if isinstance(value, str) and isinstance(before, dict):
        before.setdefault(value, {})
    else:
        tree[path[-1]] = value


def _value(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return text


def takes_file_from_elsewhere(container: View) -> bool:
    """Whether the registry's configuration file comes out of a mount. Raises NotKnownYetError."""
    named = [word.rpartition("/")[0] for word in words(container) if YAML_FILE.search(word) and word.startswith("/")]
    return any(
        is_below(folder, target) or is_below(target, folder) for target in mount_targets(container) for folder in named or CONFIG_FOLDERS
    )


def each_config(resource: Resource, check: Callable[[RegistryConfig], Iterable[Result]]) -> Iterator[Result]:
    """Runs a check on each registry configuration that the container is given.

    A container that runs the registry's image without a file and without a mount over it has the image's own, which has no auth.
    Of one whose file comes out of a mount the variables are seen; whoever fills the volume is looked at, and stack rules see when
    nobody does.
    """
    container = resource.props

    def in_file(file: File) -> Iterator[Result]:
        found = parse(file.text)
        if found is None:
            return
        own = is_registry(container)
        data = overlaid(found, environment(container)) if own else _copy(found)
        yield from check(RegistryConfig(View(data), file.label, own))

    yield from each_file(resource, YAML_FILE, in_file)
    yield from each([container], lambda view: _without_file(view, check))


def _without_file(container: View, check: Callable[[RegistryConfig], Iterable[Result]]) -> Iterator[Result]:
    if any(YAML_FILE.search(upload.text("file") or "") for upload in container.views("uploads")) or not is_registry(container):
        return
    variables = environment(container)
    if takes_file_from_elsewhere(container):
        yield from check(RegistryConfig(View(overlaid({}, variables)), "envs", own=True, complete=False))
        return
    where = "envs" if any(name.startswith("REGISTRY_") for name in variables) else "the image's own configuration"
    yield from check(RegistryConfig(View(overlaid(_IMAGE_DEFAULT, variables)), where, own=True))


def section(config: View, key: str) -> View | None:
    """A section that is set; also one that is only named, as in `auth: htpasswd`."""
    if not config.has(key):
        return None
    value = config.value(key)
    return View({value: {}}, key) if isinstance(value, str) and value else config.view(key)
