"""The journal's reader: what it takes from lines, and that nothing that could be missing goes unnoticed."""

import json
import time
from pathlib import Path

import pytest

from ops.gc.database import Database
from ops.journal import Journal, JournalError
from ops.journal_lines import LineError, Marker, Touch, Written, parse

A, B, C = ("sha256:" + letter * 64 for letter in "abc")
T = 1_000_000.0


def request(uri: str, method: str = "GET", status: int = 200, digest: str = "", *, upstream: str | None = None, at: float = T) -> bytes:
    return json.dumps(
        {
            "at": at,
            "method": method,
            "status": status,
            "uri": uri,
            "digest": digest,
            "upstreamDigest": digest,
            "upstream": str(status) if upstream is None else upstream,
        }
    ).encode()


@pytest.mark.parametrize(
    ("line", "digests"),
    [
        (request(f"/v2/a/b/blobs/{A}", "HEAD"), {A}),
        (request("/v2/a/b/manifests/latest", digest=A), {A}),
        (request(f"/v2/a/blobs/uploads/?mount={A}&from=b", "POST", 201, B), {A, B}),
        (request(f"/v2/a/blobs/uploads/?mount={A.replace(':', '%3A')}&from=b", "POST", 202), {A}),
        (request(f"/v2/a/blobs/uploads/id?_state=x&digest={A}", "PUT", 201, A), {A}),
        (request(f"/v2/a/blobs/{A}", "HEAD", 404), {A}),
        (request(f"/v2/a/blobs/{A}", "HEAD", 401), set[str]()),
        (request(f"/v2/a/blobs/uploads/?digest={A}", "PUT", 503, upstream=""), set[str]()),
    ],
)
def test_a_request_touches_the_digests_that_it_names(line: bytes, digests: set[str]) -> None:
    entry = parse(line)
    assert isinstance(entry, Touch)
    assert entry.digests == digests


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (request("/v2/a/b/manifests/v1", "PUT", 201, A), Written("a/b", "v1", A)),
        (request(f"/v2/a/b/manifests/{A}", "PUT", 201, A), Written("a/b", A, A)),
        # The client went away before the answer; whether it was written, the registry knows.
        (request("/v2/a/b/manifests/v1", "PUT", 499, upstream="-"), Written("a/b", "v1", "")),
        (request("/v2/a/b/manifests/v1", "PUT", 500), Written("a/b", "v1", "")),
        (request("/v2/a/b/manifests/v1", "PUT", 504), Written("a/b", "v1", "")),
        (request("/v2/a/b/manifests/v1", "PUT", 400), None),
        (request("/v2/a/b/manifests/v1", "PUT", 503, upstream=""), None),
        (request("/v2/manifests/manifests/v1", "PUT", 201, A), Written("manifests", "v1", A)),
        (request("/v2/Host.example:5000/a__b/c-d.e/manifests/v1", "PUT", 201, A), Written("Host.example:5000/a__b/c-d.e", "v1", A)),
        # Answered before anybody looked at the account.
        (request("/v2/a/../b/manifests/x", "PUT", 301), None),
        (request("/v2/a/manifests/x", "PUT", 307), None),
        (request("/v2/a/../b/manifests/x", "PUT", 499, upstream="-"), None),
        (request("/v2/a/%2e%2e/b/manifests/x", "PUT", 499, upstream="-"), None),
        (request("/v2/a/./b/manifests/x", "PUT", 502), None),
        (request("/v2/-a/manifests/x", "PUT", 499, upstream="-"), None),
        (request("/v2/a b/manifests/x", "PUT", 499, upstream="-"), None),
        (request("/v2/a/manifests/" + "x" * 129, "PUT", 499, upstream="-"), None),
        (request("/v2/a/manifests/sha256:abc", "PUT", 499, upstream="-"), None),
        (request("/v2/a/manifests/v1", "PUT", 408, upstream="-"), Written("a", "v1", "")),
    ],
)
def test_manifests_that_were_or_may_have_been_written(line: bytes, written: Written | None) -> None:
    entry = parse(line)
    assert isinstance(entry, Touch)
    assert entry.written == written


def test_a_status_that_is_no_number_of_http_is_read() -> None:
    assert isinstance(parse(request("/v2/a/blobs/x").replace(b'"status": 200', b'"status": "000"')), Touch)


@pytest.mark.parametrize("line", [b"", b"{", b'{"at":1', b"[]", b'{"at":"x","marker":"alive"}', b'{"at":1}'])
def test_a_line_that_is_not_whole_is_an_error(line: bytes) -> None:
    with pytest.raises(LineError):
        parse(line)


