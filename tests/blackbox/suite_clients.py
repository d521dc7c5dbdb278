"""The container tools that people use, against the registry."""

import gzip
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.clients import Crane, Docker, Podman, Skopeo, crane_path, docker_trusts
from tests.blackbox.images import Image, Index, build_image, build_index, write_layout
from tests.blackbox.names import fresh
from tests.blackbox.oci import Account
from tests.blackbox.target import RegistryTarget


def _needs(program: str) -> None:
    if not shutil.which(program):
        pytest.fail(f"{program} is not installed: `make test` installs it (Debian package {program})")


def _layout_digest(layout: Path) -> str:
    """The digest of the only image in a layout."""
    (entry,) = json.loads((layout / "index.json").read_text())["manifests"]
    return entry["digest"]


class ClientTools:
    """The tools, each with a login and trust of its own; docker needs an engine on this machine."""

    @pytest.fixture
    def skopeo(self, target: RegistryTarget, tmp_path: Path) -> Skopeo:
        _needs("skopeo")
        return Skopeo(tmp_path / "skopeo", target.address, target.ca_file)

    @pytest.fixture
    def podman(self, target: RegistryTarget) -> Iterator[Podman]:
        _needs("podman")
        # podman accepts at most 50 characters for its run folder, and pytest's names are longer.
        with tempfile.TemporaryDirectory(prefix="podman-") as folder:
            yield Podman(Path(folder), target.address, target.ca_file)

    @pytest.fixture
    def crane(self, target: RegistryTarget, tmp_path: Path) -> Crane:
        program = crane_path()
        if not program:
            pytest.fail("crane is not installed: `make test` builds it; or set the variable CRANE to the program")
        return Crane(tmp_path / "crane", target.address, target.ca_file, program)

    @pytest.fixture
    def docker(self, target: RegistryTarget, tmp_path: Path) -> Iterator[Docker]:
        _needs("docker")
        address = target.foreign_address or target.address
        if target.ca_file is None:
            yield Docker(tmp_path / "docker", address)
            return
        with docker_trusts(address, target.ca_file):
            yield Docker(tmp_path / "docker", address)


