"""Builds programs from their Go modules, pinned by a go.mod and go.sum of our own, into the cache."""

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache as cache_answer
from pathlib import Path

from offline.kit import left_out
from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.lock import locked
from offline.kit.places import REPO, cache
from offline.kit.progress import step

_BUILD_SECONDS = 3000.0
_MANY_BYTES = 8 * 1024**3
"""Free memory from which the compilers may collect their garbage less often. Measured: at most 1 GB each with it, the CLI's linker 2 GB."""
_TOGETHER = threading.BoundedSemaphore(2)
"""Two builds keep all processors busy: one of them often waits for a package that others need, or for its linker. More only take memory."""


@dataclass(frozen=True)
class Program:
    """A program and how it is built."""

    name: str
    version: str
    folder: str
    """Folder with go.mod and go.sum, from the top of the checkout."""
    package: str
    """What to build: a package of the module, or `.` for a `main.go` of our own beside go.mod."""
    version_variable: str = ""
    """The Go variable that holds the version: a plain `go build` would leave it empty or marked as unknown."""
    about: str = ""
    """How long it takes, for the person who waits."""
    module: str = ""
    """The module that the version is of, where `package` does not say so."""
    without: Sequence[left_out.LeftOut] = ()
    """Parts of its modules that it is built without."""

    @property
    def sources(self) -> bytes:
        """Our own Go code, if there is any, and what else we say about the code of the modules."""
        parts = repr(tuple(self.without)).encode() if self.without else b""
        return parts + b"".join(path.read_bytes() for path in sorted((REPO / self.folder).rglob("*.go")))

    @property
    def origin(self) -> str:
        """Names what goes in, for an image's labels; changes with our own code."""
        own = f", {self.folder}/main.go {hashlib.sha256(self.sources).hexdigest()[:12]}" if self.sources else ""
        return f"{self.module or self.package}@v{self.version}{own}"


CLI = Program(
    name="pulumi",
    version="3.274.1",
    folder="offline/cli",
    package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    version_variable="github.com/pulumi/pulumi/sdk/v3/go/common/version.Version",
    about="about 200 s of processor time",
    without=left_out.CLI,
)
REGISTRY = Program(
    name="registry",
    version="3.1.2",
    folder="offline/registry",
    package=".",
    module="github.com/distribution/distribution/v3",
    version_variable="github.com/distribution/distribution/v3/version.version",
    about="about 80 s of processor time",
)
RCLONE = Program(
    name="rclone",
    # The version of the vendor's image (`images.sweeper`).
    version="1.71.0",
    folder="offline/sweeper",
    package=".",
    module="github.com/rclone/rclone",
    version_variable="github.com/rclone/rclone/fs.Version",
    about="about 110 s of processor time",
)
IMAGE_PROGRAMS: Mapping[str, Program] = {"registry": REGISTRY, "sweeper": RCLONE}
"""The program that goes into an image, by the image's role."""
S3_SERVER = Program(
    name="versitygw",
    version="1.8.0",
    folder="offline/servers/versitygw",
    package="github.com/versity/versitygw/cmd/versitygw",
    version_variable="main.Version",
    about="about a minute on 2 cores",
)


def numbers(version: str) -> tuple[int, ...]:
    """`go1.26.8` or `1.26.6` as (1, 26, 8); a pre-release counts as its release."""
    parts = version.removeprefix("go").split()[0].split(".")
    return tuple(int("".join(letter for letter in part.split("rc")[0].split("beta")[0] if letter.isdigit()) or 0) for part in parts)


def required_go(go_mod: str) -> str:
    """The Go version that a go.mod asks for."""
    for line in go_mod.splitlines():
        if line.startswith("go "):
            return line.removeprefix("go ").strip()
    raise KitError("go.mod has no `go` line")


@cache_answer
def _go_version(needed: str, why: str) -> str:
    """This machine's Go. Raises KitError when it is missing, or too old and not allowed to fetch a newer one."""
    if not shutil.which("go"):
        raise KitError(f"{why} needs Go {needed} or newer, and there is no `go` on PATH")
    # Outside any module: inside one, Go would first switch to the version that its go.mod asks for.
    answer = run(["go", "env", "-json", "GOVERSION", "GOTOOLCHAIN"], cwd=Path("/"), why="asking Go for its version failed")
    found: dict[str, str] = json.loads(answer)
    version, toolchain = found["GOVERSION"], found.get("GOTOOLCHAIN", "local")
    # From 1.21 on Go gets a newer toolchain by itself through the module proxy, unless GOTOOLCHAIN forbids it.
    fetches = numbers(version) >= (1, 21) and toolchain != "local"
    if numbers(version) < numbers(needed) and not fetches:
        raise KitError(f"{why} needs Go {needed} or newer; this is {version}, which may not fetch a newer one (GOTOOLCHAIN={toolchain})")
    return version


