"""Health checks that cost next to nothing while all is well (docs/decisions/0015-health-checks.md).

Each check that an engine starts costs about 45 ms of processor time, most of it in dockerd, containerd and runc. So a container is asked
often, but by few processes: the first check answers as soon as the service does; each one after a good one stays for minutes, asks the
service every few seconds itself, and ends at once when an answer is bad. From then on checks are short again, until one is good.
"""

from bundle.model import Healthcheck
from bundle.templates import render

HOLD_SECONDS = 300
"""How long a check stays while all is well."""
PAUSE_SECONDS = 4
"""How often it asks meanwhile, and how long an answer may take."""
TRY_SECONDS = 2
"""How long a short check goes on asking before it ends as bad."""
INTERVAL_SECONDS = 1
"""From the start of a container to its first check, and from the end of a check to the next."""
TIMEOUT_SECONDS = HOLD_SECONDS + 30
"""When the engine ends a check. Never needed: a check limits itself."""
MARK = "/tmp/healthy"  # noqa: S108 - the container's own
"""Made by a good check. In memory, so that it is gone when the container restarts."""


def health_check(question: str, *, settled: str = "", settle_seconds: int = 0) -> Healthcheck:
    """A check that asks with this line of shell, whose exit code 0 means well. With `exec` before a program that may hang, it can be ended.

    While `settled`, a line of shell too, fails, the first good answer comes `settle_seconds` later.
    """
    script = render(
        "health.sh.j2",
        question=question,
        settled=settled,
        settle_seconds=settle_seconds,
        mark=MARK,
        hold_seconds=HOLD_SECONDS,
        pause_seconds=PAUSE_SECONDS,
        try_seconds=TRY_SECONDS,
    )
    return Healthcheck(("sh", "-c", script), interval=INTERVAL_SECONDS, timeout=TIMEOUT_SECONDS)
