"""Fixtures that several kinds of tests share."""

import pytest

from tests.images import TestImages, find_images


@pytest.fixture(scope="session")
def images() -> TestImages:
    """The container images to test with; needs the Docker engine."""
    return find_images()
