"""The container tools that people use, while the write gate is closed: none of them makes its user push again."""

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.blackbox.clients import Crane, Docker, Podman, Skopeo
from tests.blackbox.images import build_image, write_layout
from tests.blackbox.names import fresh
from tests.blackbox.suite_clients import ClientTools
from tests.blackbox.target import HostControl, RegistryTarget
from tests.blackbox.waiting import wait_for


class ClientGateSuite(ClientTools):
    """Needs a hand on the host."""

    def test_pushes_that_meet_the_closed_gate_succeed_once_it_opens(
        self, *, target: RegistryTarget, skopeo: Skopeo, podman: Podman, crane: Crane, docker: Docker, tmp_path: Path
    ) -> None:
        host = target.control()
        repositories = {tool: f"{fresh('gate')}-{tool}" for tool in ("skopeo", "podman", "crane", "docker")}
        images = {tool: build_image(repository) for tool, repository in repositories.items()}
        layouts = {tool: write_layout(tmp_path / f"layout-{tool}", {"v1": image}) for tool, image in images.items()}
        names = {tool: f"{repository}:v1" for tool, repository in repositories.items()}
        for tool in (skopeo, podman, crane, docker):
            tool.login(target.account)
        podman.load(layouts["podman"], "v1", names["podman"])
        docker.make(gzip.decompress(images["docker"].layers[0]), names["docker"])
        pushes: dict[str, Callable[[], object]] = {
            "skopeo": lambda: skopeo.push(f"oci:{layouts['skopeo']}:v1", names["skopeo"]),
            "podman": lambda: podman.push(names["podman"]),
            "crane": lambda: crane.push(layouts["crane"], names["crane"]),
            "docker": lambda: docker.push(names["docker"]),
        }

        try:
            # One after the other: the clocks of a tool's tries run from its first refusal, and crane gives up after four seconds.
            failed = {tool: problem for tool, push in pushes.items() if (problem := _meets_the_gate(host, repositories[tool], push))}
        finally:
            docker.remove(names["docker"])
        assert failed == {}
        for tool, repository in repositories.items():
            target.client().pull(repository, "v1")
            if tool in ("skopeo", "crane"):
                assert target.client().pull(repository, "v1") == images[tool].digest


def _meets_the_gate(host: HostControl, repository: str, push: Callable[[], object]) -> str:
    """Pushes while the gate is closed, and opens it as soon as the push was refused. Returns what went wrong, or nothing."""
    host.close_gate()
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(push)
        try:
            wait_for(
                "the push to be refused",
                lambda: any('"status":429' in line and repository in line for line in host.logs("edge").splitlines()),
                seconds=60,
                interval=0.05,
            )
        finally:
            host.open_gate()
    return str(running.exception() or "")
