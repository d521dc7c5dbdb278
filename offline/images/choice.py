"""Which image each service runs: the vendor's where it can be had, else the kit's own."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offline.images.build import build, existing
from offline.images.recipe import ALL, STACK_IMAGES, Recipe
from offline.kit import gobuild
from offline.kit.engine_api import Engine
from offline.kit.lock import locked
from offline.kit.need import Mode
from offline.kit.places import cache
from offline.kit.progress import step
from offline.kit.pull_memory import PullMemory
from offline.kit.stack_file import Wishes

_REASON_CHARACTERS = 160


@dataclass
class Choice:
    """The kit images to run, by role, and why they are needed."""

    images: dict[str, str] = field(default_factory=dict)
    why: str = ""


@dataclass
class Needs:
    """The kit's images that a stack needs."""

    run: list[Recipe] = field(default_factory=list)
    """In place of the vendor's."""
    asked: list[Recipe] = field(default_factory=list)
    """Named by the stack file, and not there yet."""
    why: str = ""

    def has(self, recipe: Recipe) -> bool:
        """Whether this image is among them."""
        return recipe in self.run or recipe in self.asked


def origin(recipe: Recipe) -> str:
    """Names the Go build that goes into the image; empty for an image of packages only."""
    return gobuild.IMAGE_PROGRAMS[recipe.role].origin if recipe.go_binary else ""


def provide(engine: Engine, recipe: Recipe) -> str:
    """The tag of a kit image, built now when the engine does not have it. Raises KitError when that fails.

    Two runs at once build it once: the second waits for the first.
    """
    found = existing(engine, recipe, origin(recipe))
    if found:
        return found
    program = gobuild.build(gobuild.IMAGE_PROGRAMS[recipe.role]) if recipe.go_binary else None
    with locked(cache() / f"image-{recipe.role}.lock", f"image {recipe.tag.partition(':')[0]}"):
        return existing(engine, recipe, origin(recipe)) or build(engine, recipe, origin(recipe), program)


def recipe_for(image: str) -> Recipe | None:
    """The recipe of a kit image that a user has asked for by name (`offline/registry:2.8.3`), or None for any other image."""
    candidates = [recipe for recipe in ALL.values() if recipe.tag.partition(":")[0] == image.partition(":")[0]]
    if len(candidates) > 1:
        # Two registries: the older one has its version from its package, the newer one from its Go module.
        candidates = [recipe for recipe in candidates if (recipe.version or "2.")[:2] == image.partition(":")[2][:2]]
    return candidates[0] if candidates else None


def roles_needed(wishes: Wishes) -> list[Recipe]:
    """The images that a stack with these settings runs."""
    return [recipe for recipe in STACK_IMAGES if recipe.role != "redis" or wishes.cache == "redis"]


def one_answer_for_all(reason: str) -> bool:
    """Whether a failed pull says that the registry is out of reach, so that asking for its other images is a waste of time."""
    return not any(words in reason.lower() for words in ("not found", "manifest unknown", "denied"))


def decide(engine: Engine, wishes: Wishes, *, vendor: Mapping[str, str], mode: Mode, memory: PullMemory) -> Needs:
    """Decides for every image that the stack file leaves open, and pulls the vendor's where that works. Builds nothing.

    `vendor` names the program's default image of each role.
    """
    needs = Needs()
    unreachable: str | None = None
    for recipe in roles_needed(wishes):
        asked = wishes.images.get(recipe.role)
        if asked:
            own = recipe_for(asked) if mode is not Mode.NEVER else None
            if own and not engine.has_image(asked):
                needs.asked.append(own)
            continue
        if mode is Mode.NEVER:
            continue
        if mode is Mode.ALWAYS:
            needs.why = "OFFLINE=always"
        else:
            image = vendor[recipe.role]
            reason = None
            if not engine.has_image(image):
                reason = unreachable or memory.reason(image) or _pull(engine, image, memory)
            if reason is None:
                continue
            unreachable = reason if one_answer_for_all(reason) else unreachable
            needs.why = needs.why or f"pull of {image} failed: {reason[:_REASON_CHARACTERS]}"
        needs.run.append(recipe)
    return needs


def _pull(engine: Engine, image: str, memory: PullMemory) -> str | None:
    with step(f"pulling {image}") as running:
        reason = engine.pull(image)
        if reason:
            running.outcome = "not possible, found"
    if reason:
        memory.note(image, " ".join(reason.split()))
    return reason
