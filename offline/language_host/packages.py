"""What a program has installed: the resource plugins that the kit provides for it, and its Python packages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions

from .interpreter import Interpreter

KIT_PLUGINS = ("aws", "azure-native", "docker", "random", "tls")
"""Only these are reported as required: for any other the engine would try the vendor's download."""


@dataclass(frozen=True)
class PluginNeed:
    """A resource plugin that an installed SDK goes with."""

    name: str
    version: str


def required_plugins(interpreter: Interpreter) -> list[PluginNeed]:
    """Find the kit's plugins whose SDK is installed, by the `pulumi-plugin.json` that each SDK carries."""
    needs = []
    for folder in interpreter.site_packages():
        for name in KIT_PLUGINS:
            marker = folder / f"pulumi_{name.replace('-', '_')}" / "pulumi-plugin.json"
            if marker.exists():
                about = json.loads(marker.read_text(encoding="utf-8"))
                needs.append(PluginNeed(name, about.get("version", "")))
    return needs


def installed(interpreter: Interpreter) -> Iterator[tuple[str, str]]:
    """Yield name and version of every installed distribution, by name."""
    folders = [str(folder) for folder in interpreter.site_packages()]
    found = {distribution.name: distribution.version for distribution in distributions(path=folders)}
    yield from sorted(found.items())
