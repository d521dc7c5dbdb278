"""What is left of pulumi's output where it goes into a file or a pipe."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.quiet import PATIENCE_SECONDS, Quiet

# As pulumi 3.274.1 prints an update into a file.
UPDATE = """\
Previewing update (dev):
Loading policy packs...: starting
Loading policy packs...: done

 +  pulumi:pulumi:Stack private-registry-dev create 
 +  docker:index:Volume registry-dev-gate create 
 ~  docker:index:Container registry-dev-edge update [diff: ~labels]
 ++ docker:index:Container registry-dev-redis create replacement [diff: ~image]
    pulumi:pulumi:Stack private-registry-dev  
Policies:
    ✅ private-registry@v0.1.0 (local: policies)
Resources:
    + 2 to create
Updating (dev):
 +  docker:index:Volume registry-dev-gate creating (0s) 
 +  docker:index:Volume registry-dev-gate created (0.11s) 
 ~  docker:index:Container registry-dev-edge updating (0s) [diff: ~labels]
    pulumi:pulumi:Stack private-registry-dev running 
 ~  docker:index:Container registry-dev-edge updated (3s) [diff: ~labels]
 ++ docker:index:Container registry-dev-redis creating replacement (0s) [diff: ~image]
 ++ docker:index:Container registry-dev-redis created replacement (2s) [diff: ~image]
 -- docker:index:Container registry-dev-redis deleting original (0s) [diff: ~image]
 -- docker:index:Container registry-dev-redis deleted original (0.5s) [diff: ~image]
"""  # noqa: W291 - as pulumi prints it
KEPT_OF_THE_UPDATE = """\
Previewing update (dev):

Policies:
    ✅ private-registry@v0.1.0 (local: policies)
Resources:
    + 2 to create
Updating (dev):
 +  docker:index:Volume registry-dev-gate created (0.11s) 
 ~  docker:index:Container registry-dev-edge updated (3s) [diff: ~labels]
 ++ docker:index:Container registry-dev-redis created replacement (2s) [diff: ~image]
 -- docker:index:Container registry-dev-redis deleted original (0.5s) [diff: ~image]
"""  # noqa: W291 - as pulumi prints it


def _left(text: str, *, plan: bool) -> str:
    quiet = Quiet(plan)
    lines = [shown for line in text.splitlines() for shown in quiet.feed(line, 0.0)]
    return "".join(f"{line}\n" for line in [*lines, *quiet.rest()])


def test_an_update_names_each_resource_once_when_it_is_done() -> None:
    assert _left(UPDATE, plan=False) == KEPT_OF_THE_UPDATE


def test_a_preview_shows_all_that_it_would_change() -> None:
    planned = UPDATE.split("Updating", 1)[0]
    left = _left(planned, plan=True)
    for row in ("registry-dev-gate create", "registry-dev-edge update [diff: ~labels]", "registry-dev-redis create replacement"):
        assert row in left, "what would change is what a preview is for"
    assert "Loading" not in left


@pytest.mark.parametrize(
    "line",
    [
        "error: update failed",
        "    error: port 5443 is already in use",
        " +  docker:index:Container registry-dev-edge creating (2s) error: Bind for 0.0.0.0:5443 failed",
        " +  docker:index:Container registry-dev-edge **creating failed** error: no such image",
        "    pulumi:pulumi:Stack private-registry-dev running error: update failed",
        "    pulumi:pulumi:Stack private-registry-dev running warning: provider settings changed",
        " +  docker:index:Container registry-dev-edge create policy: [mandatory] private-registry no-tls",
        "        - [mandatory]  registry-has-tls-edge  (pulumi:pulumi:Stack: private-registry-dev)",
        "warning: using pulumi-resource-docker from $PATH at /home/me/go/bin/pulumi-resource-docker",
        "    + 44 created",
        '    url          : "https://localhost:5443"',
        "Traceback (most recent call last):",
        "",
    ],
)
@pytest.mark.parametrize("plan", [False, True])
@pytest.mark.parametrize("phase", ["Previewing update (dev):", "Updating (dev):", "Destroying (dev):"])
def test_errors_warnings_policies_and_results_always_stay(line: str, phase: str, *, plan: bool) -> None:
    quiet = Quiet(plan)
    quiet.feed(phase, 0.0)
    assert quiet.feed(line, 0.0) == [line]


@given(st.text(string.printable.replace("\n", "").replace("\r", ""), max_size=60))
def test_a_line_of_unknown_form_is_never_changed_and_what_is_no_row_never_dropped(line: str) -> None:
    shown = Quiet(plan=False).feed(line, 0.0)
    assert shown in ([], [line])
    if ":" not in line:
        assert shown == [line]


def test_colours_do_not_hide_what_a_line_is() -> None:
    coloured = " \x1b[32m+\x1b[0m  docker:index:Volume \x1b[1mregistry-dev-gate\x1b[0m \x1b[32mcreating (0s)\x1b[0m "
    assert Quiet(plan=False).feed(coloured, 0.0) == []


def test_what_takes_long_is_said_once_and_again_when_it_is_done() -> None:
    quiet = Quiet(plan=False)
    row = " +  docker:index:RemoteImage registry-dev-registry:3.1.2"
    assert quiet.feed(f"{row} creating (0s) ", 100.0) == []
    assert quiet.overdue(100.0 + PATIENCE_SECONDS / 2) == []
    assert quiet.overdue(100.0 + PATIENCE_SECONDS) == [f"{row} creating (10s so far)"], "a long pull must not look like a hang"
    assert quiet.feed(f"{row} creating (11s) ", 111.0) == []
    assert quiet.overdue(130.0) == []
    assert quiet.feed(f"{row} created (31s) ", 131.0) == [f"{row} created (31s) "]
    assert quiet.rest() == []


@pytest.mark.parametrize("group", ["pulumi:pulumi:Stack private-registry-dev", "private-registry:index:Credentials registry-dev"])
def test_a_group_is_not_said_to_take_long(group: str) -> None:
    quiet = Quiet(plan=False)
    assert quiet.feed(f" +  {group} creating (0s) ", 0.0) == []
    assert quiet.overdue(60.0) == []
    assert quiet.feed(f" +  {group} created (61s) ", 61.0) == [f" +  {group} created (61s) "]


def test_what_was_under_way_when_pulumi_ended_is_said() -> None:
    quiet = Quiet(plan=False)
    quiet.feed(" +  docker:index:Container registry-dev-edge creating (0s) ", 0.0)
    assert quiet.rest() == [" +  docker:index:Container registry-dev-edge creating (0s)"]