def check_go(program: Program) -> str:
    """The version of the Go that builds the program. Raises KitError when there is none that can."""
    go_mod = (REPO / program.folder / "go.mod").read_text(encoding="utf-8")
    return _go_version(required_go(go_mod), f"building {program.name} {program.version}")


def fingerprint(program: Program, go_mod: bytes, go_sum: bytes, go_version: str, sources: bytes = b"") -> str:
    """Names one way of building a program: same inputs, same name. `sources` is our own Go code."""
    settings = f"{program.version}\0{program.package}\0{program.version_variable}\0{go_version}\0trimpath,nocgo,stripped,nodwarf\0".encode()
    return hashlib.sha256(settings + go_mod + b"\0" + go_sum + sources).hexdigest()[:12]


def build(program: Program) -> Path:
    """Returns the built program, from the cache when it is there. Raises KitError when Go is missing or the build fails.

    Two runs at once build it once: the second waits for the first.
    """
    source = REPO / program.folder
    go_mod, go_sum = (source / "go.mod").read_bytes(), (source / "go.sum").read_bytes()
    why = f"building {program.name} {program.version}"
    go_version = check_go(program)
    home = cache() / program.name / f"{program.version}-{fingerprint(program, go_mod, go_sum, go_version, program.sources)}"
    target = home / "bin" / program.name
    if target.exists():
        return target
    with locked(cache() / f"{program.name}.lock", why):
        if target.exists():
            return target
        about = f", {program.about}" if program.about else ""
        with step(f"{why} from its Go module (once per machine{about})"):
            _compile(program, source, target)
    return target


def settings(environment: Mapping[str, str], free_bytes: int) -> dict[str, str]:
    """What `go build` gets by its environment, on a machine with so much free memory.

    The pinned files are taken as they are, and no workspace of a surrounding folder interferes.
    """
    chosen = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    # Measured on the S3 client, a large package: 28 % less processor time together with no debug information, and 0.2 GB more.
    if "GOGC" not in environment and free_bytes >= _MANY_BYTES:
        chosen["GOGC"] = "400"
    return chosen


def _free_bytes() -> int:
    """Memory that programs can have without swapping; 0 where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)


def _compile(program: Program, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = settings(os.environ, _free_bytes())
    why = f"building {program.name} failed"
    flags = "-s -w" + (f" -X {program.version_variable}=v{program.version}" if program.version_variable else "")
    with _TOGETHER, tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = Path(folder) / program.name
        if program.without:
            source = _with_parts_left_out(program, source, Path(folder), environment)
        # Debug information would be compiled for each package, and then left out by the linker.
        options = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-gcflags=all=-dwarf=false", "-ldflags", flags]
        run(["go", "build", *options, "-o", built, program.package], cwd=source, env=environment, why=why, timeout=_BUILD_SECONDS)
        built.replace(target)


def _with_parts_left_out(program: Program, source: Path, folder: Path, environment: Mapping[str, str]) -> Path:
    """A folder with a go.mod that builds the program without the parts that it does without."""
    why = f"downloading the modules of {program.name} failed"
    names = left_out.modules(program.without)
    # Go compares what it downloads with go.sum, as for any other module.
    answer = run(["go", "mod", "download", "-json", *names], cwd=source, env=environment, why=why, timeout=_BUILD_SECONDS)
    originals = {found["Path"]: Path(found["Dir"]) for found in _json_values(answer)}
    copies = left_out.lay(program.without, originals, source / "without", folder / "modules")
    (folder / "go.mod").write_text(left_out.with_replacements((source / "go.mod").read_text(encoding="utf-8"), copies), encoding="utf-8")
    shutil.copyfile(source / "go.sum", folder / "go.sum")
    return folder


def _json_values(text: str) -> list[dict[str, str]]:
    """The values of a text that holds one JSON value after the other."""
    decoder, values, text = json.JSONDecoder(), [], text.strip()
    while text:
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:].lstrip()
    return values
