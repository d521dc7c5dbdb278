"""The edge's journal, written by the real nginx under the bundle's script: complete, and honest about what is missing."""

import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ops.journal import Journal, JournalError
from ops.journal_lines import Written
from tests.ops.gc.client import Client, Image, sha256
from tests.ops.gc.conftest import StartFleet
from tests.ops.gc.fleet import Fleet, Options, until

pytestmark = pytest.mark.live


@pytest.fixture
def fleet(start_fleet: StartFleet) -> Fleet:
    """One replica without a cache."""
    return start_fleet(Options(cache="none", replicas=1))


def _journal(fleet: Fleet) -> Journal:
    return fleet.parts(fleet.registry()).journal


def _workers(fleet: Fleet) -> list[int]:
    master = int((fleet.root / "run/nginx.pid").read_text())
    found = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True, check=True)
    return [int(line) for line in found.stdout.split()]


def _complete(journal: Journal, since: float) -> bool:
    journal.collect()
    try:
        journal.require(since)
    except JournalError:
        return False
    return True


def _written(journal: Journal, since: float) -> set[Written]:
    journal.collect()
    return journal.written(since, 0)


def _wait_complete(fleet: Fleet) -> float:
    """A moment since which the journal is complete."""
    journal, since = _journal(fleet), time.time() + 1
    time.sleep(1.1)
    until(lambda: _complete(journal, since), "the journal is complete", 60)
    return since


def test_a_push_is_in_the_journal(fleet: Fleet) -> None:
    since = _wait_complete(fleet)
    client, image = Client(fleet.edge_url), Image((b"one", b"two"), b"{}")
    digest = client.push("team/a", "v1", image)
    journal = _journal(fleet)
    until(lambda: len(_written(journal, since)) > 0, "the edge wrote its last line", 60)
    assert journal.touched(since, 0) == {digest, *(sha256(data) for data in (*image.layers, image.config))}
    assert [(entry.repository, entry.reference, entry.digest) for entry in journal.written(since, 0)] == [("team/a", "v1", digest)]


def test_no_line_is_lost_while_files_rotate_under_load(fleet: Fleet) -> None:
    since = _wait_complete(fleet)
    stop = threading.Event()
    asked: set[str] = set()

    def ask(number: int) -> None:
        client, count = Client(fleet.edge_url), 0
        while not stop.is_set():
            count += 1
            digest = sha256(f"{number}-{count}".encode())
            client.has_blob("team/a", digest)
            asked.add(digest)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    journal = _journal(fleet)
    for _ in range(4):
        assert journal.rotate_if_large(limit=1)
        until(lambda: not (fleet.places.journal / "rotate").exists(), "the edge rotates", 60)
        journal.collect()
        time.sleep(0.5)
    stop.set()
    for thread in threads:
        thread.join()
    # nginx writes a line after the answer.
    until(lambda: _complete(journal, since) and asked <= journal.touched(since, 0), "all lines are in the journal, and no hole", 60)
    assert len(list(fleet.places.journal.glob("journal-*.log"))) >= 4


def test_a_clean_restart_is_no_hole_and_a_killed_edge_is_one(fleet: Fleet) -> None:
    since = _wait_complete(fleet)
    fleet.stop("edge", signal.SIGTERM)
    fleet.start("edge")
    fleet.wait_ready()
    assert _complete(_journal(fleet), since)
    fleet.kill("edge")
    fleet.start("edge")
    fleet.wait_ready()
    assert not _complete(_journal(fleet), since)
    assert "killed" in _journal(fleet).complete_since()[1]


def test_a_killed_worker_is_a_hole(fleet: Fleet) -> None:
    since = _wait_complete(fleet)
    os.kill(_workers(fleet)[0], signal.SIGKILL)
    journal = _journal(fleet)
    until(lambda: not _complete(journal, since), "the hole shows", 60)
    assert "worker" in journal.complete_since()[1]


def test_a_journal_that_cannot_be_written_is_a_hole(fleet: Fleet) -> None:
    """Here: the volume is full. A small one is mounted over the journal's folder."""
    fleet.stop("edge")
    folder = fleet.places.journal
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        fleet.start("edge")
        fleet.wait_ready()
        client = Client(fleet.edge_url)
        since = _wait_complete(fleet)
        for number in range(600):
            client.has_blob("team/a", sha256(str(number).encode()))
        # Room again, as after an administrator's cleaning up; the edge tells what happened as soon as it can write.
        subprocess.run(["mount", "-o", "remount,size=1m", str(folder)], check=True)
        until(lambda: not _complete(_journal(fleet), since), "the hole shows", 60)
    finally:
        fleet.kill("edge")
        subprocess.run(["umount", "-l", str(folder)], check=True)


def _first_line(file: Path) -> bytes:
    """Empty while one file is put aside and the next is not yet there."""
    try:
        return file.read_bytes().split(b"\n")[0]
    except FileNotFoundError:
        return b""


def test_a_journal_that_lost_its_beginning_is_begun_again(fleet: Fleet) -> None:
    """As after a full disk: the file was begun anew by a line that is no mark."""
    since = _wait_complete(fleet)
    current = fleet.places.journal / "journal.log"
    current.unlink()
    current.write_text("")
    journal, now = _journal(fleet), time.time() + 2
    until(lambda: b"segment" in _first_line(current), "the edge begins a new file", 60)
    until(lambda: _complete(journal, now), "the journal is complete again", 60)
    assert not _complete(journal, since), "what lay in between is a hole"


def test_a_client_that_goes_away_leaves_a_trace(fleet: Fleet) -> None:
    """Its manifest may have been written although it never saw the answer."""
    since = _wait_complete(fleet)
    client, image = Client(fleet.edge_url), Image((b"one",), b"{}")
    client.push_blobs("team/a", image)
    body = image.manifest
    # The replica is held up, so that the client is gone before the answer.
    replica = fleet.processes["registry-127.0.0.1"]
    os.kill(replica.pid, signal.SIGSTOP)
    try:
        with socket.create_connection(("127.0.0.1", fleet.port)) as connection:
            head = f"PUT /v2/team/a/manifests/v1 HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(head.encode() + b"Content-Type: application/vnd.oci.image.manifest.v1+json\r\n\r\n" + body)
            time.sleep(0.5)
        time.sleep(0.5)
    finally:
        os.kill(replica.pid, signal.SIGCONT)
    journal = _journal(fleet)
    until(lambda: len(_written(journal, since)) > 0, "the edge wrote its line", 60)
    assert [(entry.repository, entry.reference, entry.digest) for entry in journal.written(since, 0)] == [("team/a", "v1", "")]
