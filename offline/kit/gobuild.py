"""Builds programs from their Go modules, pinned by a go.mod and go.sum of our own, into the cache."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from offline.kit.command import run
from offline.kit.errors import KitError
from offline.kit.lock import locked
from offline.kit.places import REPO, cache
from offline.kit.progress import step

_BUILD_SECONDS = 3000.0


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

    @property
    def sources(self) -> bytes:
        """Our own Go code, if there is any."""
        return b"".join(path.read_bytes() for path in sorted((REPO / self.folder).glob("*.go")))

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
    about="about 4 minutes on 2 cores",
)
REGISTRY = Program(
    name="registry",
    version="3.1.2",
    folder="offline/registry",
    package="github.com/distribution/distribution/v3/cmd/registry",
    version_variable="github.com/distribution/distribution/v3/version.version",
    about="about 75 s on 2 cores",
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


def fingerprint(program: Program, go_mod: bytes, go_sum: bytes, go_version: str, sources: bytes = b"") -> str:
    """Names one way of building a program: same inputs, same name. `sources` is our own Go code."""
    settings = f"{program.version}\0{program.package}\0{program.version_variable}\0{go_version}\0trimpath,nocgo,stripped\0".encode()
    return hashlib.sha256(settings + go_mod + b"\0" + go_sum + sources).hexdigest()[:12]


def build(program: Program) -> Path:
    """Returns the built program, from the cache when it is there. Raises KitError when Go is missing or the build fails.

    Two runs at once build it once: the second waits for the first.
    """
    source = REPO / program.folder
    go_mod, go_sum = (source / "go.mod").read_bytes(), (source / "go.sum").read_bytes()
    why = f"building {program.name} {program.version}"
    go_version = _go_version(required_go(go_mod.decode()), why)
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


def _compile(program: Program, source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    flags = "-s -w" + (f" -X {program.version_variable}=v{program.version}" if program.version_variable else "")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        built = Path(folder) / program.name
        # The pinned files are taken as they are, and no workspace of a surrounding folder interferes.
        options = ["-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", flags]
        environment = {"CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
        why = f"building {program.name} failed"
        run(["go", "build", *options, "-o", built, program.package], cwd=source, env=environment, why=why, timeout=_BUILD_SECONDS)
        built.replace(target)
