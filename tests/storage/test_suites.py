"""The black-box suite, unchanged, on object storage."""

import pytest

from tests.blackbox.suite_access import AccessSuite
from tests.blackbox.suite_clients import ClientSuite
from tests.blackbox.suite_errors import ErrorSuite
from tests.blackbox.suite_gate import GateSuite
from tests.blackbox.suite_hardening import HardeningSuite
from tests.blackbox.suite_images import ImageSuite
from tests.blackbox.suite_large import LargeLayerSuite
from tests.blackbox.suite_resilience import ResilienceSuite
from tests.blackbox.suite_tls import TlsSuite
from tests.stack_names import stack_name
from tests.storage.conftest import Running


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


class TestLargeLayer(LargeLayerSuite):
    @pytest.fixture(autouse=True)
    def _on_one_storage(self, running: Running) -> None:
        if running.kind.stack != stack_name("sts3"):
            pytest.skip("1 GiB takes minutes: once on object storage is enough, and 200 MiB runs on every storage")


class TestResilience(ResilienceSuite):
    pass
