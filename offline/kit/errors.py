"""The one error type of the kit: a problem that a person can act on."""


class KitError(Exception):
    """One sentence for the person who ran the command: what is wrong, and what to do about it. Printed without a traceback, exit code 1."""
