"""`docker:index/remoteImage:RemoteImage`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import CONFLICT, NOT_FOUND, EngineRefusedError
from offline.plugins.docker.images import ensure_image, find_image, repo_digest
from offline.plugins.docker.in_use import containers_with
from offline.plugins.docker.schema import Effect, Property, Schema, check_inputs, diff_result, differences, preview_outputs, settings
from offline.plugins.docker.values import Flag, Record, SetOf, Text, Texts
from offline.plugins.framework.resource import CheckFailure, DiffResult, ResourceError, ResourceKind
from offline.plugins.framework.values import Properties

REMOTE_IMAGE: Schema = {
    "name": Property(Text(pattern=r"\S+", form="an image name"), missing="is missing: name an image"),
    "keepLocally": Property(Flag(), Effect.UPDATE),
    "forceRemove": Property(Flag(), Effect.UPDATE),
    "pullTriggers": Property(SetOf(Text())),
    "triggers": Property(Texts()),
    "platform": Property(Text(), default="", refused="name an image that is built for the engine's platform"),
    "build": Property(Record({}), refused="build images outside the stack"),
}
_COMPUTED = ("imageId", "repoDigest")


class RemoteImage(ResourceKind):
    """An image that the engine has, pulled if it must be. Its id is the image's id followed by its name, as with the vendor's plugin."""

    def __init__(self, engine: Callable[[], Engine]) -> None:
        self._engine = engine

    def check(self, olds: Properties, news: Properties) -> tuple[Properties, list[CheckFailure]]:
        return check_inputs(REMOTE_IMAGE, news)

    def diff(self, resource_id: str, olds: Properties, old_inputs: Properties, news: Properties) -> DiffResult:
        """Compare. With the same name the old image goes first: removed after the new one came, it would take that along."""
        changes = differences(REMOTE_IMAGE, olds, old_inputs, news)
        return diff_result(REMOTE_IMAGE, changes, old_inputs=old_inputs, news=news, delete_first="name" not in changes)

    def create(self, inputs: Properties, *, timeout: float, preview: bool) -> tuple[str, Properties]:
        if preview:
            return "", preview_outputs(REMOTE_IMAGE, inputs, _COMPUTED)
        wanted = settings(REMOTE_IMAGE, inputs)
        return _result(ensure_image(self._engine(), wanted["name"]), wanted)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties) -> tuple[str, Properties, Properties] | None:
        name = outputs.get("name") or _name_in(resource_id)
        found = find_image(self._engine(), name)
        if found is None:
            return None
        new_id, new_outputs = _result(found, outputs or {"name": name})
        return new_id, inputs or {"name": name}, new_outputs

    def update(self, resource_id: str, olds: Properties, news: Properties, *, timeout: float, preview: bool) -> Properties:
        wanted = settings(REMOTE_IMAGE, news)
        if preview:
            return {**{name: olds.get(name) for name in _COMPUTED}, **wanted}
        return _result(ensure_image(self._engine(), wanted["name"]), wanted)[1]

    def delete(self, resource_id: str, outputs: Properties, *, timeout: float) -> None:
        was = settings(REMOTE_IMAGE, outputs)
        if was.get("keepLocally"):
            return
        engine, name = self._engine(), was.get("name") or _name_in(resource_id)
        try:
            with engine.asked(f"remove image {name!r}") as api:
                api.remove_image(name, force=was.get("forceRemove", False))
        except EngineRefusedError as error:
            if error.status == NOT_FOUND:
                return
            if error.status == CONFLICT:
                users = ", ".join(repr(user) for user in containers_with(engine, ancestor=name)) or "a container"
                raise ResourceError(
                    f"image {name!r} is still in use by {users}. Remove that first, or set keepLocally, which leaves images on the engine"
                ) from error
            raise


def _result(inspect: Mapping[str, Any], prior: Properties) -> tuple[str, Properties]:
    """Id and outputs from the engine's `inspect` of an image."""
    name = prior["name"]
    outputs = {**prior, "imageId": inspect["Id"], "repoDigest": repo_digest(name, inspect.get("RepoDigests") or [])}
    return inspect["Id"] + name, outputs


def _name_in(resource_id: str) -> str:
    """The image's name in a resource id (`sha256:<64 digits><name>`); an id of another form, given to an import, is a name itself."""
    digits = len("sha256:") + 64
    return resource_id[digits:] or resource_id if resource_id.startswith("sha256:") else resource_id
