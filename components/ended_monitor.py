"""Keeps asyncio from printing a traceback for each task that was waiting when an update failed.

The engine says why an update fails, and ends its resource monitor. Every registration that is under way then raises the SDK's RunError, and
asyncio reports each that nobody awaits, with a traceback. The vendor's language host shows them all around the true message.
"""

import logging

import pulumi

_ENDED = "Resource monitor has terminated"  # the SDK's words (pulumi/runtime/settings.py)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        if isinstance(error, pulumi.RunError) and str(error).startswith(_ENDED):
            return False
        error = error.__cause__ or error.__context__
    return True


def leave_to_the_engine() -> None:
    """Leaves it to the engine to say why an update failed. Everything else that asyncio has to say stays."""
    logging.getLogger("asyncio").addFilter(_is_worth_a_line)
