"""Decisions around building Go programs."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from components.settings.model import ImagesSettings
from offline.images.recipe import STACK_IMAGES
from offline.kit import gobuild
from offline.kit.errors import KitError
from offline.kit.places import REPO
from offline.kit.tools_for_tests import ACTIONLINT, CRANE


@pytest.mark.parametrize(
    ("text", "expected"),
    [("go1.26.8", (1, 26, 8)), ("1.25", (1, 25)), ("go1.27rc1", (1, 27)), ("go1.26.6 X:nocoverageredesign", (1, 26, 6))],
)
def test_version_numbers(text: str, expected: tuple[int, ...]) -> None:
    assert gobuild.numbers(text) == expected


def test_the_required_go_is_read_from_go_mod() -> None:
    assert gobuild.required_go("module x\n\ngo 1.26.6\n") == "1.26.6"
    with pytest.raises(KitError, match="no `go` line"):
        gobuild.required_go("module x\n")


def test_the_fingerprint_changes_with_everything_that_shapes_the_build() -> None:
    base = (gobuild.CLI, b"mod", b"sum", "go1.26.8")
    other = [
        (replace(gobuild.CLI, version="9"), b"mod", b"sum", "go1.26.8"),
        (gobuild.CLI, b"mod2", b"sum", "go1.26.8"),
        (gobuild.CLI, b"mod", b"sum2", "go1.26.8"),
        (gobuild.CLI, b"mod", b"sum", "go1.27.0"),
    ]
    assert gobuild.fingerprint(*base) == gobuild.fingerprint(*base)
    found = {gobuild.fingerprint(*inputs) for inputs in (base, *other)} | {gobuild.fingerprint(*base, b"package main")}
    assert len(found) == 6


@pytest.mark.parametrize("program", [gobuild.CLI, CRANE, ACTIONLINT], ids=lambda program: program.name)
def test_the_version_that_is_announced_is_the_one_that_go_mod_pins(program: gobuild.Program) -> None:
    go_mod = (REPO / program.folder / "go.mod").read_text(encoding="utf-8")
    module = program.package.partition("/cmd/")[0]
    assert f"\t{module} v{program.version}" in go_mod
    assert f"tool {program.package}" in go_mod


def test_the_registry_of_the_image_is_the_one_that_go_mod_pins_and_that_the_vendor_image_has() -> None:
    go_mod = (REPO / gobuild.REGISTRY.folder / "go.mod").read_text(encoding="utf-8")
    assert f"\t{gobuild.REGISTRY.module} v{gobuild.REGISTRY.version}" in go_mod
    assert ImagesSettings().registry == f"registry:{gobuild.REGISTRY.version}"


def test_the_kits_registry_has_every_storage_and_way_to_log_in_that_a_stack_can_have() -> None:
    built = set(re.findall(r"v3/registry/(\S+)\"", (REPO / gobuild.REGISTRY.folder / "main.go").read_text(encoding="utf-8")))
    storages = {"filesystem", "s3-aws", "azure", "inmemory"}
    assert {f"storage/driver/{name}" for name in storages} <= built, "a replica would end with `StorageDriver not registered`"
    assert {"auth/htpasswd", "auth/token"} <= built


def test_rclone_of_the_image_is_the_one_that_go_mod_pins_and_that_the_vendor_image_has() -> None:
    go_mod = (REPO / gobuild.RCLONE.folder / "go.mod").read_text(encoding="utf-8")
    assert f"require {gobuild.RCLONE.module} v{gobuild.RCLONE.version}\n" in go_mod
    assert ImagesSettings().sweeper == f"rclone/rclone:{gobuild.RCLONE.version}"


def test_an_image_says_the_version_of_the_program_in_it() -> None:
    recipes = {recipe.role: recipe.version for recipe in STACK_IMAGES if recipe.go_binary}
    assert recipes == {role: program.version for role, program in gobuild.IMAGE_PROGRAMS.items()}


def test_an_image_is_built_anew_when_our_own_part_of_its_program_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = gobuild.RCLONE.origin
    assert before.startswith("github.com/rclone/rclone@v")
    source = tmp_path / gobuild.RCLONE.folder / "main.go"
    source.parent.mkdir(parents=True)
    source.write_text("package main")
    monkeypatch.setattr(gobuild, "REPO", tmp_path)
    assert gobuild.RCLONE.origin != before
    assert gobuild.REGISTRY.origin == "github.com/distribution/distribution/v3@v3.1.2", "there is no code of ours in this folder"


def test_the_sweepers_rclone_has_every_command_that_the_sweeper_runs() -> None:
    built = set(re.findall(r"rclone/cmd/(\w+)", (REPO / gobuild.RCLONE.folder / "main.go").read_text(encoding="utf-8")))
    script = (REPO / "bundle" / "templates" / "sweeper.sh.j2").read_text(encoding="utf-8")
    used = set(re.findall(r'rclone_ "\$seconds" (\w+)', script))
    assert len(used) >= 5, "the script writes its commands in another way now"
    assert used <= built, "an order would fail with `unknown command`, on the kit's image only"


def test_the_compilers_get_much_memory_only_where_there_is_much_and_nobody_said_otherwise() -> None:
    plenty = 16 * 1024**3
    assert gobuild.settings({}, plenty)["GOGC"] == "400"
    assert "GOGC" not in gobuild.settings({}, 4 * 1024**3), "a small machine would swap"
    assert "GOGC" not in gobuild.settings({"GOGC": "50"}, plenty), "it would replace what the user has set"
    assert gobuild.settings({"GOFLAGS": "-mod=mod"}, 0) == {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}


def test_the_fingerprint_changes_with_what_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    all_of_it = replace(gobuild.CLI, without=())
    assert all_of_it.sources != gobuild.CLI.sources
    before = gobuild.CLI.sources
    source = tmp_path / gobuild.CLI.folder / "without" / "cloud" / "api.go"
    source.parent.mkdir(parents=True)
    source.write_text("package cloud")
    monkeypatch.setattr(gobuild, "REPO", tmp_path)
    assert gobuild.CLI.sources != before
