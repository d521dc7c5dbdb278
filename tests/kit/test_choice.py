"""Which image each service runs, with an engine that only remembers what it was asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from components.settings.model import ImagesSettings
from offline.images import choice
from offline.images.recipe import REGISTRY, REGISTRY_2, STACK_IMAGES
from offline.kit.engine_api import Engine
from offline.kit.need import CliDecision, Mode
from offline.kit.prepare import summary
from offline.kit.pull_memory import DAY_SECONDS, PullMemory
from offline.kit.stack_file import Wishes

VENDOR = {
    "registry": "registry:3.1.2",
    "edge": "nginx:1",
    "redis": "redis:8",
    "config": "busybox:1",
    "ops": "python:3",
    "sweeper": "rclone:1",
}
OUT_OF_REACH = "dial tcp: no such host"


class FakeEngine:
    """Stands in for an engine: `present` images are there, `pullable` ones can be had."""

    def __init__(self, present: set[str], pullable: set[str], reason: str = OUT_OF_REACH) -> None:
        self.present, self.pullable, self.reason = present, pullable, reason
        self.pulled: list[str] = []

    def has_image(self, name: str) -> bool:
        return name in self.present

    def pull(self, name: str) -> str | None:
        self.pulled.append(name)
        return None if name in self.pullable else self.reason


class Chooser:
    """Decides on a fake engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(
        self, engine: FakeEngine, mode: Mode = Mode.AUTO, images: Mapping[str, str] | None = None, cache: str = "redis"
    ) -> choice.Needs:
        return choice.decide(
            cast("Engine", engine),
            Wishes(images=images or {}, cache=cache),
            vendor=VENDOR,
            mode=mode,
            memory=PullMemory(self.folder / "pulls.json", "engine-1"),
        )


def _roles(needs: choice.Needs) -> set[str]:
    return {recipe.role for recipe in needs.run}


@pytest.fixture
def chooser(tmp_path: Path) -> Chooser:
    return Chooser(tmp_path)


def test_vendor_images_that_can_be_had_are_used(chooser: Chooser) -> None:
    engine = FakeEngine(present={"registry:3.1.2"}, pullable=set(VENDOR.values()) - {"registry:3.1.2"})
    assert chooser(engine) == choice.Needs()
    assert engine.pulled == ["nginx:1", "redis:8", "busybox:1", "python:3", "rclone:1"]


def test_a_registry_out_of_reach_is_asked_once(chooser: Chooser) -> None:
    engine = FakeEngine(present=set(), pullable=set())
    found = chooser(engine)
    assert _roles(found) == set(VENDOR)
    assert engine.pulled == ["registry:3.1.2"]
    assert "pull of registry:3.1.2 failed: dial tcp: no such host" in found.why


def test_one_missing_image_says_nothing_about_the_others(chooser: Chooser) -> None:
    engine = FakeEngine(present=set(), pullable=set(VENDOR.values()) - {"registry:3.1.2"}, reason="manifest unknown")
    assert _roles(chooser(engine)) == {"registry"}
    assert len(engine.pulled) == len(VENDOR)


def test_a_failed_pull_is_remembered_for_a_day_and_per_engine(chooser: Chooser, tmp_path: Path) -> None:
    chooser(FakeEngine(present=set(), pullable=set()))
    again = FakeEngine(present=set(), pullable=set())
    chooser(again)
    assert again.pulled == []
    memory = PullMemory(tmp_path / "pulls.json", "engine-1")
    assert memory.reason("registry:3.1.2") == OUT_OF_REACH
    assert PullMemory(tmp_path / "pulls.json", "engine-2").reason("registry:3.1.2") is None
    memory.note("x:1", "gone", now=1000.0)
    assert memory.reason("x:1", now=1000.0 + DAY_SECONDS - 1) == "gone"
    assert memory.reason("x:1", now=1000.0 + DAY_SECONDS + 1) is None


def test_a_memory_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    (tmp_path / "pulls.json").write_text("{half")
    assert PullMemory(tmp_path / "pulls.json", "e").reason("a:1") is None


def test_images_of_the_user_are_left_alone(chooser: Chooser) -> None:
    engine = FakeEngine(present=set(), pullable=set())
    found = chooser(engine, images={"registry": "example.com/registry:3", "edge": "nginx:own"})
    assert _roles(found) == set(VENDOR) - {"registry", "edge"}
    assert engine.pulled == ["redis:8"]


def test_a_kit_image_asked_for_by_name_is_built(chooser: Chooser) -> None:
    engine = FakeEngine(present=set(VENDOR.values()), pullable=set())
    needs = chooser(engine, images={"registry": "offline/registry:2.8.3"})
    assert (needs.run, needs.asked) == ([], [REGISTRY_2])
    assert needs.has(REGISTRY_2)
    assert not needs.has(REGISTRY)
    assert choice.recipe_for("offline/registry:2.8.3") is REGISTRY_2
    assert choice.recipe_for("offline/registry:3.1.2") is REGISTRY
    assert choice.recipe_for("registry:3.1.2") is None


def test_modes(chooser: Chooser) -> None:
    engine = FakeEngine(present=set(VENDOR.values()), pullable=set())
    assert _roles(chooser(engine, Mode.ALWAYS)) == {recipe.role for recipe in STACK_IMAGES}
    assert _roles(chooser(FakeEngine(present=set(), pullable=set()), Mode.NEVER)) == set()


@pytest.mark.parametrize("cache", ["none", "inmemory"])
def test_redis_is_not_fetched_for_a_stack_without_it(chooser: Chooser, cache: str) -> None:
    assert "redis" not in _roles(chooser(FakeEngine(present=set(), pullable=set()), cache=cache))


def test_every_role_has_a_default_image_in_the_settings() -> None:
    assert {recipe.role for recipe in STACK_IMAGES} <= set(ImagesSettings.model_fields)


def test_the_summary_is_one_line_with_parts_and_reasons() -> None:
    kit = CliDecision(kit=True, why="no `pulumi` on PATH")
    line = summary(kit, choice.Choice({"edge": "offline/edge:nginx-1"}, "pull of nginx:1 failed: no such host"))
    assert line.startswith("offline kit: provides Pulumi CLI 3.")
    assert "(no `pulumi` on PATH); images offline/edge:nginx-1 (pull of nginx:1 failed: no such host)" in line
    vendor = CliDecision(kit=False, why="`pulumi` found: /opt/pulumi")
    assert summary(vendor, choice.Choice()) == "offline kit: not needed (`pulumi` found: /opt/pulumi)"
