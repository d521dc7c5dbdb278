"""The main loop of the ops container as a process."""

import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 30
LOOP = """
import pathlib, sys
from ops import schedule
schedule.SUPERVISE_SECONDS = 1000.0
schedule.ALIVE = pathlib.Path(sys.argv[1]) / "alive"
schedule.Loop([], lambda: None, pathlib.Path(sys.argv[1])).run()
"""


def test_the_loop_ends_at_once_however_long_it_would_have_slept(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", LOOP, str(tmp_path)], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr
        assert "schedule started" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        # Whether the signal came before the sleep or in it.
        assert process.wait(SECONDS) == 0, "`docker stop` waits for it, and so does every replacement of ops"
    finally:
        process.kill()
        process.communicate()
