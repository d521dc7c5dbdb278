"""A stack that differs from the others in everything that can differ: supplied certificate, one replica, no cache, a redirect port."""

from dataclasses import dataclass

import pytest

from tests.blackbox.images import build_image
from tests.blackbox.oci import RegistryClient, tls_context
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.target import RegistryTarget
from tests.blackbox.tls import handshake
from tests.blackbox.waiting import wait_for
from tests.certificates import Pair, make_ca, make_pair
from tests.engine.conftest import MakeStack
from tests.engine.deployment import Deployment
from tests.ports import free_port
from tests.stack_names import stack_name


@dataclass(frozen=True)
class Variant:
    """The stack and the CA that issued its certificate."""

    deployment: Deployment
    target: RegistryTarget
    ca: Pair


def _use(deployment: Deployment, pair: Pair, ca: Pair) -> None:
    deployment.write(tls={"mode": "provided", "certificate": pair.certificate, "caCertificate": ca.certificate})
    deployment.set_secret("tls.privateKey", pair.key)


@pytest.fixture(scope="module")
def variant(make_module_stack: MakeStack) -> Variant:
    ca = make_ca()
    deployment = make_module_stack(stack_name("variant"), replicas=1, cache="none", redirectPort=free_port())
    _use(deployment, make_pair("localhost", ca=ca), ca)
    deployment.up()
    return Variant(deployment, deployment.target(), ca)


def test_the_services_are_those_that_were_asked_for(variant: Variant) -> None:
    assert set(variant.deployment.docker.containers()) == {"config", "edge", "registry-1", "collector", "sweeper", "ops"}


def test_the_supplied_certificate_is_served_and_its_ca_is_what_clients_are_told_to_trust(variant: Variant) -> None:
    assert variant.target.ca_file
    assert variant.target.ca_file.read_text() == variant.ca.certificate
    assert handshake(variant.target, tls_context(variant.target.ca_file)).version == "TLSv1.3"


def test_images_go_in_and_come_back(variant: Variant) -> None:
    image = build_image("variant")
    client = variant.target.client()
    client.push("variant/image", "v1", image)
    assert client.pull("variant/image", "v1") == image.digest


def test_plain_http_on_the_redirect_port_is_sent_to_https(variant: Variant) -> None:
    port = variant.deployment.settings["redirectPort"]
    answer = RegistryClient(f"http://localhost:{port}", timeout=10).request("GET", "/v2/some/image/tags/list?n=3")
    assert answer.status in (301, 302, 307, 308)
    assert answer.header("Location") == f"https://{variant.target.address}/v2/some/image/tags/list?n=3"


def test_a_replaced_certificate_reaches_the_edge_and_no_pull_fails(variant: Variant) -> None:
    image = build_image("variant")
    variant.target.client().push("variant/image", "latest", image)
    context = tls_context(variant.target.ca_file)
    before = handshake(variant.target, context).certificate
    with PullLoad(variant.target, "variant/image", image) as load:
        _use(variant.deployment, make_pair("localhost", ca=variant.ca), variant.ca)
        variant.deployment.up()
        wait_for("the edge to show the new certificate", lambda: handshake(variant.target, context).certificate != before, seconds=20)
        load.more(20)


def test_a_second_up_changes_nothing(variant: Variant) -> None:
    variant.deployment.up("--refresh").assert_unchanged("a supplied certificate is no change")
