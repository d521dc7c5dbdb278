"""The edge's script as the shell runs it, with programs that answer as we like: which replicas nginx is told to use."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundle.templates import render
from tests.blackbox.waiting import wait_for

SECONDS = 30
REPLICAS = ("registry-1", "registry-2")
TOOLS = {
    # A name that nobody has is left out, as the real one does.
    "getent": """
        shift
        found=2
        for name; do
            [ -e {names}/$name ] && found=0 && echo "$(cat {names}/$name)  $name{end}"
            {after_each}
        done
        exit $found
    """,
    # Exit codes that are listed for an address come first, one a probe.
    "wget": """
        for url; do :; done
        echo "$url" >>{probes}
        address=${{url#http://}}
        address=${{address%%:*}}
        if [ -s {root}/answers-$address ]; then
            read -r code <{root}/answers-$address
            sed -i 1d {root}/answers-$address
            exit $code
        fi
        test -e {alive}/$address
    """,
    "nginx": 'case "$*" in *daemon*) exec sleep 1000 ;; *-t*) ! grep -q broken {files}/nginx.conf ;; *reload*) echo >>{reloads} ;; esac',
    # The script's second is over as soon as a round has begun.
    "sleep": '[ "$1" = 1000 ] && exec /bin/sleep 1000\nexec /bin/sleep 0.05',
}


class Edge:
    """The script, the names that its name server knows, and the addresses that answer."""

    def __init__(self, root: Path, end: str, after_each: str) -> None:
        self.root = root
        for folder in ("bin", "files", "run", "names", "alive"):
            (root / folder).mkdir()
        places = {"root": root} | {name: root / name for name in ("files", "names", "alive", "probes", "reloads")}
        for name, text in TOOLS.items():
            (root / "bin" / name).write_text(f"#!/bin/sh\n{text.format(**places, end=end, after_each=after_each)}\n")
            (root / "bin" / name).chmod(0o755)
        (root / "files/replicas").write_text("".join(f"{name}\n" for name in REPLICAS))
        (root / "files/.version").write_text("1  nginx.conf\n2  replicas\n")
        (root / "files/nginx.conf").write_text("fine\n")
        for number, name in enumerate(REPLICAS, 1):
            self.is_at(name, f"10.0.0.{number}")
        script = render("edge.sh.j2", replica_port=5000).replace("FILES=/etc/edge", f"FILES={root}/files")
        (root / "run.sh").write_text(script.replace("RUN=/tmp/edge", f"RUN={root}/run"))
        self.process: subprocess.Popen[bytes] | None = None

    def write(self, name: str, text: str) -> None:
        """Whole or not at all, as the config service does it."""
        new = self.root / "new"
        new.write_text(text)
        new.replace(self.root / name)

    def is_at(self, replica: str, address: str) -> None:
        (self.root / "alive" / address).touch()
        self.write(f"names/{replica}", address + "\n")

    def start(self) -> None:
        environment = {**os.environ, "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(["sh", str(self.root / "run.sh")], env=environment, start_new_session=True)
        self.round()

    def probes(self) -> list[str]:
        log = self.root / "probes"
        return log.read_text().split() if log.exists() else []

    def round(self, rounds: int = 1) -> None:
        """Waits until the script has looked so often from now on."""
        replicas = len(list((self.root / "names").iterdir()))
        # The round that runs may have begun before the change that somebody waits for.
        wanted = len(self.probes()) + replicas * (rounds + 1)
        wait_for(f"{rounds} rounds", lambda: len(self.probes()) >= wanted, seconds=SECONDS, interval=0.02)

    def servers(self) -> list[str]:
        """The addresses that nginx has."""
        text = (self.root / "run/upstream.conf").read_text()
        return [line.removeprefix("server ").removesuffix(" max_fails=0;").removesuffix(":5000") for line in text.splitlines()]

    def wait(self, *servers: str) -> None:
        wait_for(f"nginx to have {servers}", lambda: self.servers() == list(servers), seconds=SECONDS, interval=0.02)

    def reloads(self) -> int:
        log = self.root / "reloads"
        return len(log.read_text().splitlines()) if log.exists() else 0


@pytest.fixture
def edge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path, *getattr(request, "param", ("", ":")))
    made.start()
    yield made
    assert made.process
    # All of it: a background program of a shell does not hear the signal that ends the real nginx.
    os.killpg(made.process.pid, signal.SIGKILL)
    made.process.wait(SECONDS)


GETENTS = {"finds all": ("", ":"), "calls hosts by other names": (".docker.internal", ":"), "takes one name": ("", "break")}
whatever_getent = pytest.mark.parametrize("edge", GETENTS.values(), ids=[f"getent {name}" for name in GETENTS], indirect=True)


@whatever_getent
def test_it_uses_every_replica_and_reloads_only_for_a_change(edge: Edge) -> None:
    edge.wait("10.0.0.1", "10.0.0.2")
    edge.round(5)
    assert edge.reloads() == 0, "nothing changed"


@whatever_getent
def test_a_replica_that_came_back_with_another_address_is_used(edge: Edge) -> None:
    edge.is_at("registry-2", "10.0.0.9")
    edge.wait("10.0.0.1", "10.0.0.9")
    wait_for("a reload", lambda: edge.reloads() == 1, seconds=SECONDS)


def test_a_replica_that_took_anothers_address_is_used_there(edge: Edge) -> None:
    edge.is_at("registry-2", "10.0.0.3")
    edge.is_at("registry-1", "10.0.0.2")
    edge.wait("10.0.0.2", "10.0.0.3")


@whatever_getent
def test_a_replica_whose_name_is_gone_is_left_out_at_once(edge: Edge) -> None:
    (edge.root / "names/registry-1").unlink()
    edge.wait("10.0.0.2")


def test_a_replica_is_left_out_after_three_missed_probes_in_a_row_and_used_again_after_one_answer(edge: Edge) -> None:
    edge.write("answers-10.0.0.2", "1\n1\n0\n1\n1\n0\n")
    wait_for("the answers to be used up", lambda: not (edge.root / "answers-10.0.0.2").read_text(), seconds=SECONDS)
    edge.round(2)
    assert edge.reloads() == 0, "two missed probes are no silence, whatever was before"
    edge.write("answers-10.0.0.2", "1\n1\n1\n0\n")
    wait_for("it to go and to come back", lambda: edge.reloads() == 2, seconds=SECONDS)
    edge.wait("10.0.0.1", "10.0.0.2")


def test_when_all_are_silent_all_are_used(edge: Edge) -> None:
    for file in (edge.root / "alive").iterdir():
        file.unlink()
    edge.round(6)
    edge.wait("10.0.0.1", "10.0.0.2")


def test_without_any_replica_nginx_still_has_a_server(edge: Edge) -> None:
    for file in (edge.root / "names").iterdir():
        file.unlink()
    wait_for("the placeholder", lambda: edge.servers() == ["127.0.0.1:1 down;"], seconds=SECONDS)


def test_another_replica_in_the_list_is_used(edge: Edge) -> None:
    edge.is_at("registry-3", "10.0.0.3")
    edge.write("files/replicas", "registry-1\nregistry-3\n")
    edge.wait("10.0.0.1", "10.0.0.3")


def test_new_files_make_it_reload_once_and_broken_ones_do_not(edge: Edge) -> None:
    edge.round()
    edge.write("files/nginx.conf", "broken\n")
    edge.write("files/.version", "9  nginx.conf\n2  replicas\n")
    edge.round(5)
    assert edge.reloads() == 0
    edge.write("files/nginx.conf", "fine\n")
    edge.write("files/.version", "9  nginx.conf\n10  replicas\n")
    wait_for("a reload", lambda: edge.reloads() == 1, seconds=SECONDS)
    edge.round(3)
    assert edge.reloads() == 1


def test_a_last_line_without_its_end_counts_too(edge: Edge) -> None:
    edge.round()
    edge.write("files/.version", "1  nginx.conf\n2  replicas")
    edge.round(3)
    assert edge.reloads() == 0, "nothing has changed"
    edge.write("files/.version", "1  nginx.conf\n3  replicas")
    wait_for("a reload", lambda: edge.reloads() == 1, seconds=SECONDS)


def test_a_quiet_round_starts_few_programs(edge: Edge) -> None:
    """Each costs a millisecond of processor time, every second, for ever."""
    script = (edge.root / "run.sh").read_text()
    loop = script[script.index('while kill -0 "$nginx"') :].split('refused" ]; then', 1)[0]
    assert "$(" not in loop
    assert script[script.index("find_servers() {") :].split("\n}", 1)[0].count("$(") == 1, "all names are looked up by one program"
