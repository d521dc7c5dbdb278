"""Operations on object storage: the same suite as on disk."""

import pytest

from tests.blackbox.suite_operations import OperationsSuite
from tests.blackbox.target import RegistryTarget
from tests.storage.conftest import Running


class TestOperations(OperationsSuite):
    @pytest.fixture
    def target(self, running: Running) -> RegistryTarget:
        """The stack, which has graces of seconds."""
        return running.target
