"""The container tools that people use, while the write gate is closed: none of them makes its user push again."""

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.blackbox.clients import Crane, Docker, Podman, Skopeo
from tests.blackbox.images import build_image, write_layout
from tests.blackbox.names import fresh
from tests.blackbox.suite_clients import ClientTools
from tests.blackbox.target import RegistryTarget
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

        def refused() -> bool:
            lines = [line for line in host.logs("edge").splitlines() if '"status":429' in line]
            return all(any(repository in line for line in lines) for repository in repositories.values())

        host.close_gate()
        try:
            with ThreadPoolExecutor(len(pushes)) as threads:
                running = {tool: threads.submit(push) for tool, push in pushes.items()}
                try:
                    wait_for("every tool to be refused", refused, seconds=30)
                finally:
                    host.open_gate()
            failed = {tool: str(push.exception()) for tool, push in running.items() if push.exception()}
        finally:
            docker.remove(names["docker"])
        assert failed == {}
        for tool, repository in repositories.items():
            target.client().pull(repository, "v1")
            if tool in ("skopeo", "crane"):
                assert target.client().pull(repository, "v1") == images[tool].digest
