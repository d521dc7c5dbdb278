"""What the bench makes of the kernel's figures of an idle machine."""

import pytest

from bench import idle
from bench.busy import BusyShare
from bench.idle import IdleShare, owner, process_ticks

IDENTITY = "3f" * 32


@pytest.mark.parametrize("name", ["sh", "kworker/0:1", "a b) (c", "(sd-pam)"])
def test_time_of_a_process_includes_children_that_ended(name: str) -> None:
    rest = "S 1 17 17 0 -1 4194560 1 2 3 4 1000 200 30 4 20 0 1 0 5 6 7"
    assert process_ticks(f"17 ({name}) {rest}\n") == (name, 1234)


@pytest.mark.parametrize(
    ("cgroups", "wanted"),
    [
        (f"3:cpuacct:/docker/{IDENTITY}\n", "registry-dev-edge"),
        (f"0::/system.slice/docker-{IDENTITY}.scope\n", "registry-dev-edge"),
        (f"0::/system.slice/docker-{'0' * 64}.scope\n", "0" * 12),
        ("0::/system.slice/docker.service\n", "dockerd"),
        ("", "dockerd"),
    ],
    ids=["cgroup v1", "cgroup v2", "a container of somebody else", "the engine", "none"],
)
def test_a_process_belongs_to_its_container(cgroups: str, wanted: str) -> None:
    assert owner("dockerd", cgroups, {IDENTITY: "registry-dev-edge"}) == wanted


def test_what_a_stack_costs_is_what_it_adds_to_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    shares = {"": 0.004, "old": 0.234, "new": 0.027}
    monkeypatch.setattr(idle, "_containers_of", lambda stack: [stack])
    monkeypatch.setattr(idle, "_docker", lambda *_: "")
    monkeypatch.setattr(idle, "_alone", lambda _stacks, wanted, seconds: IdleShare(BusyShare(seconds, seconds * shares[wanted]), {}))
    found = {figure.name: figure.value for figure in idle.compare(["old", "new"], 60)}
    assert (found["old alone"], found["new alone"], found["ratio new : old"]) == ("23.00 %", "2.30 %", "0.100")


def test_stacks_run_again_at_the_end_also_when_measuring_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, ...]] = []

    def fail(*_: object) -> IdleShare:
        raise idle.BenchError("not healthy")

    monkeypatch.setattr(idle, "_containers_of", lambda stack: [stack])
    monkeypatch.setattr(idle, "_docker", lambda *arguments: said.append(arguments) or "")
    monkeypatch.setattr(idle, "_alone", fail)
    with pytest.raises(idle.BenchError):
        idle.compare(["one", "two"], 1)
    assert said == [("start", "one"), ("start", "two")]


@pytest.mark.docker
def test_a_stack_that_is_not_deployed_is_named_with_what_to_do() -> None:
    with pytest.raises(idle.BenchError, match="make up STACK=no-such-stack"):
        idle.compare(["no-such-stack"], 1)
