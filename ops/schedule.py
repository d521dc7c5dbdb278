"""The ops container's main loop: runs the jobs of the settings at their times, one after the other, each in a process of its own."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from ops import cron
from ops.errors import OpsError
from ops.fleet.claims import Claim
from ops.output import log
from ops.settings import Settings

LOCK_WAIT_SECONDS = 600
"""A job that is due while somebody works by hand waits this long for the lock."""
STOP_SECONDS = 30
SUPERVISE_SECONDS = 3.0
ALIVE = Path(tempfile.gettempdir()) / "ops-alive"
"""Touched every few seconds: what the container's health check looks at."""


@dataclass(frozen=True)
class Job:
    """A command line of ops (without the program) and when it runs."""

    name: str
    arguments: tuple[str, ...]
    schedule: cron.Schedule
    locks: bool = True
    """Whether it needs the lock of all jobs that change something."""


def jobs(settings: Settings) -> list[Job]:
    """The jobs that the settings ask for. Raises OpsError that names the setting of a schedule that is wrong."""
    wait = ("--wait", str(LOCK_WAIT_SECONDS))
    lines = (
        ("gc", "gc.schedule", settings.gc.schedule, ("gc", "--json", *wait)),
        ("retention", "retention.schedule", settings.retention.schedule, ("retention", "apply", "--json", *wait)),
        ("verify", "verify.schedule", settings.verify.schedule, ("verify", "--json")),
        ("verify-deep", "verify.deepSchedule", settings.verify.deep_schedule, ("verify", "--deep", "--json")),
        # Old deletions leave the bin whether or not retention is on. Before the nightly work, so that a collection finds them gone.
        ("empty-bin", "", "17 * * * *", ("delete", "--empty-bin", "--json", *wait)),
    )
    found: list[Job] = []
    for name, setting, text, arguments in lines:
        if not text.strip():
            continue
        try:
            found.append(Job(name, arguments, cron.parse(text), wait[0] in arguments))
        except cron.CronError as error:
            raise OpsError(f"settings.{setting}: {error}", error.exit_code) from error
    return found


class Loop:
    """Waits and runs. `supervise` is called every few seconds, also while a job runs: it reopens a gate whose job died."""

    def __init__(
        self,
        work: Sequence[Job],
        supervise: Callable[[], object],
        reports: Path,
        command: Sequence[str] = (sys.executable, "-m", "ops"),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._jobs = list(work)
        self._supervise = supervise
        self._reports = reports
        self._command = list(command)
        self._now = now
        self.claim: Callable[[Job, datetime], Claim] = lambda _job, _due: Claim.RUN
        """Whether this host runs a job that is due, where there are several."""
        self.ended: Callable[[Job, int], None] = lambda _job, _code: None
        """Told of each job that ended, with its exit code."""
        self._stopping = False
        # A signal may come between a look and the sleep after it; a pipe remembers.
        self._heard, self._told = os.pipe()
        self._process: subprocess.Popen[bytes] | None = None

    def stop(self, _signal: int = 0, _frame: FrameType | None = None) -> None:
        """Ends the loop; a running job gets SIGTERM and some time to clean up."""
        self._stopping = True
        os.write(self._told, b"\0")
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def _watch(self) -> None:
        ALIVE.touch()
        try:
            self._supervise()
        except Exception as error:  # noqa: BLE001 - whatever it is, the loop must go on: it opens gates and runs jobs
            log("supervisor failed", error=f"{type(error).__name__}: {error}")

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT."""
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        due = {job.name: job.schedule.next(self._now()) for job in self._jobs}
        log("schedule started", jobs={name: time.isoformat() for name, time in due.items()})
        while not self._stopping:
            self._watch()
            for job in self._jobs:
                # Earlier than it was: the clock was set back.
                due[job.name] = min(due[job.name], job.schedule.next(self._now()))
                if self._stopping or self._now() < due[job.name]:
                    continue
                claim = self.claim(job, due[job.name])
                if claim is Claim.WAIT:
                    continue
                if claim is Claim.RUN:
                    self.ended(job, self.run_job(job))
                # Runs that were missed meanwhile are not made up for.
                due[job.name] = job.schedule.next(self._now())
            self._pause(SUPERVISE_SECONDS)
        log("schedule stopped")

    def _pause(self, seconds: float) -> None:
        select.select([self._heard], [], [], seconds)

    def run_job(self, job: Job) -> int:
        """Runs one job now; its JSON result goes to a report file, its log lines to our stderr. Returns its exit code."""
        log("job started", job=job.name)
        started = time.monotonic()
        self._reports.mkdir(parents=True, exist_ok=True)
        report = self._reports / f"{job.name}.json"
        temporary = report.with_suffix(".new")
        with temporary.open("wb") as file:
            self._process = subprocess.Popen([*self._command, *job.arguments], stdin=subprocess.DEVNULL, stdout=file)
            code = self._wait(self._process)
        temporary.replace(report)
        seconds = round(time.monotonic() - started, 3)
        log("job ended", job=job.name, code=code, seconds=seconds)
        state = {"job": job.name, "code": code, "seconds": seconds, "ended": self._now().isoformat(timespec="seconds")}
        last = self._reports / f"{job.name}.last.json"
        last.with_suffix(".new").write_text(json.dumps(state), encoding="utf-8")
        last.with_suffix(".new").replace(last)
        return code

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        stop_at: float | None = None
        watched = time.monotonic()
        while True:
            try:
                return process.wait(0.2)
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if self._stopping:
                    if stop_at is None:
                        # Again, for one that was just being started when the signal came.
                        process.terminate()
                        stop_at = now + STOP_SECONDS
                    if now > stop_at:
                        process.kill()
                elif now - watched > SUPERVISE_SECONDS:
                    watched = now
                    self._watch()
