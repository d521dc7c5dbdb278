"""What the preview plugins for aws and azure-native share.

They check a program's inputs against the classes of the vendor's Python SDK and return plausible outputs. They create nothing anywhere,
open no connection, and refuse to run unless tests or `make preview` ask for them (`permission`). A vendor's package subclasses `Vendor`,
which says what its SDK does not: names, ids, and which changes replace.
"""

from __future__ import annotations

from .facts import Facts, Seed
from .permission import PLAN, REQUEST, TESTS
from .plugin import preview_plugin, run
from .sdk import Sdk, Shape
from .vendor import Function, Vendor

__all__ = ["PLAN", "REQUEST", "TESTS", "Facts", "Function", "Sdk", "Seed", "Shape", "Vendor", "preview_plugin", "run"]