def test_bytes_that_a_client_makes_up_do_not_break_a_line() -> None:
    assert isinstance(parse(request("/v2/a/blobs/x").replace(b"blobs", b"bl\xff\xfeobs")), Touch)


def test_marks_are_understood() -> None:
    assert parse(b'{"at":5,"marker":"alive"}') == Marker("alive", 5.0)


class Desk:
    """A journal folder that the test writes the way the edge does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = T
        self.number = 0
        self.database = Database(folder / "state.sqlite")
        self.passed = 500.0
        self.journal = Journal(folder, self.database, keep_seconds=100, clock=lambda: self.now, steady=self.steady)
        self.segment = ""

    def steady(self) -> float:
        """A clock that nobody sets."""
        return self.passed

    @property
    def current(self) -> Path:
        return self.folder / "journal.log"

    def begin(self, *, clean: bool, previous: str | None = None) -> None:
        """The edge's `next_file`."""
        before = self.segment if previous is None else previous
        if self.current.exists():
            self.current.rename(self.folder / f"journal-{self.number:03d}-{self.segment}.log")
        self.number += 1
        self.segment = f"00-{self.number}"
        mark = {"at": int(self.now), "marker": "segment", "segment": self.segment, "previous": before, "clean": clean}
        self.current.write_text(json.dumps(mark) + "\n")

    def line(self, line: bytes) -> None:
        with self.current.open("ab") as file:
            file.write(line + b"\n")

    def mark(self, kind: str) -> None:
        self.line(json.dumps({"at": int(self.now), "marker": kind}).encode())

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.passed += seconds
        self.mark("alive")

    def complete(self, since: float) -> bool:
        self.journal.collect()
        try:
            self.journal.require(since)
        except JournalError:
            return False
        return True


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A journal that is 50 s old and complete."""
    desk = Desk(tmp_path)
    desk.begin(clean=False)
    desk.later(50)
    assert desk.complete(T + 1)
    return desk


def test_nothing_is_known_of_the_time_before_the_journal_began(desk: Desk) -> None:
    assert not desk.complete(T - 1)


def test_rotation_loses_nothing(desk: Desk) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    old = desk.current.open("ab")
    desk.begin(clean=True)
    # nginx still has the old file open.
    old.write(request(f"/v2/a/blobs/{B}", at=desk.now) + b"\n")
    old.flush()
    desk.line(request(f"/v2/a/blobs/{C}", at=desk.now))
    desk.later(1)
    assert desk.complete(T + 1)
    assert desk.journal.touched(T, 0) == {A, B, C}
    old.write(request(f"/v2/a/blobs/{'sha256:' + 'd' * 64}", at=desk.now) + b"\n")
    old.close()
    assert desk.complete(T + 1)
    assert len(desk.journal.touched(T, 0)) == 4


def test_two_rotations_between_two_looks_are_followed(desk: Desk) -> None:
    desk.begin(clean=True)
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.begin(clean=True)
    desk.later(1)
    assert desk.complete(T + 1)
    assert desk.journal.touched(T, 0) == {A}


def test_a_file_that_vanished_is_a_hole(desk: Desk) -> None:
    desk.begin(clean=True)
    desk.begin(clean=True)
    desk.later(1)
    (desk.folder / "journal-002-00-2.log").unlink()
    assert not desk.complete(T + 1)
    desk.later(60)
    assert desk.complete(desk.now - 30), "what came after the hole is known"


def test_a_file_that_was_cut_is_a_hole(desk: Desk) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.journal.collect()
    with desk.current.open("r+b") as file:
        file.truncate(200)
    desk.later(1)
    assert not desk.complete(T + 1)


def test_a_file_that_was_cut_and_grew_again_is_a_hole(desk: Desk) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.journal.collect()
    size = desk.current.stat().st_size
    first = desk.current.read_bytes().split(b"\n")[0] + b"\n"
    desk.current.write_bytes(first)
    while desk.current.stat().st_size <= size:
        desk.mark("alive")
    assert not desk.complete(T + 1)


def test_the_whole_journal_lost_is_a_hole(desk: Desk) -> None:
    desk.current.unlink()
    with pytest.raises(JournalError, match="missing"):
        desk.journal.collect()
    desk.segment = ""
    desk.begin(clean=True)
    desk.later(1)
    assert not desk.complete(T + 1)


def test_a_garbled_line_is_a_hole(desk: Desk) -> None:
    desk.line(b'{"at":1,"meth')
    desk.later(1)
    assert not desk.complete(T + 1)


def test_a_line_that_is_being_written_is_read_when_it_is_whole(desk: Desk) -> None:
    line = request(f"/v2/a/blobs/{A}", at=desk.now) + b"\n"
    with desk.current.open("ab") as file:
        file.write(line[:40])
        file.flush()
        assert desk.complete(T + 1)
        file.write(line[40:])
    assert desk.complete(T + 1)
    assert desk.journal.touched(T, 0) == {A}


def test_a_killed_edge_is_a_hole_and_a_clean_restart_is_none(desk: Desk) -> None:
    desk.mark("stop")
    desk.begin(clean=True)
    desk.later(1)
    assert desk.complete(T + 1)
    desk.begin(clean=False)
    desk.later(1)
    assert not desk.complete(T + 1)


def test_lines_that_could_not_be_written_are_a_hole(desk: Desk) -> None:
    desk.mark("trouble")
    desk.later(1)
    assert not desk.complete(T + 1)


def test_an_edge_that_does_not_mark_is_not_trusted(desk: Desk) -> None:
    desk.now += 60
    assert not desk.complete(T + 1)


def test_what_came_after_a_position_counts_whatever_the_clock_says(desk: Desk) -> None:
    position = desk.journal.position()
    desk.line(request("/v2/a/manifests/v1", "PUT", 201, A, at=desk.now - 3600))
    desk.journal.collect()
    assert desk.journal.touched(desk.now, position) == {A}
    assert desk.journal.written(desk.now, position) == {Written("a", "v1", A)}
    assert desk.journal.touched(desk.now, desk.journal.position()) == set()


def test_old_entries_and_old_files_go(desk: Desk) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.begin(clean=True)
    desk.later(1)
    desk.journal.collect()
    desk.later(3700)
    desk.journal.collect()
    assert len(list(desk.folder.glob("journal-*.log"))) == 0
    desk.later(3700)
    assert desk.complete(desk.now - 100)
    assert desk.journal.touched(0, 0) == set()


def test_a_large_file_is_rotated_on_request(desk: Desk) -> None:
    assert not desk.journal.rotate_if_large()
    assert desk.journal.rotate_if_large(limit=10)
    assert (desk.folder / "rotate").exists()


def test_reading_is_fast_enough(desk: Desk) -> None:
    line = request(f"/v2/a/blobs/{A}", at=desk.now) + b"\n"
    with desk.current.open("ab") as file:
        file.write(line * 20_000)
    started = time.process_time()
    desk.journal.collect()
    assert time.process_time() - started < 10, "processor time: who else is at work on the machine makes no difference"


@pytest.mark.parametrize("step", [7 * 86_400, -7 * 86_400, 3700])
def test_a_clock_that_was_set_is_a_hole_until_the_new_time_has_lasted(desk: Desk, step: float) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.journal.collect()
    assert not desk.journal.clock_was_set(86_400)
    desk.now += step
    desk.mark("alive")
    assert not desk.complete(desk.now - 1)
    assert "clock" in desk.journal.complete_since()[1]
    assert desk.journal.clock_was_set(86_400)
    set_at = desk.now
    desk.later(50)
    assert desk.complete(set_at + 1)
    desk.later(86_400)
    assert not desk.journal.clock_was_set(86_400)


def test_a_clock_that_goes_ahead_and_back_loses_no_protection(desk: Desk) -> None:
    desk.line(request(f"/v2/a/blobs/{A}", at=desk.now))
    desk.journal.collect()
    for step in (7 * 86_400, -7 * 86_400):
        desk.now += step
        desk.mark("alive")
        desk.journal.collect()
    desk.mark("alive")
    assert not desk.complete(desk.now - 50), "what it forgot meanwhile, nobody may rely on"
    desk.later(60)
    assert desk.complete(desk.now - 50)


def test_a_longer_grace_waits_until_the_journal_covers_it(desk: Desk) -> None:
    desk.later(20_000)
    assert desk.complete(desk.now - 100)
    longer = Journal(desk.folder, desk.database, keep_seconds=10_000, clock=lambda: desk.now, steady=desk.steady)
    with pytest.raises(JournalError, match="forgotten"):
        longer.require(desk.now - 10_000)
    for _ in range(10):
        desk.later(1000)
        longer.collect()
    longer.require(desk.now - 10_000)


def test_much_is_read_in_pieces(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.journal.LINES_AT_ONCE", 2)
    digests = ["sha256:" + f"{number:064x}" for number in range(50)]
    for number, digest in enumerate(digests):
        desk.line(request(f"/v2/a/blobs/{digest}", at=desk.now))
        if number % 20 == 19:
            desk.begin(clean=True)
    desk.later(1)
    changes: list[int] = []
    change = Database.change
    monkeypatch.setattr(Database, "change", lambda self: (changes.append(1), change(self))[1])
    assert desk.complete(T + 1)
    assert desk.journal.touched(T, 0) == set(digests)
    assert len(changes) > 10
