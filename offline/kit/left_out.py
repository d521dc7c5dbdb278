"""What the kit's CLI is built without: a copy of the module in which some files are absent, and small ones of ours are present.

The copy is made of the module cache, whose content Go has compared with go.sum, and lasts as long as the build. Nothing of it is kept in
this repository. (`go build -overlay` would need no copy, but refuses files of the module cache.)
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from offline.kit.errors import KitError

_PULUMI = "github.com/pulumi/pulumi/pkg/v3"
_GOCLOUD = "gocloud.dev"


@dataclass(frozen=True)
class LeftOut:
    """Files of one package that a build does without, and the folder of ours that takes their place, if any."""

    module: str
    package: str
    """Folder of the package inside the module."""
    drop: tuple[str, ...] = ("*.go",)
    """Patterns of file names."""
    keep: tuple[str, ...] = ()
    """Names that stay although a pattern fits."""
    ours: str = ""
    """Folder below `without/`, beside the program's go.mod."""


CLI: tuple[LeftOut, ...] = (
    LeftOut(_PULUMI, "cmd/pulumi/cloud", keep=("envelope.go", "resolve.go"), ours="cloud"),
    LeftOut(_PULUMI, "cmd/pulumi/env", ours="env"),
    LeftOut(_PULUMI, "cmd/pulumi/neo", ours="neo"),
    LeftOut(_PULUMI, "cmd/pulumi/config", drop=("config_env_init.go",), ours="config"),
    LeftOut(_PULUMI, "cmd/pulumi/schemainfo", drop=("description.go",), ours="schemainfo"),
    # What `pulumi config` needs of it: the values of an environment that a stack file names.
    LeftOut(_PULUMI, "cmd/esc/cli", keep=("prepare.go", "fs.go")),
    LeftOut(_PULUMI, "authhelpers", drop=("gcpauth.go",), ours="authhelpers"),
    LeftOut(_GOCLOUD, "blob/gcsblob", ours="gcsblob"),
    LeftOut(_GOCLOUD, "secrets/gcpkms", ours="gcpkms"),
)


def modules(parts: Iterable[LeftOut]) -> list[str]:
    """The modules that are copied, each once."""
    return list(dict.fromkeys(part.module for part in parts))


def lay(parts: Sequence[LeftOut], originals: Mapping[str, Path], without: Path, target: Path) -> dict[str, Path]:
    """Copies the modules into `target` without what is left out, with our files in its place. Returns each module's new folder.

    `originals` has each module's folder in the module cache, `without` is the folder of our files.
    Raises KitError when a module no longer has what is to be left out: after an upgrade somebody must look.
    """
    copies: dict[str, Path] = {}
    for index, module in enumerate(modules(parts)):
        copies[module] = target / str(index)
        # Tests are not built. The module cache is not writable, and what is copied must be.
        skipped = shutil.ignore_patterns("testdata", "*_test.go")
        shutil.copytree(originals[module], copies[module], copy_function=shutil.copyfile, ignore=skipped)
        for folder in (copies[module], *(path for path in copies[module].rglob("*") if path.is_dir())):
            folder.chmod(0o755)
    for part in parts:
        _replace(part, copies[part.module] / part.package, without)
    return copies


def _replace(part: LeftOut, package: Path, without: Path) -> None:
    names = [path.name for path in package.glob("*.go")]
    gone = [name for name in names if name not in part.keep and any(fnmatch(name, pattern) for pattern in part.drop)]
    missing = {*part.keep, *(pattern for pattern in part.drop if "*" not in pattern)} - set(names)
    if missing or not gone:
        raise KitError(f"{part.module} has no {', '.join(sorted(missing)) or '*.go'} in {part.package}: adapt offline/kit/left_out.py")
    for name in gone:
        (package / name).unlink()
    for path in sorted((without / part.ours).glob("*.go")) if part.ours else ():
        shutil.copyfile(path, package / path.name)


def with_replacements(go_mod: str, copies: Mapping[str, Path]) -> str:
    """The text of a go.mod in which the copies stand for the modules."""
    return go_mod + "".join(f"\nreplace {module} => {folder}\n" for module, folder in copies.items())
