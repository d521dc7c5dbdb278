"""Runs the real `ops` in a process of its own and measures it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from bench.figures import require
from tests.ops.gc.fleet import Fleet

REPO = Path(__file__).parent.parent
# Registry 2.8 and 3.x count alike (github.com/docker/go-metrics).
_REQUESTS = re.compile(r'^registry_http_requests_total\{code="[^"]*",handler="([^"]*)",method="([^"]*)"\} ([0-9.e+]+)$', re.MULTILINE)
_PEAK = re.compile(r"^VmHWM:\s*([0-9]+) kB$", re.MULTILINE)
# getrusage won't do: it counts what the process that started this one had in memory too.
_MEASURED = """
import sys
from pathlib import Path
from ops.commands import main
code = main(sys.argv[2:])
Path(sys.argv[1]).write_text(Path("/proc/self/status").read_text())
sys.exit(code)
"""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def requests(fleet: Fleet) -> Counter[tuple[str, str]]:
    """How many requests the replicas have answered, by (handler, method); without those to the root page, which are probes."""
    total: Counter[tuple[str, str]] = Counter()
    for host in fleet.hosts:
        with _OPENER.open(f"http://{host}:{fleet.debug_port}/metrics", timeout=10) as answer:
            text = str(answer.read(), "utf-8")
        for handler, method, count in _REQUESTS.findall(text):
            if handler != "base":
                total[handler, method.upper()] += round(float(count))
    return total


@dataclass(frozen=True)
class OpsRun:
    """One run: its exit code, what it printed (JSON), seconds, the most memory it had in bytes, and the requests meanwhile."""

    code: int
    data: Mapping[str, object]
    seconds: float
    peak_bytes: int
    requests: Counter[tuple[str, str]]

    @property
    def all_requests(self) -> int:
        """All of them together."""
        return sum(self.requests.values())


def run(fleet: Fleet, *arguments: str, codes: tuple[int, ...] = (0,)) -> OpsRun:
    """Runs a command with --json. Raises BenchError when it ends with another code."""
    environment = {**os.environ, "OPS_ROOT": str(fleet.root), "PYTHONPATH": str(REPO)}
    before = requests(fleet)
    with tempfile.NamedTemporaryFile() as status, tempfile.TemporaryFile() as err:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", _MEASURED, status.name, *arguments, "--json"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=err, check=False,
        )  # fmt: skip
        seconds = time.monotonic() - started
        err.seek(0)
        said = str(err.read()[-3000:], "utf-8", "replace")
        require(done.returncode in codes, f"ops {' '.join(arguments)} ended with {done.returncode}:\n{said}")
        peak = _PEAK.search(Path(status.name).read_text())
    require(peak is not None, "the kernel does not say how much memory ops had")
    data = cast(Mapping[str, object], json.loads(done.stdout))
    return OpsRun(done.returncode, data, seconds, int(peak[1]) * 1024 if peak else 0, requests(fleet) - before)
