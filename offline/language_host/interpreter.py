"""Which Python runs a program, by the `runtime` options of Pulumi.yaml or PulumiPolicy.yaml."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offline.plugins.framework.proto import language_pb2

_KIT = Path(__file__).resolve().parents[2]


class MissingVirtualenvError(Exception):
    """The virtual environment named in the project file is not there."""


@dataclass(frozen=True)
class Interpreter:
    """A Python executable, and the virtual environment that it belongs to if the project names one."""

    executable: Path
    virtualenv: Path | None

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return `base`, by default this process's environment, with the virtual environment activated."""
        environment = dict(os.environ if base is None else base)
        if "PYTHONPATH" in environment:  # the kit's own entry is for this process
            others = [entry for entry in environment.pop("PYTHONPATH").split(os.pathsep) if entry and Path(entry).resolve() != _KIT]
            environment |= {"PYTHONPATH": os.pathsep.join(others)} if others else {}
        if self.virtualenv:
            environment["VIRTUAL_ENV"] = str(self.virtualenv)
            environment["PATH"] = f"{self.executable.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
            environment.pop("PYTHONHOME", None)
        return environment

    def site_packages(self) -> list[Path]:
        """Return the folders where its packages are installed."""
        if self.virtualenv:
            return sorted(self.virtualenv.glob("lib/python*/site-packages"))
        spec = importlib.util.find_spec("pulumi")
        return [Path(place).parent for place in spec.submodule_search_locations or []] if spec else []


def virtualenv_option(info: language_pb2.ProgramInfo) -> Path | None:
    """Return the absolute path of the project's `virtualenv` option, which is relative to the project file."""
    option = info.options.fields["virtualenv"].string_value if "virtualenv" in info.options.fields else ""
    return Path(info.root_directory, option) if option else None


def find_interpreter(info: language_pb2.ProgramInfo) -> Interpreter:
    """Choose the interpreter: the virtual environment's, or the one that runs this process.

    Raises MissingVirtualenvError.
    """
    virtualenv = virtualenv_option(info)
    if virtualenv is None:
        return Interpreter(Path(sys.executable), None)
    executable = virtualenv / "bin" / "python"
    if not executable.exists():
        raise MissingVirtualenvError(
            f"the project's virtual environment {virtualenv} has no bin/python: run `pulumi install` in {info.root_directory} to make it"
        )
    return Interpreter(executable, virtualenv)
