"""Fixtures that several kinds of tests share, and how many examples property tests try."""

import pytest
from hypothesis import settings

from tests.images import TestImages, find_images

# Without a time limit per example: a busy machine is no bug. The fast tests ask for "fast"; a release is tested with the other one.
settings.register_profile("whole", deadline=None, max_examples=200)
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("whole")


@pytest.fixture(scope="session")
def images() -> TestImages:
    """The container images to test with; needs the Docker engine."""
    return find_images()
