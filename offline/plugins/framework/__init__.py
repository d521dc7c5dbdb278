"""A small resource-provider server: the part of every plugin of the kit that is the same.

How to write a plugin:

1. Subclass `ResourceKind` for each resource type: `create`, `read` and `delete`, and where needed `check`, `diff`, `update`.
   All values are plain Python (`Properties`); secrets arrive unwrapped. In previews inputs may be or hold `UNKNOWN` at any depth:
   test `value is UNKNOWN` or `has_unknown(value)`, and return `UNKNOWN` for outputs that only creation can tell.
2. Mark what is always secret in `secret_outputs`. An output with the name of an input that was, or held, a secret becomes secret by itself;
   a secret that lands in an output of another name has to be listed.
3. `check` returns `(inputs, [CheckFailure(property, reason)])`; keep inputs as written but for defaults. `diff` returns a `DiffResult`;
   without one of your own, `changed_inputs(old_inputs, news)` decides, and `replace_on` says which changes replace.
4. `read` with empty inputs is an import; returning None means the thing is gone. Return the same values when nothing changed.
5. Fail with `ResourceError("one line that says what to do")`; `InitFailedError` when something exists that belongs in the state.
   Look at `plugin.cancelled` (set on Ctrl-C) in long waits. Lines printed to stderr reach the user; print nothing to stdout.
6. `__main__`: `serve(Plugin(name="random", distribution="pulumi-random", kinds={"random:index/randomId:RandomId": RandomId(), ...}))`.
   Functions (`invoke`) and types that are not listed one by one (`kind_for`) have hooks of their own in `Plugin`.
   `configure` gets the provider's settings once, before any resource. Import heavy libraries inside methods: aim at a start in 0.2 s.
"""

from __future__ import annotations

from .process import serve
from .resource import Change, CheckFailure, DiffResult, FunctionResult, InitFailedError, Plugin, ResourceError, ResourceKind, changed_inputs
from .values import UNKNOWN, Properties, has_unknown

__all__ = [
    "UNKNOWN",
    "Change",
    "CheckFailure",
    "DiffResult",
    "FunctionResult",
    "InitFailedError",
    "Plugin",
    "Properties",
    "ResourceError",
    "ResourceKind",
    "changed_inputs",
    "has_unknown",
    "serve",
]
