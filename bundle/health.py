"""Health checks that cost next to nothing once a container is well.

An engine runs a check, waits `interval` after its end, and runs the next one; each is a process that it puts into the container, about
90 ms of processor time for dockerd, containerd and runc (docs/performance.md). So the check itself waits: it answers at once until it has
answered well for the first time, and from then on it sleeps before it looks. A sleeping process costs nothing. Docker 25 has
`start_interval` for this; Debian 12 brings 20.10.
"""

from bundle.model import Healthcheck

CHECK_SECONDS = 4
"""How long what is asked may take to answer."""
HOLD_SECONDS = 60
"""How long a check of a service that is well waits before it looks. What users notice sooner, the edge sees by probes of its own."""
_MARGIN_SECONDS = 10
_MARK = "/tmp/healthy"  # noqa: S108 - the container's own


def ask(command: str, *, interval: int = 2, hold: int = HOLD_SECONDS) -> Healthcheck:
    """A check that runs a line of shell. `interval` is the time in seconds between looks until the service is well, and again from the
    first look that finds it is not; `hold` is the time between looks at one that is well.

    The mark lies in a tmpfs, or is removed by the service at its start: a container that was started anew is asked at once.
    """
    script = f"[ ! -e {_MARK} ] || sleep {hold}; if {command}; then : >{_MARK}; else rm -f {_MARK}; exit 1; fi"
    return Healthcheck(("sh", "-c", script), interval=interval, timeout=hold + CHECK_SECONDS + _MARGIN_SECONDS)


def fetch(url: str, *, interval: int, hold: int) -> Healthcheck:
    """A check that an address inside the container answers with success."""
    return ask(f"timeout {CHECK_SECONDS} wget -q -O /dev/null {url}", interval=interval, hold=hold)
