"""A Docker engine on this machine: installs it and starts it where that is allowed, and says what to do where it is not."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from offline.kit import apt
from offline.kit.command import run
from offline.kit.engine_api import Address, Engine, EngineUnreachableError
from offline.kit.errors import KitError
from offline.kit.places import cache
from offline.kit.progress import say, step

_START_SECONDS = 90.0
_STOP_SECONDS = 60.0
PACKAGES = ("docker.io", "iptables")
# From Debian 13 on the client is a package of its own. Nothing here needs it, but whoever logs in with `docker` does.
CLIENT = ("docker-cli",)


def _pid_file() -> Path:
    return cache() / "dockerd.pid"


def advice(error: EngineUnreachableError, *, installed: bool) -> str:
    """What a user without root rights can do about an engine that does not answer."""
    if error.kind == "denied":
        return f"{error}: run `sudo usermod -aG docker $USER` and log in again, or run this as root"
    if not installed:
        return f"{error}. Docker is not installed: run `sudo apt-get install {' '.join(PACKAGES)}`, then `sudo usermod -aG docker $USER`"
    return f"{error}: Docker is installed but not running; start it with `sudo systemctl start docker`"


def ensure(address: Address, purpose: str) -> Engine:
    """Returns an engine that answers. Only this machine's own engine is ever installed or started, and only by root.

    `purpose` ("up" or "test") is noted beside the process id of an engine that is started by hand.
    Raises KitError with the remedy.
    """
    engine = Engine(address)
    try:
        engine.ping()
    except EngineUnreachableError as error:
        if not address.is_local_default:
            raise KitError(f"{error}. It is not this machine's own engine, so nothing is started here") from error
        installed = shutil.which("dockerd") is not None
        if error.kind in {"denied", "other"} or not apt.may_install():
            raise KitError(advice(error, installed=installed)) from error
        if not installed:
            apt.install(PACKAGES, "no Docker engine here", optional=CLIENT)
        _start(engine, purpose)
    return engine


def _answers(engine: Engine) -> bool:
    try:
        engine.ping()
    except EngineUnreachableError:
        return False
    return True


def _start(engine: Engine, purpose: str) -> None:
    """Starts the engine as a system service where systemd runs, else by hand, and waits until it answers."""
    # Installing the package may have started it, and it may need a moment.
    if Path("/run/systemd/system").exists():
        with step("starting Docker (systemctl start docker)"):
            run(["systemctl", "start", "docker"], why="starting Docker failed", timeout=_START_SECONDS)
            _wait(engine, None)
        return
    log = cache() / "dockerd.log"
    with step(f"starting Docker by hand, as no systemd runs here (log: {log})"):
        if _answers(engine):
            return
        log.parent.mkdir(parents=True, exist_ok=True)
        # An engine that was killed leaves its pid file behind; dockerd refuses to start only when that process still lives.
        with log.open("ab") as output:
            process = subprocess.Popen(["dockerd"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
        _pid_file().write_text(f"{process.pid} {purpose}\n", encoding="utf-8")
        _wait(engine, process)


def _wait(engine: Engine, process: subprocess.Popen[bytes] | None) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(engine):
        if process and process.poll() is not None:
            _pid_file().unlink(missing_ok=True)
            raise KitError(f"dockerd ended with code {process.returncode}:\n{_last_lines(cache() / 'dockerd.log')}")
        if time.monotonic() > deadline:
            raise KitError(f"Docker did not answer within {_START_SECONDS:.0f} s of its start")
        time.sleep(0.2)


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])


def started_by_hand() -> tuple[int, str] | None:
    """Process id and purpose of an engine that the kit started itself and that still runs, or None."""
    try:
        words = _pid_file().read_text(encoding="utf-8").split()
        pid, purpose = int(words[0]), words[1]
        # The number may belong to another program by now.
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return None
    return (pid, purpose) if name == "dockerd" else None


def stop(purpose: str | None = None) -> bool:
    """Stops an engine that the kit started by hand, for this purpose or for any. Returns whether there was one."""
    running = started_by_hand()
    if running is None or (purpose and running[1] != purpose):
        return False
    pid = running[0]
    with step("stopping the Docker engine that was started by hand"):
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while Path(f"/proc/{pid}/stat").exists() and not _is_zombie(pid):
            if time.monotonic() > deadline:
                raise KitError(f"the Docker engine (process {pid}) did not stop within {_STOP_SECONDS:.0f} s")
            time.sleep(0.2)
    _pid_file().unlink(missing_ok=True)
    say("its images and volumes stay on disk")
    return True


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