class ClientSuite(ClientTools):
    """Runs unchanged against any registry."""

    @pytest.fixture
    def repository(self) -> str:
        return fresh("clients")

    @pytest.fixture
    def image(self, repository: str) -> Image:
        return build_image(repository)

    @pytest.fixture
    def index(self, repository: str) -> Index:
        return build_index(repository)

    @pytest.fixture
    def layout(self, tmp_path: Path, image: Image, index: Index) -> Path:
        return write_layout(tmp_path / "layout", {"single": image, "multi": index})

    # skopeo

    def test_skopeo_with_a_wrong_password_is_told_so(self, target: RegistryTarget, skopeo: Skopeo) -> None:
        done = skopeo.login(Account(target.account.name, "not-the-password"), check=False)
        assert done.code != 0
        assert "invalid username/password" in done.text

    def test_skopeo_without_the_ca_refuses(self, target: RegistryTarget, tmp_path: Path) -> None:
        if target.ca_file is None:
            pytest.skip("the certificate comes from a public CA")
        done = Skopeo(tmp_path / "untrusting", target.address, None).login(target.account, check=False)
        assert done.code != 0
        assert "x509" in done.text

    def test_skopeo_copies_there_and_back_with_the_same_digest(
        self, target: RegistryTarget, skopeo: Skopeo, layout: Path, image: Image, tmp_path: Path
    ) -> None:
        repository = fresh("clients")
        skopeo.login(target.account)
        skopeo.push(f"oci:{layout}:single", f"{repository}:v1")
        assert skopeo.digest(f"{repository}:v1") == image.digest
        skopeo.pull(f"{repository}:v1", f"oci:{tmp_path / 'back'}:v1")
        assert _layout_digest(tmp_path / "back") == image.digest

    def test_skopeo_copies_a_multi_arch_image_with_all_its_children(
        self, target: RegistryTarget, skopeo: Skopeo, layout: Path, index: Index, tmp_path: Path
    ) -> None:
        repository = fresh("clients")
        skopeo.login(target.account)
        skopeo.push(f"oci:{layout}:multi", f"{repository}:v1", everything=True)
        assert target.client().pull(repository, "v1") == index.digest
        skopeo.pull(f"{repository}:v1", f"oci:{tmp_path / 'back'}:v1", everything=True)
        assert _layout_digest(tmp_path / "back") == index.digest

    def test_skopeo_deletes_by_digest_and_other_tags_stay(
        self, target: RegistryTarget, skopeo: Skopeo, layout: Path, image: Image, repository: str
    ) -> None:
        skopeo.login(target.account)
        skopeo.push(f"oci:{layout}:single", f"{repository}:gone")
        other = build_image(f"{repository}/other")
        target.client().push(repository, "kept", other)
        skopeo.delete(f"{repository}:gone")
        assert target.client().manifest(repository, image.digest, want=(404,)).codes == ["MANIFEST_UNKNOWN"]
        assert target.client().pull(repository, "kept") == other.digest

    # crane

    def test_crane_with_a_wrong_password_is_told_so(self, target: RegistryTarget, crane: Crane, repository: str) -> None:
        crane.login(Account(target.account.name, "not-the-password"))
        done = crane.digest(f"{repository}:v1", check=False)
        assert done.code != 0
        assert "UNAUTHORIZED" in done.text

    def test_crane_pushes_and_pulls_with_the_same_digest(
        self, target: RegistryTarget, crane: Crane, image: Image, repository: str, tmp_path: Path
    ) -> None:
        crane.login(target.account)
        crane.push(write_layout(tmp_path / "single", {"v1": image}), f"{repository}:v1")
        assert crane.digest(f"{repository}:v1").out.strip() == image.digest
        crane.pull(f"{repository}:v1", tmp_path / "back")
        assert _layout_digest(tmp_path / "back") == image.digest

    def test_crane_copies_a_multi_arch_image_to_another_repository(
        self, target: RegistryTarget, crane: Crane, index: Index, repository: str
    ) -> None:
        crane.login(target.account)
        target.client().push(repository, "v1", index)
        crane.copy(f"{repository}:v1", f"{repository}-copy:v1")
        assert target.client().pull(f"{repository}-copy", "v1") == index.digest

    def test_crane_deletes_by_digest_and_other_tags_stay(self, target: RegistryTarget, crane: Crane, image: Image, repository: str) -> None:
        crane.login(target.account)
        client = target.client()
        other = build_image(f"{repository}/other")
        client.push(repository, "gone", image)
        client.push(repository, "kept", other)
        crane.delete(f"{repository}@{image.digest}")
        assert client.manifest(repository, "gone", want=(404,)).codes == ["MANIFEST_UNKNOWN"]
        assert client.pull(repository, "kept") == other.digest

    # podman

    def test_podman_with_a_wrong_password_is_told_so(self, target: RegistryTarget, podman: Podman) -> None:
        done = podman.login(Account(target.account.name, "not-the-password"), check=False)
        assert done.code != 0
        assert "invalid username/password" in done.text

    def test_podman_pushes_and_pulls_the_same_image(self, target: RegistryTarget, podman: Podman, layout: Path, repository: str) -> None:
        podman.login(target.account)
        podman.load(layout, "single", f"{repository}:v1")
        digest = podman.push(f"{repository}:v1")
        assert target.client().pull(repository, "v1") == digest
        podman.remove(f"{repository}:v1")
        by_tag = podman.pull(f"{repository}:v1")
        assert podman.pull(f"{repository}@{digest}") == by_tag

    def test_podman_pulls_its_platform_of_a_multi_arch_image(
        self, target: RegistryTarget, podman: Podman, index: Index, repository: str
    ) -> None:
        podman.login(target.account)
        target.client().push(repository, "v1", index)
        assert podman.pull(f"{repository}:v1")

    # docker

    def test_docker_with_a_wrong_password_is_told_so(self, target: RegistryTarget, docker: Docker) -> None:
        done = docker.login(Account(target.account.name, "not-the-password"), check=False)
        assert done.code != 0
        assert "401" in done.text or "unauthorized" in done.text.lower(), done.text

    def test_docker_without_the_ca_refuses(self, target: RegistryTarget, tmp_path: Path) -> None:
        _needs("docker")
        if target.ca_file is None or target.foreign_address is None:
            pytest.skip("docker checks certificates only of registries that aren't on its own machine")
        done = Docker(tmp_path / "untrusting", target.foreign_address).login(target.account, check=False)
        assert done.code != 0
        assert "x509" in done.text

    def test_docker_without_a_login_can_neither_push_nor_pull(
        self, target: RegistryTarget, docker: Docker, image: Image, repository: str
    ) -> None:
        target.client().push(repository, "v1", image)
        pulled = docker.pull(f"{repository}:v1", check=False)
        assert pulled.code != 0
        assert "no basic auth credentials" in pulled.text or "unauthorized" in pulled.text, pulled.text
        docker.make(gzip.decompress(image.layers[0]), f"{repository}:v2")
        try:
            assert docker.push(f"{repository}:v2", check=False).code != 0
        finally:
            docker.remove(f"{repository}:v2")

    def test_docker_pushes_and_pulls_the_same_image(self, target: RegistryTarget, docker: Docker, image: Image, repository: str) -> None:
        docker.login(target.account)
        made = docker.make(gzip.decompress(image.layers[0]), f"{repository}:v1")
        try:
            docker.push(f"{repository}:v1")
            digest = docker.digest(f"{repository}:v1")
            assert target.client().pull(repository, "v1") == digest
            docker.remove(f"{repository}:v1")
            docker.pull(f"{repository}:v1")
            assert docker.digest(f"{repository}:v1") == digest
            assert docker.identity(f"{repository}:v1") == made
        finally:
            docker.remove(f"{repository}:v1")

    def test_docker_pulls_an_image_that_another_tool_pushed(
        self, target: RegistryTarget, docker: Docker, index: Index, repository: str
    ) -> None:
        docker.login(target.account)
        target.client().push(repository, "v1", index)
        try:
            docker.pull(f"{repository}:v1")
            assert docker.digest(f"{repository}:v1") == index.digest
        finally:
            docker.remove(f"{repository}:v1")
