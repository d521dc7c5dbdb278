"""A hand on a stack that runs on this machine's Docker."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.blackbox.command import run
from tests.blackbox.waiting import wait_for

HEALTHY_SECONDS = 90
CGROUP = Path("/sys/fs/cgroup")


def docker(*args: str, stdin: str | bytes | None = None, seconds: float = 120) -> str:
    """Runs the docker command line and returns what it printed. Raises CommandError."""
    return run("docker", *args, stdin=stdin, seconds=seconds).out


def names(kind: str, prefix: str) -> list[str]:
    """Names of all containers (also stopped ones), volumes or networks that are `prefix` or begin with `prefix-`."""
    listing = {
        "container": ("ps", "--all", "--format", "{{.Names}}"),
        "volume": ("volume", "ls", "--format", "{{.Name}}"),
        "network": ("network", "ls", "--format", "{{.Name}}"),
    }[kind]
    return sorted(name for name in docker(*listing).split() if name == prefix or name.startswith(f"{prefix}-"))


def leftovers(prefix: str) -> list[str]:
    """Everything of a stack that the engine still has."""
    return [f"{kind} {name}" for kind in ("container", "volume", "network") for name in names(kind, prefix)]


def remove_leftovers(prefix: str) -> None:
    """Removes everything of a stack from the engine, for tests that must clean up after a failure."""
    for kind in ("container", "network", "volume"):
        for name in names(kind, prefix):
            force = () if kind == "network" else ("--force",)
            run("docker", kind, "rm", *force, name, check=False)


class DockerStack:
    """The containers of one stack, whose names begin with `prefix`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def name(self, service: str) -> str:
        """A service's container."""
        return f"{self.prefix}-{service}"

    def inspect(self, service: str) -> dict[str, Any]:
        """What the engine says about a service's container."""
        return json.loads(docker("inspect", self.name(service)))[0]

    def containers(self) -> Mapping[str, Mapping[str, Any]]:
        """See HostControl."""
        found = names("container", self.prefix)
        if not found:
            return {}
        all_ = json.loads(docker("inspect", *found))
        return {one["Name"].removeprefix(f"/{self.prefix}-"): one for one in all_}

    def replicas(self) -> tuple[str, ...]:
        """See HostControl."""
        return tuple(sorted(name for name in self.containers() if name.startswith("registry-")))

    def wait_healthy(self, service: str, seconds: float = HEALTHY_SECONDS) -> None:
        """Waits until the engine calls the service healthy."""
        wait_for(
            f"{self.name(service)} to be healthy",
            lambda: self.inspect(service)["State"].get("Health", {}).get("Status") == "healthy",
            seconds=seconds,
        )

    def stop(self, service: str) -> None:
        """See HostControl."""
        docker("stop", self.name(service))

    def start(self, service: str) -> None:
        """See HostControl."""
        docker("start", self.name(service))
        self.wait_healthy(service)

    def kill(self, service: str) -> None:
        """See HostControl."""
        docker("kill", self.name(service))

    def close_gate(self) -> None:
        """See HostControl."""
        docker("exec", self.name("config"), "touch", "/gate/closed")

    def open_gate(self) -> None:
        """See HostControl."""
        docker("exec", self.name("config"), "rm", "-f", "/gate/closed")

    def logs(self, service: str) -> str:
        """See HostControl."""
        return run("docker", "logs", self.name(service)).text

    def _cgroup(self, service: str) -> tuple[Path, int]:
        """Folder of the service's memory accounting, and the cgroup version."""
        pid = self.inspect(service)["State"]["Pid"]
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                return CGROUP / "memory" / path.lstrip("/"), 1
            if number == "0" and not controllers and (CGROUP / path.lstrip("/") / "memory.current").exists():
                return CGROUP / path.lstrip("/"), 2
        raise AssertionError(f"{self.name(service)} has no memory cgroup that can be read here")

    def _file_cache(self, folder: Path, version: int) -> int:
        stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        keys = ("total_inactive_file", "total_active_file") if version == 1 else ("inactive_file", "active_file")
        return sum(int(stat[key]) for key in keys)

    def reset_memory_peak(self, service: str) -> None:
        """See MemoryMeter. Where the kernel can't (cgroup 2 before Linux 6.12) the measurement goes back to the container's start."""
        folder, version = self._cgroup(service)
        peak = folder / ("memory.max_usage_in_bytes" if version == 1 else "memory.peak")
        try:
            peak.write_text("0")
        except OSError as error:
            print(f"{peak} can't be reset ({error}): the peak counts from the container's start")

    def memory_peak(self, service: str) -> int:
        """See MemoryMeter."""
        folder, version = self._cgroup(service)
        peak = folder / ("memory.max_usage_in_bytes" if version == 1 else "memory.peak")
        return int(peak.read_text()) - self._file_cache(folder, version)

    def memory(self, service: str) -> int:
        """Memory that the service uses now, in bytes, without what it has read from files."""
        folder, version = self._cgroup(service)
        return self.memory_with_files(service) - self._file_cache(folder, version)

    def memory_with_files(self, service: str) -> int:
        """All memory that the kernel counts for the service, also copies of files that it drops when others need the memory; bytes."""
        folder, version = self._cgroup(service)
        usage = folder / ("memory.usage_in_bytes" if version == 1 else "memory.current")
        return int(usage.read_text())
