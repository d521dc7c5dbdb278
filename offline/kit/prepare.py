"""Makes a machine ready to run pulumi for one stack. Every step is quick when its result is already there; the others run side by side."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from offline.images import choice, packages, recipe, vm
from offline.kit import engine_start, gobuild, npm, places, prepared, reading, stack_file, tools_for_tests, venv, wrappers
from offline.kit.engine_api import Engine
from offline.kit.jobs import Job, run_jobs
from offline.kit.need import CliDecision, decide_cli, mode_of, vendor_cli
from offline.kit.progress import say
from offline.kit.pull_memory import PullMemory

ENVIRONMENT, CLI, STACK_FILE, ENGINE, NEEDS, MMDEBSTRAP = "environment", "CLI", "stack file", "engine", "needs", "mmdebstrap"
TEST_PACKAGES = "test packages"
_Results = Mapping[str, object]


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


def image_job(role: str) -> str:
    """The name of the job that provides an image."""
    return f"image {role}"


class Preparation:
    """The jobs of one request. Each looks for itself whether there is anything to do."""

    def __init__(self, request: Request, cli: CliDecision) -> None:
        self.request, self.cli = request, cli
        self._file = stack_file.locate(places.REPO, request.stack)

    def jobs(self) -> list[Job]:
        """What is done, and what waits for what. The CLI's build, the longest, starts at once; nothing waits for it."""
        jobs = [
            Job(ENVIRONMENT, lambda _: venv.ensure(development=self.request.tests)),
            Job(STACK_FILE, lambda _: reading.read(self._file), after=(ENVIRONMENT,)),
        ]
        if self.cli.kit:
            jobs.insert(0, Job(CLI, lambda _: gobuild.build(gobuild.CLI)))
        if self.request.engine:
            jobs += self._engine_jobs()
        if self.request.tests:
            jobs += self._test_jobs()
        return jobs

    def _engine_jobs(self) -> list[Job]:
        images = [Job(image_job(made.role), partial(self._image, made), after=(MMDEBSTRAP,)) for made in recipe.ALL.values()]
        return [
            Job(ENGINE, self._engine, after=(STACK_FILE, *((TEST_PACKAGES,) if self.request.tests else ()))),
            Job(NEEDS, self._needs, after=(ENGINE,)),
            Job(MMDEBSTRAP, self._mmdebstrap, after=(NEEDS,)),
            *images,
        ]

    def _test_jobs(self) -> list[Job]:
        """Here, so that no test waits for a build or a download."""
        jobs = [
            Job(TEST_PACKAGES, lambda _: tools_for_tests.install_packages()),
            Job("crane", lambda _: tools_for_tests.build_crane()),
            Job("versitygw", lambda _: gobuild.build(gobuild.S3_SERVER)),
            # Its program is started by tests as it is, too.
            Job("registry", lambda _: gobuild.build(gobuild.REGISTRY)),
            Job("azurite", lambda _: npm.install(npm.AZURITE), after=(ENVIRONMENT,)),
        ]
        if self.request.engine:
            jobs += [Job(image_job(machine.role), partial(self._machine, machine), after=(MMDEBSTRAP,)) for machine in vm.MACHINES]
        return jobs

    def _engine(self, results: _Results) -> Engine | None:
        """The engine that the stack runs on; None for a stack that runs on none."""
        wishes = _reading(results).wishes
        if wishes.platform != "docker":
            return None
        return engine_start.ensure(wishes.address, "test" if self.request.tests else "up")

    def _needs(self, results: _Results) -> choice.Needs:
        engine, read = results[ENGINE], _reading(results)
        if not isinstance(engine, Engine):
            return choice.Needs()
        memory = PullMemory(places.cache() / "failed-pulls.json", engine.identity())
        needs = choice.decide(engine, read.wishes, vendor=read.vendor_images, mode=mode_of(os.environ), memory=memory)
        if self.request.tests:
            needs.asked.append(recipe.REGISTRY_2)
        return needs

    def _mmdebstrap(self, results: _Results) -> None:
        engine, needs = results[ENGINE], _needs_of(results)
        if isinstance(engine, Engine):
            missing = [made for made in (*needs.run, *needs.asked) if not choice.existing(engine, made, choice.origin(made))]
            if missing or self.request.tests:
                packages.ensure_mmdebstrap()

    def _image(self, made: recipe.Recipe, results: _Results) -> str | None:
        """The image's tag, or None when the stack does not need it."""
        engine = results[ENGINE]
        return choice.provide(engine, made) if isinstance(engine, Engine) and _needs_of(results).has(made) else None

    def _machine(self, machine: vm.Machine, results: _Results) -> str | None:
        engine = results[ENGINE]
        return vm.provide(engine, machine) if isinstance(engine, Engine) else None


def _reading(results: _Results) -> reading.Reading:
    found = results[STACK_FILE]
    assert isinstance(found, reading.Reading)  # noqa: S101 - for the type only
    return found


def _needs_of(results: _Results) -> choice.Needs:
    found = results[NEEDS]
    assert isinstance(found, choice.Needs)  # noqa: S101 - for the type only
    return found


def prepare(request: Request) -> None:
    """Prepares everything and writes down what was decided. Cheap checks come first, so that a problem shows before a long build.

    Raises KitError with what is wrong, all of it.
    """
    cli = cli_decision(os.environ)
    preparation = Preparation(request, cli)
    if cli.kit:
        gobuild.check_go(gobuild.CLI)
    results = run_jobs(preparation.jobs())
    if cli.kit:
        wrappers.write_wrappers(places.BIN, places.REPO, places.VENV_PYTHON, Path(str(results[CLI])))
        wrappers.write_plugin_home(places.PULUMI_HOME, places.REPO, places.VENV_PYTHON)
    elif places.BIN.exists():
        # A vendor CLI has been installed meanwhile: our plugins must not stay in its way.
        shutil.rmtree(places.BIN)
    chosen = choice.Choice()
    if results.get(ENGINE):
        needs = _needs_of(results)
        chosen = choice.Choice({made.role: str(results[image_job(made.role)]) for made in needs.run}, needs.why)
    # Without the engine nothing is known about images: what was decided before stays.
    prepared.save(request.stack, prepared.Prepared(cli.kit, chosen.images if results.get(ENGINE) else prepared.images_of(request.stack)))
    if request.engine:
        say(summary(cli, chosen))
