"""How busy the whole machine is: what its containers and services use is in no process's own account."""

import time
from dataclasses import dataclass
from pathlib import Path

STAT = Path("/proc/stat")
# Fields of the line `cpu`, proc_stat(5), in clock ticks. Waiting (idle, iowait) is no work, and what a hypervisor took (steal) is not ours.
# The time of virtual machines is in `user` already.
_BUSY_FIELDS = (0, 1, 2, 5, 6)
_TICKS_A_SECOND = 100
"""USER_HZ, which Linux has fixed for what it shows to programs (time(7))."""


@dataclass(frozen=True)
class BusyShare:
    """What the machine did while `seconds` passed: processor time of all its cores together, in seconds."""

    seconds: float
    busy_seconds: float

    @property
    def core_percent(self) -> float:
        """Busy time in percent of one core."""
        return 100 * self.busy_seconds / self.seconds


def parse(stat: str) -> float:
    """Busy seconds since the machine started, out of the text of /proc/stat."""
    fields = stat.partition("\n")[0].split()[1:]
    return sum(int(fields[index]) for index in _BUSY_FIELDS) / _TICKS_A_SECOND


def busy_seconds() -> float:
    """Busy seconds of this machine since it started. Raises FileNotFoundError where there is no /proc."""
    return parse(STAT.read_text(encoding="ascii"))


def measure(seconds: float) -> BusyShare:
    """Looks at the machine for this long, and does nothing itself meanwhile."""
    started, before = time.monotonic(), busy_seconds()
    time.sleep(seconds)
    return BusyShare(time.monotonic() - started, busy_seconds() - before)
