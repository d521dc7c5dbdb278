"""Keeps Python from printing tracebacks of what was under way when an update failed.

The engine says why an update fails, and ends its resource monitor. Every registration that is under way then raises the SDK's RunError.
`asyncio` logs each that nobody awaits. In Pythons up to some 3.11 `concurrent.futures` logs each that comes after the language host has
closed its loop, as three chained tracebacks (pulumi/pulumi issue 4917 has the form). The vendor's host turns off the first only.
"""

import logging

import pulumi

_LOGGERS = ("asyncio", "concurrent.futures")
_ENDED = "Resource monitor has terminated"  # the SDK's words (pulumi/runtime/settings.py)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if isinstance(error, pulumi.RunError) and str(error).startswith(_ENDED):
            return False
        error = error.__cause__ or error.__context__
    return True


def leave_to_the_engine() -> None:
    """Leaves it to the engine to say why an update failed. Every other error that these loggers report stays."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_is_worth_a_line)
