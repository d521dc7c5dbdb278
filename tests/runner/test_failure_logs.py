"""A failed test shows what its servers wrote."""

from pathlib import Path

from tests import failure_logs


def test_the_end_of_each_log_file_below_the_tests_folder_is_shown(tmp_path: Path) -> None:
    (tmp_path / "fleet" / "log").mkdir(parents=True)
    lines = [f"line {number}" for number in range(100)]
    (tmp_path / "fleet" / "log" / "edge.log").write_text("\n".join(lines))
    (tmp_path / "fleet" / "log" / "empty.log").touch()
    sections = dict(failure_logs.file_sections(tmp_path))
    assert list(sections) == ["fleet/log/edge.log"]
    assert sections["fleet/log/edge.log"].splitlines() == lines[-failure_logs.LINES_HEALTHY :]


def test_trouble_with_the_logs_hides_no_failure() -> None:
    assert "no-such-program" in failure_logs._ask("no-such-program")
