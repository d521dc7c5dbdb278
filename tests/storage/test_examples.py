"""The example stacks of object storage: the cloud ones are previewed, the S3-compatible one runs as its file says."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.blackbox.docker_host import leftovers
from tests.blackbox.images import build_image
from tests.blackbox.oci import Account, RegistryClient
from tests.engine.checkout import REPO, Checkout
from tests.engine.deployment import PREFIX, Deployment, images_setting
from tests.engine.make_run import MakeRun
from tests.ports import free_port
from tests.stack_names import stack_name

STACK = stack_name("stmake")
PREVIEW = {"PRIVATE_REGISTRY_PREVIEW_PLUGINS": "1"}


def settings_of(stack: str) -> dict[str, Any]:
    """The settings of an example stack, as the file has them."""
    config = yaml.safe_load((REPO / f"Pulumi.{stack}.yaml").read_text())["config"]
    return {key.removeprefix(f"{PREFIX}:"): value for key, value in config.items()}


@pytest.mark.parametrize(
    ("stack", "wanted"),
    [
        ("s3", ("aws:s3", "aws:iam", "AccessKey", "PublicAccessBlock", "Versioning", "Lifecycle")),
        ("azure-blob", ("azure-native:storage", "StorageAccount", "BlobContainer", "ResourceGroup")),
    ],
)
def test_a_cloud_example_can_be_previewed(stack: str, wanted: tuple[str, ...], tmp_path: Path) -> None:
    """With the preview plugins: without an account no more can be shown."""
    settings = settings_of(stack)
    # The example's Docker host is nobody's.
    del settings["docker"]
    name = stack_name(stack)
    deployment = Deployment(Checkout.copy(tmp_path), name, {**settings, "images": images_setting()})
    deployment.create()
    preview = deployment.preview(env=PREVIEW)
    missing = [word for word in wanted if word not in preview.text]
    assert not missing, preview.text
    assert not leftovers(deployment.name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeRun]:
    """A checkout with the S3-compatible example under a name of the tests, on another port."""
    runner = MakeRun(Checkout.copy(tmp_path_factory.mktemp("example")))
    text = (REPO / "Pulumi.s3-compatible.yaml").read_text().replace("port: 5444", f"port: {free_port()}")
    (runner.folder / f"Pulumi.{STACK}.yaml").write_text(text)
    try:
        yield runner
    finally:
        runner.make("down", STACK)
        runner.make("s3-server-delete", STACK)
        runner.remove(STACK)


def _client(made: MakeRun) -> RegistryClient:
    password = made.make("password", STACK, check=True).out.strip()
    port = yaml.safe_load((made.folder / f"Pulumi.{STACK}.yaml").read_text())["config"][f"{PREFIX}:port"]
    ca_file = made.folder / ".state" / "ca" / STACK / "ca.crt"
    return RegistryClient(f"https://localhost:{port}", ca_file=ca_file, account=Account("admin", password))


def test_without_its_server_the_example_is_refused_and_changes_nothing(made: MakeRun) -> None:
    done = made.make("up", STACK)
    assert done.code != 0
    assert "secretAccessKey" in done.text
    assert not leftovers(f"registry-{STACK}")


def test_the_example_runs_as_its_file_says(made: MakeRun) -> None:
    tracked = (made.folder / f"Pulumi.{STACK}.yaml").read_text()
    made.make("s3-server", STACK, check=True)
    made.make("up", STACK, check=True)
    image = build_image("example")
    _client(made).push("example/image", "v1", image)
    assert _client(made).pull("example/image", "v1") == image.digest
    again = made.make("up", STACK, check=True)
    assert "unchanged" in again.text
    assert not [word for word in (" created", " updated", " replaced") if f"{word}\n" in again.text], again.text
    assert (made.folder / f"Pulumi.{STACK}.yaml").read_text() == tracked


def test_the_servers_password_lies_in_one_file_of_this_user_alone(made: MakeRun) -> None:
    values = made.folder / ".state" / "local" / f"{STACK}.json"
    assert values.stat().st_mode & 0o777 == 0o600
    secret = yaml.safe_load(values.read_text())["secret"]["s3.secretAccessKey"]
    found = [
        path for path in made.folder.rglob("*") if path.is_file() and ".venv" not in path.parts and secret.encode() in path.read_bytes()
    ]
    assert found == [values]


def test_images_outlive_the_server_and_the_stack(made: MakeRun) -> None:
    image = build_image("outlive")
    _client(made).push("example/outlive", "v1", image)
    made.make("s3-server-stop", STACK, check=True)
    made.make("down", STACK, check=True)
    assert not leftovers(f"registry-{STACK}")
    made.make("s3-server", STACK, check=True)
    made.make("up", STACK, check=True)
    assert _client(made).pull("example/outlive", "v1") == image.digest
