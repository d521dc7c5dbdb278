"""Images of machines for the tests of hosts."""

from dataclasses import replace

from host.boot import PACKAGES
from offline.images.vm import BARE, FIRST_BOOT_PACKAGES, INSTALLED


def test_the_machine_carries_every_package_that_a_first_boot_installs() -> None:
    assert set(PACKAGES) <= {*FIRST_BOOT_PACKAGES, *BARE.packages}


def test_the_bare_machine_leaves_them_to_the_first_boot() -> None:
    assert not set(FIRST_BOOT_PACKAGES) & set(BARE.packages)
    assert set(FIRST_BOOT_PACKAGES) <= set(INSTALLED.packages)


def test_another_machine_has_another_fingerprint() -> None:
    assert len({BARE.fingerprint(), INSTALLED.fingerprint(), replace(BARE, tag="offline/vm:other").fingerprint()}) == 3
