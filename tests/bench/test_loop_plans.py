"""`loop` of the bench: what is decided before anything runs, and what the figures come to."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bench import busy
from bench.figures import BenchError
from bench.loop import machine_state, parts, report, surroundings
from bench.loop.checkouts import Source
from bench.loop.pairs import PairedFigure, Run, Side, Spread, of_runs, order
from offline.images.recipe import ALL
from offline.images.vm import MACHINES


def test_the_sides_take_turns_in_going_first() -> None:
    assert [order(pair)[0] for pair in range(4)] == [Side.HERE, Side.AGAINST, Side.HERE, Side.AGAINST]
    assert all(set(order(pair)) == set(Side) for pair in range(4))


def test_the_ratio_is_that_of_each_pair_and_not_of_the_medians() -> None:
    # The machine became three times slower after the first pair: within a pair nothing changed but the noise.
    figure = PairedFigure("x", "s", ((1.0, 2.0), (3.0, 6.0), (4.5, 6.0)))
    assert figure.ratio == Spread(0.5, 0.5, 0.75)
    assert (figure.here, figure.against) == (Spread(3.0, 1.0, 4.5), Spread(6.0, 2.0, 6.0))


@given(st.lists(st.tuples(st.floats(0.01, 1e4), st.floats(0.01, 1e4)), min_size=1, max_size=9))
def test_a_spread_encloses_its_median_and_sides_that_swap_invert_the_ratio(pairs: list[tuple[float, float]]) -> None:
    ratio = PairedFigure("x", "s", tuple(pairs)).ratio
    swapped = PairedFigure("x", "s", tuple((against, here) for here, against in pairs)).ratio
    assert ratio and swapped
    assert ratio.least <= ratio.median <= ratio.most
    assert ratio.least * swapped.most == pytest.approx(1)


@pytest.mark.parametrize("against", [0.0, -0.3])
def test_there_is_no_ratio_to_nothing(against: float) -> None:
    figure = PairedFigure("x", "s", ((1.0, 2.0), (1.0, against)))
    assert figure.ratio is None, "a stack that costs less than the machine's noise has no ratio, and no division fails"
    assert "-" in report.table(_report(figure)).splitlines()[2].split()


def _report(*figures: PairedFigure, notes: tuple[str, ...] = ()) -> report.Report:
    here, against = Source(Path("/a"), "a" * 40, changed=True), Source(Path("/b"), "b" * 40, changed=False)
    return report.Report("warm", "a machine", here, against, figures, notes)


def test_the_table_has_both_commits_the_spread_and_the_ratio() -> None:
    runs = [(Run(8.0, 5.0, 9.0, 40), Run(16.0, 8.0, 20.0, 90)), (Run(9.0, 5.0, 9.0, 40), Run(16.0, 8.0, 20.0, 90))]
    lines = report.table(_report(*of_runs("make up", runs), notes=("say so",))).splitlines()
    assert lines[0] == "loop warm, 2 pairs, on a machine"
    assert lines[1].split() == ["here", "aaaaaaa", "against", "bbbbbbb", "ratio"]
    assert lines[2].split() == ["make", "up:", "wall", "8.5", "s", "(8.0-9.0)", "16.0", "s", "0.53", "(0.50-0.56)"]
    assert lines[5].split() == ["make", "up:", "lines", "printed", "40", "90", "0.44"]
    assert lines[6] == "note: say so"


def test_programs_get_every_value() -> None:
    content = json.loads(report.as_json(_report(PairedFigure("x", "s", ((1.0, 2.0), (3.0, 0.0))), notes=("n",))))
    assert content["figures"] == [{"name": "x", "unit": "s", "here": [1.0, 3.0], "against": [2.0, 0.0], "ratio": None}]
    assert content["here"] == {"commit": "a" * 40, "uncommitted_changes_left_out": True}
    assert (content["part"], content["machine"], content["notes"]) == ("warm", "a machine", ["n"])


def test_an_idle_stack_costs_what_the_machine_does_not_do_without_it() -> None:
    def share(percent: float) -> busy.BusyShare:
        return busy.BusyShare(200.0, 2 * percent)

    rounds = [
        (share(1.0), {Side.AGAINST: share(24.0), Side.HERE: share(4.0)}),
        (share(2.0), {Side.HERE: share(5.0), Side.AGAINST: share(26.0)}),
    ]
    machine, less = parts.idle_figures(rounds)
    assert machine.pairs == ((4.0, 24.0), (5.0, 26.0))
    assert less.pairs == ((3.0, 23.0), (3.0, 24.0))


def test_waiting_is_not_busy() -> None:
    # user nice system idle iowait irq softirq steal guest guest_nice; guests are in user already.
    assert busy.parse("cpu  100 200 300 9000 9000 40 50 9000 70 80\ncpu0 1 1 1 1\n") == pytest.approx(6.9)


def test_the_environment_is_the_clones_own_and_downloads_come_from_where_they_did() -> None:
    inherited = {
        "PATH": "/repo/.state/bin:/repo/.venv/bin:/usr/bin",
        "PULUMI_BACKEND_URL": "s3://theirs",
        "PULUMI_CONFIG_PASSPHRASE": "theirs",
        "MAKEFLAGS": " -- ARGS=loop",
        "ARGS": "loop",
        "STACK": "dev",
        "VIRTUAL_ENV": "/repo/.venv",
        "GIT_DIR": "/repo/.git",
        "GOPROXY": "https://proxy.example",
        "PIP_INDEX_URL": "https://index.example",
        "DOCKER_HOST": "unix:///run/other.sock",
        "HOME": "/home/me",
        "GOCACHE": "/home/me/go-build",
    }
    kept = ("GOPROXY", "PIP_INDEX_URL", "DOCKER_HOST", "HOME")
    warm = surroundings.environment(inherited, Path("/repo"), Path("/tmp/x"), cold=False)
    own = {"PATH": "/usr/bin", "PULUMI_HOME": "/tmp/x/pulumi-home", "DOCKER_CONFIG": "/tmp/x/docker"}
    assert warm == {name: inherited[name] for name in (*kept, "GOCACHE")} | own
    cold = surroundings.environment(inherited, Path("/repo"), Path("/tmp/x"), cold=True)
    caches = {"XDG_CACHE_HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "PIP_CACHE_DIR", "UV_CACHE_DIR", "npm_config_cache"}
    assert cold.keys() == warm.keys() | caches
    assert all(cold[name].startswith("/tmp/x/") for name in caches), "a cache of the user's would make the run warm"
    assert len({cold[name] for name in caches}) == len(caches)


def test_the_stack_is_the_tracked_one_on_another_port_and_goes_away_whole() -> None:
    tracked = yaml.safe_load(Path("Pulumi.dev.yaml").read_text())["config"]
    for text in (Path("Pulumi.dev.yaml").read_text(), "config:\n  private-registry:platform: docker\n"):
        made = yaml.safe_load(surroundings.stack_file(text, 15_001))["config"]
        assert made["private-registry:port"] == 15_001
        assert made["private-registry:allowDestroy"] is True
        assert made["private-registry:platform"] == "docker"
    assert (
        yaml.safe_load(surroundings.stack_file(Path("Pulumi.dev.yaml").read_text(), tracked["private-registry:port"]))["config"] == tracked
    )


def test_too_little_disk_is_said_before_anything_runs(tmp_path: Path) -> None:
    surroundings.require_disk(tmp_path, 8, free=8 << 30)
    with pytest.raises(BenchError, match=r"7\.9 GiB are free in .*; expected are 8: make room, or set TMPDIR"):
        surroundings.require_disk(tmp_path, 8, free=int(7.9 * 2**30))


class Machine(NamedTuple):
    """A machine on which cold runs are asked for."""

    purge: bool
    root: bool
    answers: bool
    installed: bool
    running: int


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (Machine(purge=False, root=False, answers=True, installed=True, running=3), []),
        (Machine(purge=False, root=False, answers=False, installed=True, running=0), ["no Docker engine answers"]),
        (Machine(purge=False, root=True, answers=False, installed=False, running=0), ["dockerd and mmdebstrap: not installed, so only"]),
        (Machine(purge=True, root=True, answers=True, installed=True, running=0), []),
        (Machine(purge=True, root=True, answers=False, installed=False, running=0), []),
        (Machine(purge=True, root=True, answers=False, installed=True, running=0), ["no Docker engine answers"]),
        (Machine(purge=True, root=False, answers=True, installed=True, running=2), ["run it as root", "2 containers run on it"]),
    ],
)
def test_a_cold_run_begins_only_where_each_is_equally_cold(machine: Machine, said: list[str]) -> None:
    programs = {"dockerd": machine.installed, "mmdebstrap": machine.installed}
    problems = machine_state.cold_problems(
        purge=machine.purge, root=machine.root, answers=machine.answers, programs=programs, running=machine.running
    )
    assert len(problems) == len(said), problems
    assert all(words in problem for words, problem in zip(said, problems, strict=True)), problems


def test_images_that_a_stack_uses_stay_and_the_message_names_the_stack() -> None:
    assert machine_state.images_in_use({}) is None
    users = {f"registry-dev-{name}": "registry-dev" for name in ("edge", "ops", "redis", "config", "sweeper")}
    problem = machine_state.images_in_use(users)
    assert problem
    assert "5 containers use them (registry-dev-config, registry-dev-edge, registry-dev-ops, registry-dev-redis, ...)" in problem
    assert problem.endswith("in the checkout that deployed it: make down STACK=dev")
    assert str(machine_state.images_in_use({"mine": ""})).endswith("first remove them")


def test_only_the_kits_own_tags_of_what_make_up_builds_are_removed() -> None:
    def image(role: str, *tags: str) -> dict[str, object]:
        return {"Config": {"Labels": {machine_state.LABEL: role}}, "RepoTags": list(tags)}

    for role, recipe in ALL.items():
        tag = recipe.tag.format(version="1")
        assert machine_state.kit_tags(image(role, "example.org/mine:1", tag)) == [tag]
    for machine in MACHINES:
        assert machine_state.kit_tags(image(machine.role, machine.tag)) == [], "make up never builds it, and it takes minutes"
    assert machine_state.kit_tags({"Config": {"Labels": None}, "RepoTags": None}) == []


def test_a_package_that_would_go_as_well_is_found() -> None:
    simulated = "Reading package lists...\nRemv docker.io [26]\nRemv podman [5.4]\nRemv runc [1.1]\n"
    assert machine_state.others_removed(simulated, ["docker.io", "runc"]) == ["podman"]
    assert machine_state.others_removed(simulated, ["docker.io", "runc", "podman"]) == []


def test_a_run_that_built_something_is_no_unchanged_stack() -> None:
    parts.refuse_rebuilding("Resources:\n    43 unchanged\n", "here (aaaaaaa)")
    with pytest.raises(BenchError, match="did this: building image offline/edge from"):
        parts.refuse_rebuilding("checks\nbuilding image offline/edge from Debian packages ...\n", "here (aaaaaaa)")
