"""The gRPC stubs that the `pulumi` package ships, loaded without running `pulumi/__init__.py`.

Importing the package itself takes about 0.2 s, and a deployment starts five or six of our processes. The stubs only import
each other relatively, so a package of another name whose path is their folder loads them alone; message classes stay the same
objects as `pulumi.runtime.proto`'s where both are in use (they share protobuf's descriptor pool).
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        language_pb2,
        language_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        status_pb2,
    )

__all__ = ["language_pb2", "language_pb2_grpc", "plugin_pb2", "provider_pb2", "provider_pb2_grpc", "status_pb2"]

_ALIAS = f"{__package__}._pulumi_proto"


def _stub_package() -> str:
    """Register the stand-in package once; return its name. Raises ImportError when `pulumi` is not installed."""
    if _ALIAS not in sys.modules:
        spec = importlib.util.find_spec("pulumi")
        if spec is None or not spec.submodule_search_locations:
            raise ImportError("the offline kit needs the `pulumi` Python package: pip install -r requirements.txt")
        package = ModuleType(_ALIAS)
        package.__path__ = [str(Path(spec.submodule_search_locations[0]) / "runtime" / "proto")]
        sys.modules[_ALIAS] = package
    return _ALIAS


def __getattr__(name: str) -> ModuleType:
    """Load a stub module on first use: a resource plugin never needs the language host's."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{_stub_package()}.{name}")
    globals()[name] = module
    return module
