"""What a person needs who reads that a test failed: what the containers and servers of that test wrote last."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack_names import stack_name

LINES_HEALTHY = 15
LINES_SICK = 60
"""Of a container that is not healthy: there the reason stands."""
MOST_FAILURES = 5
"""So many failures of a process get logs: when everything fails, more of them would hide the first."""
_SECONDS = 20

_shown = 0


def _ask(*command: str) -> str:
    """A program's whole output; its trouble in words where it has any, because a failure is being reported already."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"({command[0]}: {error})"
    return done.stdout + done.stderr


def _containers() -> Iterator[tuple[str, str]]:
    """Name and status of the containers of this process's stacks."""
    prefix = f"registry-{stack_name('')}"
    for line in _ask("docker", "ps", "--all", "--filter", f"name={prefix}", "--format", "{{.Names}}\t{{.Status}}").splitlines():
        name, tab, status = line.partition("\t")
        if tab:
            yield name, status


def container_sections() -> Iterator[tuple[str, str]]:
    """Title and text for each container of this process's stacks: the end of its log, more where it is not well."""
    for name, status in _containers():
        well = status.startswith("Up") and "unhealthy" not in status and "starting" not in status
        text = _ask("docker", "logs", "--tail", str(LINES_HEALTHY if well else LINES_SICK), name)
        yield f"container {name}: {status}", text


def file_sections(folder: Path) -> Iterator[tuple[str, str]]:
    """Title and text for each log file of the servers that the test started below its folder."""
    for path in sorted(folder.rglob("*.log")):
        if path.is_file() and path.stat().st_size:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
            yield f"{path.relative_to(folder)}", "\n".join(lines[-LINES_HEALTHY:])


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Adds the logs to a failed test's report. Only those of tests that run containers or servers have any."""
    global _shown  # noqa: PLW0603 - counts over the whole process
    if not report.failed or _shown >= MOST_FAILURES:
        return
    _shown += 1
    if item.get_closest_marker("docker"):
        report.sections.extend(container_sections())
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if isinstance(folder, Path):
        report.sections.extend(file_sections(folder))
