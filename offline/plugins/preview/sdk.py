"""From a token (`aws:s3/bucket:Bucket`) to what the vendor's Python SDK says about it. Loads only the module that is asked for."""

from __future__ import annotations

import difflib
import importlib
import inspect
import keyword
import re
import sys
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from offline.plugins.framework import ResourceError

from .typing_hints import SDK_LOCK, Field, fields, forward_names


@dataclass(frozen=True)
class Shape:
    """A resource type: its inputs and outputs by wire name."""

    token: str
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Field]

    @property
    def kind(self) -> str:
        """The class's name: `Bucket`."""
        return self.token.rpartition(":")[2]

    @property
    def module(self) -> str:
        """The first part of the module: `s3`."""
        return self.token.split(":")[1].partition("/")[0]


@dataclass(frozen=True)
class FunctionShape:
    """A function: its arguments and what it returns, by wire name."""

    token: str
    arguments: Mapping[str, Field]
    result: Mapping[str, Field]


@dataclass(frozen=True)
class Sdk:
    """A vendor's Python SDK."""

    package: str
    """The Pulumi package: `azure-native`."""

    @property
    def distribution(self) -> str:
        return f"pulumi-{self.package}"

    @property
    def root(self) -> str:
        """The Python package: `pulumi_azure_native`."""
        return self.distribution.replace("-", "_")

    def module_name(self, token: str) -> str:
        """Name the Python module that holds a token's class or function."""
        _, middle, name = token.split(":")
        first, *others = middle.split("/")
        # aws repeats the name (`s3/bucket`), azure-native may have a version there (`storage/v20240101`).
        parts = [part for part in (first, *others) if part != "index"]
        if others and parts[-1] == name[:1].lower() + name[1:]:
            parts.pop()
        return ".".join([self.root, *(f"{part}_" if keyword.iskeyword(part) else part.lower() for part in parts)])

    @cache  # noqa: B019 - there is one Sdk a process
    def resource(self, token: str) -> Shape:
        """Read a resource type. Raises ResourceError for one that the SDK does not have."""
        with SDK_LOCK:
            import pulumi  # noqa: PLC0415 - a plugin that refuses need not wait for it

            module = self._module(token)
            name = token.rpartition(":")[2]
            found = getattr(module, name, None)
            if not (isinstance(found, type) and issubclass(found, pulumi.CustomResource)):
                known = [key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, pulumi.CustomResource)]
                raise ResourceError(f"{token}: {module.__name__} has no resource {name}{nearest(name, known)}")
            return Shape(token, fields(_arguments_of(found)), fields(found))

    @cache  # noqa: B019 - there is one Sdk a process
    def function(self, token: str) -> FunctionShape:
        """Read a function. Raises ResourceError for one that the SDK does not have."""
        with SDK_LOCK:
            module = self._module(token)
            name = token.rpartition(":")[2]
            call = getattr(module, _snake(name), None)
            result = getattr(module, f"{name[:1].upper()}{name[1:]}Result", None)
            if call is None or result is None:
                raise ResourceError(f"{token}: {module.__name__} has no function {_snake(name)}")
            hints = typing.get_type_hints(call, localns=forward_names())
            names = [name for name in inspect.signature(call).parameters if name != "opts"]
            return FunctionShape(token, {_camel(name): Field(hints[name], optional=True) for name in names}, fields(result))

    @cache  # noqa: B019 - there is one Sdk a process
    def provider(self) -> Mapping[str, Field]:
        """Read the provider's settings."""
        with SDK_LOCK:
            return fields(importlib.import_module(f"{self.root}.provider").ProviderArgs)

    def _module(self, token: str) -> ModuleType:
        name = self.module_name(token)
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise  # something that the SDK itself needs
            raise ResourceError(f"{token}: the SDK has no module {name}") from error


def _arguments_of(resource: type) -> type:
    """Find the class of a resource's arguments: the first name that its module exports (`BucketArgs`, `RoleInitArgs`)."""
    module = sys.modules[resource.__module__]
    return getattr(module, next(name for name in module.__all__ if name.endswith("Args")))


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """Suggest what may have been meant, as the end of a message."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _snake(name: str) -> str:
    """`getVpc` to `get_vpc`, `getS3Bucket` to `get_s3_bucket`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _camel(name: str) -> str:
    first, *others = name.rstrip("_").split("_")
    return first + "".join(other.capitalize() for other in others)
