"""The cases of all rules: one module a group of rules, each with a list CASES."""

import importlib
import pkgutil

from tests.policies.case import Cases


def all_cases() -> list[Cases]:
    """The cases of every module here."""
    found: list[Cases] = []
    for module in pkgutil.iter_modules(__path__):
        found += importlib.import_module(f"{__name__}.{module.name}").CASES
    return found
