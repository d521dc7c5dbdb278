"""Operations on a stack with filesystem storage, once with each registry version."""

import pytest

from tests.blackbox.suite_operations import OPERATIONS, OperationsSuite
from tests.blackbox.target import RegistryTarget
from tests.engine.conftest import MakeStack
from tests.stack_names import stack_name


@pytest.fixture(scope="module", params=[3, 2], ids=["registry-3", "registry-2.8"])
def target(request: pytest.FixtureRequest, make_module_stack: MakeStack) -> RegistryTarget:
    deployment = make_module_stack(stack_name(f"ops{request.param}"), registry_major=request.param, **OPERATIONS)
    deployment.up()
    return deployment.target()


class TestOperations(OperationsSuite):
    pass
