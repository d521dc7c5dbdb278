"""What a changed setting changes, and that nobody who pulls notices."""

import pytest

from tests.blackbox.images import Image, build_image
from tests.blackbox.oci import Account, tls_context
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.push_load import PushLoad
from tests.blackbox.target import RegistryTarget
from tests.blackbox.tls import handshake
from tests.blackbox.waiting import wait_for
from tests.engine.deployment import Deployment
from tests.engine.docker_events import ContainerEvents

REACHES_SECONDS = 20
"""How long a new file may take from the end of `up` to the process that reads it."""
REPOSITORY = "changes/image"


@pytest.fixture(scope="module")
def target(running: Deployment) -> RegistryTarget:
    return running.target()


@pytest.fixture(scope="module")
def image(target: RegistryTarget) -> Image:
    image = build_image(REPOSITORY)
    target.client().push(REPOSITORY, "latest", image)
    return image


def _served_certificate(target: RegistryTarget) -> bytes | None:
    return handshake(target, tls_context(target.ca_file)).certificate


def _status(target: RegistryTarget, account: Account) -> int:
    return target.client(account).request("GET", "/v2/").status


def test_a_new_account_changes_the_config_service_alone_and_no_pull_fails(
    running: Deployment, target: RegistryTarget, image: Image
) -> None:
    users = running.settings["auth"]["users"]
    running.write(auth={"users": [*users, {"name": "newcomer"}]})
    with PullLoad(target, REPOSITORY, image) as load:
        update = running.up()
        newcomer = running.accounts()["newcomer"]
        wait_for("the new account to get in", lambda: _status(target, newcomer) == 200, seconds=REACHES_SECONDS)
        load.more(40)
    containers = {name for name in update.changed if name.startswith("Container ")}
    assert containers == {f"Container {running.name}-config"}, update.changed
    others = {name.split(" ", 1)[0] for name in update.changed} - {"Container"}
    assert others <= {"RandomPassword", "RandomBytes", "Stack", "PrivateRegistry", "Credentials"}, update.changed
    running.up().assert_unchanged("the change is complete")


def test_the_accounts_that_were_there_keep_their_passwords(running: Deployment, target: RegistryTarget) -> None:
    assert running.accounts()["admin"] == target.accounts["admin"]


def test_a_removed_account_no_longer_gets_in_and_no_pull_fails(running: Deployment, target: RegistryTarget, image: Image) -> None:
    gone = running.accounts()["ci"]
    users = running.settings["auth"]["users"]
    running.write(auth={"users": [user for user in users if user["name"] != "ci"]})
    with PullLoad(target, REPOSITORY, image, account=target.accounts["admin"]) as load:
        running.up()
        wait_for("the removed account to be refused", lambda: _status(target, gone) == 401, seconds=REACHES_SECONDS)
        load.more(40)
    running.write(auth={"users": users})
    running.up()


def test_a_rotated_password_reaches_the_running_registry_and_no_pull_fails(
    running: Deployment, target: RegistryTarget, image: Image
) -> None:
    before = running.accounts()
    users = [{**user, "rotation": "1"} if user["name"] == "ci" else user for user in running.settings["auth"]["users"]]
    running.write(auth={"users": users})
    with PullLoad(target, REPOSITORY, image, account=before["admin"]) as load:
        running.up()
        after = running.accounts()
        assert after["ci"].password != before["ci"].password
        assert after["admin"].password == before["admin"].password
        wait_for("the new password to be accepted", lambda: _status(target, after["ci"]) == 200, seconds=REACHES_SECONDS)
        wait_for("the old password to be refused", lambda: _status(target, before["ci"]) == 401, seconds=REACHES_SECONDS)
        load.more(40)


def test_a_renewed_certificate_reaches_the_edge_and_no_pull_fails(running: Deployment, target: RegistryTarget, image: Image) -> None:
    before = _served_certificate(target)
    running.write(tls={**running.settings["tls"], "validityDays": 300})
    with PullLoad(target, REPOSITORY, image) as load:
        update = running.up()
        wait_for("the edge to show the new certificate", lambda: _served_certificate(target) != before, seconds=REACHES_SECONDS)
        load.more(40)
    containers = {name for name in update.changed if name.startswith("Container ")}
    assert containers == {f"Container {running.name}-config"}, "a new certificate needs no restart"
    assert running.outputs()["caCertificate"] == (target.ca_file.read_text() if target.ca_file else ""), "clients keep trusting the same CA"


def test_a_changed_registry_setting_rolls_the_replicas_one_by_one_and_no_pull_fails(
    running: Deployment, target: RegistryTarget, image: Image
) -> None:
    running.write(registry={"logLevel": "debug"})
    with ContainerEvents(running.name) as events, PushLoad(target) as pushes, PullLoad(target, REPOSITORY, image) as load:
        update = running.up()
        load.more(40)
        pushes.more(5)
    containers = {name.removeprefix(f"Container {running.name}-") for name in update.changed if name.startswith("Container ")}
    assert containers == {"config", "registry-1", "registry-2"}, update.changed
    first_healthy = events.first("registry-1", "health_status: healthy")
    second_stops = events.first("registry-2", "kill", "stop", "die", "destroy")
    assert first_healthy < second_stops, f"the second replica stopped before the first was healthy again:\n{events}"
    assert '"level":"debug"' in running.docker.logs("registry-1"), "the setting must have arrived"
    running.up().assert_unchanged("the change is complete")


def test_more_replicas_and_fewer_and_no_pull_fails(running: Deployment, target: RegistryTarget, image: Image) -> None:
    with PullLoad(target, REPOSITORY, image) as load:
        running.write(replicas=3)
        running.up()
        assert running.docker.replicas() == ("registry-1", "registry-2", "registry-3")
        wait_for(
            "the edge to send requests to the third replica",
            lambda: len({line.split('"upstream":"', 1)[1].split('"', 1)[0] for line in _recent(running)}) >= 3,
            seconds=REACHES_SECONDS,
        )
        running.write(replicas=2)
        running.up()
        assert running.docker.replicas() == ("registry-1", "registry-2")
        load.more(40)


def _recent(running: Deployment) -> list[str]:
    """The edge's latest lines about single requests."""
    return [line for line in running.docker.logs("edge").splitlines()[-200:] if '"upstream":"' in line]
