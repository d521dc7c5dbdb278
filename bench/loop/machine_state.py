"""What a machine keeps of earlier deployments outside of caches: the kit's images in the engine, Debian packages."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.figures import BenchError
from offline.kit import engine_start
from offline.kit.engine_api import DEFAULT_HOST, Address, Engine
from offline.kit.errors import KitError
from offline.kit.progress import step
from tests.blackbox.docker_host import docker

LABEL = "private-registry.offline"
"""Carried by the kit's images; the value is the image's role."""
_REPOSITORIES = ("offline/", "offline-kit/")
_STACK_LABEL = "private-registry.stack"
PACKAGES = ("docker.io", "docker-cli", "containerd", "runc", "mmdebstrap")
"""What `make up` installs on a bare Debian machine, with what only that brings. iptables stays: a firewall may use it."""
_NEEDED = ("dockerd", "mmdebstrap")
_APT_SECONDS = 600


def is_for_tests(role: str) -> bool:
    """Whether only the tests use an image of this role. `make up` never builds it, so it may stay."""
    return role.startswith("vm")


def images_in_use(users: Mapping[str, str]) -> str | None:
    """Why the kit's images can't be removed, or None. `users` are the containers made of them, each with its stack, empty if unknown."""
    if not users:
        return None
    downs = sorted({f"make down STACK={stack.removeprefix('registry-')}" for stack in users.values() if stack})
    how = f"in the checkout that deployed it: {', '.join(downs)}" if downs else "remove them"
    shown = ", ".join(sorted(users)[:4]) + (", ..." if len(users) > 4 else "")
    return f"the kit's images must go before a cold run, and {len(users)} containers use them ({shown}); first {how}"


def _engine() -> Engine:
    return Engine(Address(os.environ.get("DOCKER_HOST") or DEFAULT_HOST))


def engine_answers() -> bool:
    """Whether there is an engine."""
    try:
        _engine().ping()
    except KitError:
        return False
    return True


def require_client() -> None:
    """Raises BenchError where an engine answers but the `docker` command is missing, which clears away what is left of a stack."""
    if engine_answers() and not shutil.which("docker"):
        raise BenchError("the command `docker` is missing: sudo apt-get install docker-cli (before Debian 13: docker.io)")


def kit_tags(image: Mapping[str, Any]) -> list[str]:
    """The tags by which the kit would find an image again, out of what `docker image inspect` says of it. Tags that people gave stay."""
    if is_for_tests(str(((image.get("Config") or {}).get("Labels") or {}).get(LABEL, ""))):
        return []
    return sorted(str(tag) for tag in image.get("RepoTags") or [] if str(tag).startswith(_REPOSITORIES))


def _kit_images() -> list[str]:
    listed = docker("image", "ls", "--no-trunc", "--quiet", "--filter", f"label={LABEL}").split()
    found: list[dict[str, Any]] = json.loads(docker("image", "inspect", *sorted(set(listed)))) if listed else []
    return [tag for image in found for tag in kit_tags(image)]


def _users(tags: Sequence[str]) -> dict[str, str]:
    shown = f'{{{{.Names}}}}\t{{{{.Label "{_STACK_LABEL}"}}}}'
    users: dict[str, str] = {}
    for tag in tags:
        for line in docker("ps", "--all", "--filter", f"ancestor={tag}", "--format", shown).splitlines():
            name, _, stack = line.partition("\t")
            users[name] = stack
    return users


def require_unused_images() -> None:
    """Raises BenchError when a container uses an image of the kit."""
    problem = images_in_use(_users(_kit_images())) if engine_answers() else None
    if problem:
        raise BenchError(problem)


def remove_kit_images() -> None:
    """Removes the images that the kit has built for stacks. Raises BenchError when a container uses one."""
    if not engine_answers():
        return
    require_unused_images()
    for tag in _kit_images():
        docker("image", "rm", tag)


def cold_problems(*, purge: bool, root: bool, answers: bool, programs: Mapping[str, bool], running: int) -> list[str]:
    """Why a cold run can't begin. `programs`: whether the engine's and mmdebstrap are there; `running`: containers on the engine."""
    if not purge:
        lacking = [name for name in _NEEDED if not programs.get(name)]
        if lacking:
            missing = f"{' and '.join(lacking)}: not installed, so only the first run would install it"
            return [f"{missing}; run make up once, or take --purge-packages as root"]
        return [] if answers else ["no Docker engine answers, so nobody can see which images it has; start it"]
    problems = (
        [] if root else ["--purge-packages removes Debian packages: run it as root, or leave it out (apt's part is not measured then)"]
    )
    if programs.get("dockerd") and not answers:
        problems.append("no Docker engine answers, so nobody can see which images it has; start it")
    if running:
        problems.append(f"--purge-packages removes the Docker engine, and {running} containers run on it; stop them first")
    return problems


def check_cold(*, purge: bool) -> None:
    """Raises BenchError with everything that is in the way of cold runs."""
    answers = engine_answers()
    path = f"{os.environ.get('PATH', os.defpath)}{os.pathsep}/usr/sbin"
    programs = {name: shutil.which(name, path=path) is not None for name in _NEEDED}
    running = _engine().running_containers() if answers and purge else 0
    problems = cold_problems(purge=purge, root=os.geteuid() == 0, answers=answers, programs=programs, running=running)
    if problems:
        raise BenchError("; ".join(problems))
    require_unused_images()


def others_removed(simulated: str, wanted: Sequence[str]) -> list[str]:
    """Packages that apt would remove besides those, out of what `apt-get --simulate remove` prints."""
    return sorted(set(re.findall(r"^Remv (\S+)", simulated, re.MULTILINE)).difference(wanted))


def _apt(*arguments: str) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    command = ["apt-get", "-q", "-y", *arguments]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_APT_SECONDS
    )
    if done.returncode:
        raise BenchError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def remove_packages() -> None:
    """Removes the packages that `make up` installs, and their downloads. Removed, not purged: Docker's volumes and images stay on disk.

    Raises BenchError when other packages need them, or an engine still answers that nobody here started.
    """
    listed = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n"], capture_output=True, text=True, check=True)
    installed = {line.split()[0] for line in listed.stdout.splitlines() if line.split()[1:2] == ["ii"]}
    wanted = [package for package in PACKAGES if package in installed]
    others = others_removed(_apt("--simulate", "remove", *wanted), wanted) if wanted else []
    if others:
        raise BenchError(
            f"removing {', '.join(wanted)} would take {', '.join(others)} with it; remove those first, or leave --purge-packages out"
        )
    if not Path("/run/systemd/system").exists():
        engine_start.stop()
        if engine_answers():
            raise BenchError("the Docker engine was not started by this project's kit, so it is not stopped here: stop it")
    if wanted:
        with step(f"removing the packages {' '.join(wanted)} (not their data)"):
            _apt("remove", *wanted)
    _apt("clean")
