"""What happened on a VM since it was switched on, and when: for people who read the output of the tests."""

import json
import re
from datetime import datetime

from tests.blackbox.docker_host import docker
from tests.fleet.vm import Vm
from tests.fleet.vm_host import VmHost


def _seconds(text: str, since: datetime) -> float:
    """Engine times have nanoseconds, which Python's do not."""
    return (datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", text).replace("Z", "+00:00")) - since).total_seconds()


def timeline(vm: Vm) -> list[tuple[float, str]]:
    """Seconds since the VM was started, and what happened then; in order."""
    born = datetime.fromisoformat(
        re.sub(r"\.(\d{6})\d*", r".\1", json.loads(docker("inspect", vm.name))[0]["State"]["StartedAt"]).replace("Z", "+00:00")
    )
    events: list[tuple[float, str]] = []
    for line in vm.run("sh", "-c", "cat /var/log/dpkg.log 2> /dev/null", check=False).out.splitlines():
        words = line.split()
        if len(words) > 3 and words[2] in ("startup", "status") and words[3] in ("archives", "installed"):
            moment = datetime.fromisoformat(f"{words[0]}T{words[1]}+00:00")
            events.append(((moment - born).total_seconds(), "packages"))
    packages = [seconds for seconds, _ in events if seconds >= -1]
    found = [(packages[0], "first package"), (packages[-1], "last package installed")] if packages else []
    for name, one in VmHost(vm).containers().items():
        found.append((_seconds(one["Created"], born), f"container {name} made"))
        found += [
            (_seconds(check["Start"], born), f"container {name} seen healthy")
            for check in one["State"].get("Health", {}).get("Log", [])[:1]
            if check["ExitCode"] == 0
        ]
    return sorted(found)


def show(vm: Vm, ready: float) -> None:
    """Prints it, with the moment when the host was ready."""
    for seconds, what in [*timeline(vm), (ready, "ready for the balancer")]:
        print(f"  {seconds:7.1f} s  {what}")
