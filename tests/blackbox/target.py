"""What the suite runs against: a registry's address, and, where the test has it, a hand on the host that runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import pytest

from tests.blackbox.oci import Account, RegistryClient


class HostControl(Protocol):
    """What a test may do to the host that runs the registry. Each platform has its own way."""

    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """The stack's containers: short name (`edge`, `registry-1`, ...) to what the engine says about it."""
        ...

    def replicas(self) -> tuple[str, ...]:
        """Short names of the registry's replicas."""
        ...

    def stop(self, service: str) -> None:
        """Stops a service and returns when it is stopped."""
        ...

    def start(self, service: str) -> None:
        """Starts a service and returns when it is healthy."""
        ...

    def kill(self, service: str) -> None:
        """Ends a service without a warning, as a crash does."""
        ...

    def close_gate(self) -> None:
        """Closes the write gate."""
        ...

    def open_gate(self) -> None:
        """Opens the write gate."""
        ...

    def logs(self, service: str) -> str:
        """Everything that the service has written so far."""
        ...


class MemoryMeter(Protocol):
    """Measures the memory of services, where the kernel's accounting of them can be read."""

    def reset_memory_peak(self, service: str) -> None:
        """Begins a new measurement of the service's memory."""
        ...

    def memory_peak(self, service: str) -> int:
        """The most memory that the service used since the measurement began, in bytes, without what it has read from files."""
        ...


@dataclass(frozen=True)
class RegistryTarget:
    """A registry under test.

    `names` are more names and addresses, host or [IPv6], that reach it and that its certificate must cover.
    `foreign_address` is host:port of it that the docker client does not take for its own machine, because docker skips the check of
    certificates there (127.0.0.0/8).
    """

    url: str
    ca_file: Path | None
    accounts: Mapping[str, Account]
    names: tuple[str, ...] = ()
    foreign_address: str | None = None
    host: HostControl | None = None
    memory: MemoryMeter | None = None
    secrets: tuple[str, ...] = ()
    """Values that must show up nowhere: passwords, keys."""

    @property
    def account(self) -> Account:
        """The first account."""
        return next(iter(self.accounts.values()))

    @property
    def address(self) -> str:
        """host:port, as it stands before a repository's name."""
        return urlsplit(self.url).netloc

    @property
    def hostname(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 443

    def client(self, account: Account | None = None, *, anonymous: bool = False, timeout: float = 60) -> RegistryClient:
        """A client for the first account, another one, or none."""
        return RegistryClient(self.url, ca_file=self.ca_file, account=None if anonymous else (account or self.account), timeout=timeout)

    def control(self) -> HostControl:
        """The hand on the host; skips the test where there is none."""
        if self.host is None:
            pytest.skip("this target gives no hand on its host")
        return self.host
