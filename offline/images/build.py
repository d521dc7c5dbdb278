"""Builds one image of the kit and loads it into an engine."""

import json
import platform
import tempfile
from pathlib import Path

from offline.images.packages import unpack
from offline.images.recipe import SUITE, Recipe
from offline.images.rootfs import assemble
from offline.kit.engine_api import Engine
from offline.kit.progress import say, step

_LABEL = "private-registry.offline"


def existing(engine: Engine, recipe: Recipe, go_build: str) -> str | None:
    """The tag of this image when the engine has it, built in the way that it would be built now.

    `go_build` names the Go build that goes in.
    """
    label = f"{_LABEL}.recipe={recipe.fingerprint(go_build if recipe.go_binary else '')}"
    return engine.image_with_label(label, recipe.tag.partition(":")[0])


def build(engine: Engine, recipe: Recipe, go_build: str, program: Path | None) -> str:
    """Builds the image, loads it and returns its tag. `program` is the one built from its Go module, for a recipe that takes it.

    Raises KitError when packages cannot be fetched or the engine refuses the image.
    """
    with step(f"building image {recipe.tag.partition(':')[0]} from Debian {SUITE} packages"), tempfile.TemporaryDirectory() as folder:
        unpacked, root = Path(folder) / "unpacked.tar", Path(folder) / "root.tar"
        unpack(recipe.packages, unpacked)
        programs = {f"usr/bin/{program.name}": program} if program and recipe.go_binary else {}
        version = assemble(recipe, unpacked, root, programs)
        tag = recipe.tag.format(version=version)
        engine.import_image(root, tag, _changes(recipe, version, go_build))
    say(f"image {tag}: {engine.image_size(tag) / 1e6:.0f} MB")
    return tag


def _changes(recipe: Recipe, version: str, go_build: str) -> list[str]:
    origin = f"Debian {SUITE} packages: {', '.join(recipe.packages)}" + (f"; Go module: {go_build}" if recipe.go_binary else "")
    labels = {
        "org.opencontainers.image.title": recipe.role,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.description": f"Built by the offline engine kit from {origin}. Not an image of the vendor.",
        _LABEL: recipe.role,
        f"{_LABEL}.recipe": recipe.fingerprint(go_build if recipe.go_binary else ""),
        f"{_LABEL}.architecture": platform.machine(),
    }
    return [
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        *(f"ENV {name}={value}" for name, value in recipe.environment),
        *(f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()),
        f"CMD {json.dumps(list(recipe.command))}",
    ]
