"""What the bench writes instead of pushing."""

from pathlib import Path

from bench.layout import State, with_garbage, with_tags, write


def test_a_fifth_is_garbage_half_of_it_without_its_manifest(tmp_path: Path) -> None:
    filled = write(tmp_path, with_garbage(200))
    assert [len(filled.of(state)) for state in State] == [160, 20, 20]
    # Manifest, config and own layer of each deleted image; every shared layer has other users.
    assert len(filled.garbage()) == 20 * 3
    assert filled.files == sum(1 for path in tmp_path.rglob("*") if path.is_file())


def test_every_digest_has_about_as_many_tags_as_every_other() -> None:
    stored = list(with_tags(100, 30))
    assert len({one.digest for one in stored}) == 30
    assert sorted(tag for one in stored for tag in one.tags) == sorted(f"v{number}" for number in range(100))
    assert {len(one.tags) for one in stored} == {3, 4}
