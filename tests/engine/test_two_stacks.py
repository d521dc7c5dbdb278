"""Two stacks on one engine have nothing to do with each other."""

from tests.blackbox.docker_host import leftovers
from tests.blackbox.images import build_image
from tests.blackbox.oci import Account
from tests.blackbox.pull_load import PullLoad
from tests.engine.conftest import MakeStack
from tests.engine.deployment import Deployment
from tests.stack_names import stack_name


def test_a_second_stack_on_another_port_does_not_disturb_the_first(running: Deployment, make_stack: MakeStack) -> None:
    first = running.target()
    image = build_image("two-stacks")
    first.client().push("two/image", "latest", image)
    with PullLoad(first, "two/image", image) as load:
        other = make_stack(stack_name("second"))
        other.up()
        second = other.target()
        mine = build_image("second")
        second.client().push("two/image", "latest", mine)
        assert second.client().pull("two/image", "latest") == mine.digest
        assert first.client().pull("two/image", "latest") == image.digest, "each has its own storage"
        stranger = Account("admin", second.accounts["admin"].password)
        assert first.client(stranger).request("GET", "/v2/").status == 401, "each has its own accounts"
        assert second.ca_file
        assert first.ca_file
        assert second.ca_file.read_text() != first.ca_file.read_text(), "each has its own CA"
        other.destroy()
        load.more(20)
    assert leftovers(other.name) == []
    running.up("--refresh").assert_unchanged("the second stack must have left the first alone")


def test_a_second_stack_on_the_same_port_fails_clearly_and_the_first_goes_on(running: Deployment, make_stack: MakeStack) -> None:
    first = running.target()
    image = build_image("two-stacks")
    first.client().push("two/image", "latest", image)
    with PullLoad(first, "two/image", image) as load:
        other = make_stack(stack_name("clash"), port=running.port)
        refused = other.up(check=False)
        load.more(20)
    assert refused.done.code != 0
    assert str(running.port) in refused.text
    # The words are the engine's or the plugin's.
    assert any(words in refused.text for words in ("in use", "already allocated", "held by")), refused.text
    assert "Traceback" not in refused.text
    other.destroy()
    assert leftovers(other.name) == [], "what the failed run left half-made must be known to pulumi"
