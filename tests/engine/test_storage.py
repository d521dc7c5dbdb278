"""Images outlive the stack unless the stack file allows their deletion."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.docker_host import leftovers
from tests.blackbox.images import build_image, build_index
from tests.blackbox.oci import Account, RegistryClient
from tests.engine.checkout import Checkout
from tests.engine.conftest import MakeStack
from tests.engine.deployment import settings_for
from tests.engine.make_run import MakeRun
from tests.stack_names import stack_name

STACK = stack_name("keep")


@pytest.fixture
def made(tmp_path: Path) -> Iterator[MakeRun]:
    runner = MakeRun(Checkout.copy(tmp_path))
    yield runner
    if leftovers(f"registry-{STACK}"):
        runner.write(STACK, settings_for())
        runner.make("up", STACK)
    runner.remove(STACK)


def _client(made: MakeRun, port: int) -> RegistryClient:
    password = made.make("password", STACK, check=True).out.strip()
    ca_file = made.folder / ".state" / "ca" / STACK / "ca.crt"
    return RegistryClient(f"https://localhost:{port}", ca_file=ca_file, account=Account("admin", password))


def test_images_survive_down_and_up_unless_their_deletion_is_allowed(made: MakeRun) -> None:
    settings = settings_for(allowDestroy=False)
    made.write(STACK, settings)
    made.make("up", STACK, check=True)
    image, index = build_image("kept"), build_index("kept")
    client = _client(made, settings["port"])
    client.push("kept/image", "v1", image)
    client.push("kept/index", "v1", index)

    down = made.make("down", STACK, check=True)
    assert leftovers(f"registry-{STACK}") == [f"volume registry-{STACK}-storage"], down.text
    assert f"registry-{STACK}-storage" in down.text, "it must say what it kept"
    assert "allowDestroy" in down.text, "it must say how to delete it after all"

    made.make("up", STACK, check=True)
    client = _client(made, settings["port"])
    assert client.pull("kept/image", "v1") == image.digest
    assert client.pull("kept/index", "v1") == index.digest
    assert "unchanged" in made.make("up", STACK, check=True).text

    # And what `make down` said is what deletes them.
    made.write(STACK, {**settings, "allowDestroy": True})
    made.make("up", STACK, check=True)
    made.make("down", STACK, check=True)
    assert leftovers(f"registry-{STACK}") == []


def test_pulumi_destroy_refuses_to_delete_images(make_stack: MakeStack) -> None:
    deployment = make_stack(stack_name("protect"), allowDestroy=False)
    deployment.up()
    image = build_image("protected")
    deployment.target().client().push("protected/image", "v1", image)
    refused = deployment.destroy(check=False)
    assert refused.done.code != 0
    assert "protect" in refused.text
    assert f"volume {deployment.name}-storage" in leftovers(deployment.name)
    # A refused destroy must not have taken anything else away either, or the next up must bring it back.
    deployment.up("--refresh")
    assert deployment.target().client().pull("protected/image", "v1") == image.digest
