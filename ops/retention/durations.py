"""Times as people write them: 12h, 30d, 2w."""

import re

from ops.errors import USAGE, OpsError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FORM = re.compile(r"([0-9]{1,9})([smhdw])")


def seconds(text: str, name: str) -> int:
    """Seconds of a text such as 30d. `name` is the setting, for the error."""
    found = _FORM.fullmatch(text.strip())
    if not found:
        raise OpsError(f"{name} must be a whole number and one of s, m, h, d, w (such as 30d), not {text!r}", USAGE)
    return int(found[1]) * _UNITS[found[2]]


def text(duration: float) -> str:
    """A duration for people, in its largest fitting unit."""
    for unit in ("d", "h", "m"):
        if duration >= _UNITS[unit]:
            return f"{int(duration // _UNITS[unit])}{unit}"
    return f"{int(duration)}s"
