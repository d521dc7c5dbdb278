"""The black-box suite against stacks on this machine's Docker."""

from tests.blackbox.suite_access import AccessSuite
from tests.blackbox.suite_client_gate import ClientGateSuite
from tests.blackbox.suite_clients import ClientSuite
from tests.blackbox.suite_errors import ErrorSuite
from tests.blackbox.suite_gate import GateSuite
from tests.blackbox.suite_hardening import HardeningSuite
from tests.blackbox.suite_images import ImageSuite
from tests.blackbox.suite_large import LargeLayerSuite
from tests.blackbox.suite_resilience import ResilienceSuite
from tests.blackbox.suite_tls import TlsSuite


class TestHardening(HardeningSuite):
    pass


class TestAccess(AccessSuite):
    pass


class TestTls(TlsSuite):
    pass


class TestErrors(ErrorSuite):
    pass


class TestImages(ImageSuite):
    pass


class TestClients(ClientSuite):
    pass


class TestGate(GateSuite):
    pass


class TestClientsAtTheGate(ClientGateSuite):
    pass


class TestLargeLayer(LargeLayerSuite):
    pass


class TestResilience(ResilienceSuite):
    pass
