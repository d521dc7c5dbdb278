"""The lock that a killed pulumi leaves in the local backend."""

import json
import os
import socket
from pathlib import Path


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _ended(pid)


def _ended(pid: int) -> bool:
    """Whether the process is a zombie: it has ended, and only its parent has not asked how (proc_pid_stat(5))."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    # The command stands in parentheses and may hold any character; the state follows it.
    return status.rpartition(")")[2].split()[:1] == ["Z"]


def stale_locks(state: Path, project: str, stack: str) -> list[Path]:
    """Lock files of this stack whose process ran on this machine and is gone. Others may be in use and are left alone."""
    found: list[Path] = []
    for file in sorted((state / "backend" / ".pulumi" / "locks").glob(f"**/{project}/{stack}/*.json")):
        try:
            lock: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
            pid, host = int(str(lock["pid"])), str(lock["hostname"])
        except (FileNotFoundError, ValueError, KeyError):
            continue
        if host == socket.gethostname() and not _alive(pid):
            found.append(file)
    return found
