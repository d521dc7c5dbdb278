"""From nothing to a running registry, and back to nothing."""

from tests.blackbox.docker_host import leftovers
from tests.blackbox.images import build_image
from tests.engine.conftest import MakeStack
from tests.engine.deployment import Deployment
from tests.engine.events import count
from tests.stack_names import stack_name


def test_after_up_the_registry_takes_and_gives_images(running: Deployment) -> None:
    image = build_image("up")
    client = running.target().client()
    client.push("up/image", "v1", image)
    assert client.pull("up/image", "v1") == image.digest


def test_the_outputs_say_how_to_use_it(running: Deployment) -> None:
    outputs = running.outputs()
    assert outputs["url"] == f"https://localhost:{running.port}"
    assert outputs["caCertificate"].startswith("-----BEGIN CERTIFICATE-----")
    assert set(outputs["accounts"]) == {"admin", "ci"}
    assert all(len(password) >= 32 for password in outputs["accounts"].values()), "generated passwords must be out of reach of guessing"
    for part in (
        f"/etc/docker/certs.d/localhost:{running.port}/ca.crt",
        "/etc/containers/certs.d/",
        "/etc/containerd/certs.d/",
        "docker login",
    ):
        assert part in outputs["clientSetup"]


def test_passwords_are_hidden_unless_asked_for(running: Deployment) -> None:
    shown = running.checkout.pulumi("stack", "output", "--stack", running.stack, "--json").out
    assert not [account.name for account in running.accounts().values() if account.password in shown]


def test_a_second_up_changes_nothing(running: Deployment) -> None:
    running.up().assert_unchanged("a second up must change nothing")


def test_a_second_up_with_refresh_changes_nothing(running: Deployment) -> None:
    running.up("--refresh").assert_unchanged("the engine's view of a container must not look like drift")


def test_a_preview_expects_no_changes(running: Deployment) -> None:
    running.preview("--expect-no-changes", "--refresh", "--diff").assert_unchanged("a scheduled drift check would raise a false alarm")


def test_a_container_that_was_removed_by_hand_comes_back(running: Deployment) -> None:
    containers = running.docker
    containers.stop("registry-2")
    update = running.up("--refresh")
    assert [step.name for step in update.changes if step.operation in ("create", "replace", "create-replacement")], update.text
    containers.wait_healthy("registry-2")
    running.up("--refresh").assert_unchanged("repaired is repaired")


def test_destroy_leaves_nothing_behind(make_stack: MakeStack) -> None:
    deployment = make_stack(stack_name("destroy"))
    deployment.up()
    assert leftovers(deployment.name), "the stack's things must be recognisable by their names"
    update = deployment.destroy()
    assert set(count(update.changes)) <= {"delete"}
    assert leftovers(deployment.name) == []
    assert '"type": "docker:' not in deployment.export()
