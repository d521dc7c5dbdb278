"""Makes a machine ready to run pulumi for one stack. Every step is quick when its result is already there."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from offline.images import choice, recipe, vm
from offline.kit import apt, engine_start, gobuild, npm, places, prepared, stack_file, wrappers
from offline.kit.engine_api import Engine
from offline.kit.files import point_link
from offline.kit.need import CliDecision, decide_cli, mode_of, vendor_cli
from offline.kit.progress import say
from offline.kit.pull_memory import PullMemory

# Command -> Debian package that brings it, for the tests.
TEST_PACKAGES = {
    "skopeo": "skopeo",
    "podman": "podman",
    "openssl": "openssl",
    "curl": "curl",
    "shellcheck": "shellcheck",
    "mmdebstrap": "mmdebstrap",
    "docker": "docker-cli",
    "rclone": "rclone",
    "wget": "wget",
    # They check what hosts of a fleet are given.
    "cloud-init": "cloud-init",
    "systemd-analyze": "systemd",
    # Started by the tests as processes of their own.
    "nginx": "nginx",
    "redis-server": "redis-server",
    "haproxy": "haproxy",
    "docker-registry": "docker-registry",
}
CRANE = gobuild.Program(
    name="crane",
    version="0.22.1",
    folder="tests/clients",
    package="github.com/google/go-containerregistry/cmd/crane",
    version_variable="github.com/google/go-containerregistry/cmd/crane/cmd.Version",
)
ACTIONLINT = gobuild.Program(
    name="actionlint",
    version="1.7.12",
    folder="tests/linters",
    package="github.com/rhysd/actionlint/cmd/actionlint",
)


@dataclass(frozen=True)
class Request:
    """What to make ready: for which stack, with or without the Docker engine and images, for use or for the tests."""

    stack: str
    engine: bool = True
    tests: bool = False


def cli_decision(environment: Mapping[str, str]) -> CliDecision:
    """Whether this machine needs the kit's CLI."""
    own = (places.BIN, places.cache())
    return decide_cli(mode_of(environment), vendor_cli(environment.get("PATH", ""), own))


def summary(cli: CliDecision, images: choice.Choice) -> str:
    """The one line that says what the kit provides and why."""
    parts: list[str] = []
    if cli.kit:
        parts.append(f"Pulumi CLI {gobuild.CLI.version}, Python language host, plugins docker random tls ({cli.why})")
    if images.images:
        parts.append(f"images {', '.join(sorted(images.images.values()))} ({images.why})")
    if not parts:
        return f"offline kit: not needed ({cli.why})"
    return f"offline kit: provides {'; '.join(parts)}"


def prepare(request: Request, vendor_images: Mapping[str, str]) -> None:
    """Prepares everything and writes down what was decided. Cheap checks come first, so that a problem shows before a long build.

    `vendor_images` are the program's default images, by role. Raises KitError with one line for the person.
    """
    environment = os.environ
    file = stack_file.locate(places.REPO, request.stack)
    wishes = stack_file.wishes(file.read_text(encoding="utf-8"), environment, file.name)
    cli = cli_decision(environment)
    engine: Engine | None = None
    if request.tests:
        _test_packages()
    if request.engine and wishes.platform == "docker":
        engine = engine_start.ensure(wishes.address, "test" if request.tests else "up")
    if cli.kit:
        wrappers.write_wrappers(places.BIN, places.REPO, places.VENV_PYTHON, gobuild.build(gobuild.CLI))
        wrappers.write_plugin_home(places.PULUMI_HOME, places.REPO, places.VENV_PYTHON)
    elif places.BIN.exists():
        # A vendor CLI has been installed meanwhile: our plugins must not stay in its way.
        shutil.rmtree(places.BIN)
    chosen = choice.Choice()
    if engine:
        memory = PullMemory(places.cache() / "failed-pulls.json", engine.identity())
        chosen = choice.choose(engine, wishes, vendor=vendor_images, mode=mode_of(environment), memory=memory)
        if request.tests:
            choice.provide(engine, recipe.REGISTRY_2)
            for machine in vm.MACHINES:
                vm.provide(engine, machine)
    # Without the engine nothing is known about images: what was decided before stays.
    prepared.save(request.stack, prepared.Prepared(cli.kit, chosen.images if engine else prepared.images_of(request.stack)))
    if request.tests:
        program = gobuild.build(CRANE)
        point_link(places.TOOLS / program.name, program)
        # Here, so that no test waits for a build or a download.
        gobuild.build(gobuild.REGISTRY)
        gobuild.build(gobuild.S3_SERVER)
        npm.install(npm.AZURITE)
    if request.engine:
        say(summary(cli, chosen))


def _test_packages() -> None:
    # Servers lie beside the other system programs, which are not on every user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    missing = [package for command, package in TEST_PACKAGES.items() if not shutil.which(command, path=path)]
    # Before Debian 13 the client comes inside docker.io, and there is no docker-cli.
    missing = [package for package in missing if package != "docker-cli" or apt.candidate(package)]
    if missing:
        apt.install(missing, "the tests use them", services=False)
