"""The programs that the Pulumi engine looks for: the CLI, and small scripts that start our language host and plugins."""

import shlex
from pathlib import Path

from offline.kit.files import point_link, write_if_changed

# What the engine calls it -> the module that is it.
MODULES = {
    "pulumi-language-python": "offline.language_host",
    "pulumi-resource-aws": "offline.plugins.aws",
    "pulumi-resource-azure-native": "offline.plugins.azure_native",
    "pulumi-resource-docker": "offline.plugins.docker",
    "pulumi-resource-random": "offline.plugins.random",
    "pulumi-resource-tls": "offline.plugins.tls",
}

# The engine looks into its home folder for `<kind>-<name>-v<version>`. It takes the kit's plugins for every version that a state was
# written with, as it does with those on PATH: with the search of PLUGIN_SETTINGS, the one that is at least as new.
_EVERY_VERSION = "v9999.0.0"

PLUGIN_SETTINGS = {"PULUMI_IGNORE_AMBIENT_PLUGINS": "true", "PULUMI_ENABLE_LEGACY_PLUGIN_SEARCH": "true"}
"""Environment of a pulumi that finds the plugins in its home. It says nothing of them; of each on PATH it warns, several times a run."""


def script(repo: Path, python: Path, module: str) -> str:
    """The wrapper's text. `exec`, so that the engine's signals and pipes reach the plugin itself."""
    return (
        "#!/bin/sh\n"
        "# Written by the offline kit at each run: this checkout's own plugin.\n"
        f'PYTHONPATH={shlex.quote(str(repo))}${{PYTHONPATH:+":$PYTHONPATH"}} exec {shlex.quote(str(python))} -m {module} "$@"\n'
    )


def write_wrappers(folder: Path, repo: Path, python: Path, pulumi: Path) -> None:
    """Puts all of them into one folder. They name this checkout, so each checkout has a folder of its own."""
    for name, module in MODULES.items():
        write_if_changed(folder / name, script(repo, python, module), mode=0o755)
    point_link(folder / "pulumi", pulumi)


def write_plugin_home(home: Path, repo: Path, python: Path) -> None:
    """Puts the language host and the plugins where the engine looks for installed ones, when `home` is its PULUMI_HOME."""
    for name, module in MODULES.items():
        folder = home / "plugins" / f"{name.removeprefix('pulumi-')}-{_EVERY_VERSION}"
        write_if_changed(folder / name, script(repo, python, module), mode=0o755)
