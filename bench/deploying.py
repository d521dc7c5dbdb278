"""How long `make up` and `pulumi preview` take, and how much memory a stack needs."""

import statistics

from bench.figures import Figure, median_seconds, seconds_of
from tests.blackbox.docker_host import DockerStack
from tests.blackbox.images import MIB
from tests.blackbox.waiting import wait_for
from tests.engine.make_run import MakeRun


def up(made: MakeRun, stack: str) -> list[Figure]:
    """A first and a second `make up`."""
    first = seconds_of(lambda: made.make("up", stack, check=True))
    warm = median_seconds(lambda: made.make("up", stack, check=True))
    return [
        Figure("make up, new stack, kit built", f"{first:.1f} s"),
        Figure("make up, nothing to change", f"{warm:.1f} s", "at most 20 s"),
    ]


def preview(made: MakeRun, stack: str) -> list[Figure]:
    """An unchanged preview of the stack beside a preview of a program that does nothing."""
    lines = made.make("env", stack, check=True).out
    empty = made.folder.parent / "empty"
    empty.mkdir()
    project = (made.folder / "Pulumi.yaml").read_text().replace("name: private-registry", "name: empty")
    # Of the configuration's schema nothing concerns a program that does nothing.
    (empty / "Pulumi.yaml").write_text(project.split("\nconfig:", 1)[0] + "\n")
    (empty / "__main__.py").write_text('"""Does nothing."""\n')
    (empty / ".venv").symlink_to((made.folder / ".venv").resolve())
    made.shell(f"{lines}\ncd {empty} && pulumi stack init bench --non-interactive")
    config = made.folder / ".state" / "stacks" / f"Pulumi.{stack}.yaml"
    ours = f"{lines}\npulumi preview --non-interactive --stack {stack} --config-file {config}"
    nothing = f"{lines}\ncd {empty} && pulumi preview --non-interactive --stack bench"
    # They take turns, so that a slow moment of the machine meets both.
    rounds = [(seconds_of(lambda: made.shell(ours)), seconds_of(lambda: made.shell(nothing))) for _ in range(7)]
    seconds, base = (statistics.median(times) for times in zip(*rounds, strict=True))
    return [
        Figure("pulumi preview, nothing to change", f"{seconds:.2f} s"),
        Figure("pulumi preview, empty program", f"{base:.2f} s"),
        Figure("ratio of the two", f"{seconds / base:.2f}", "at most 2"),
    ]


def memory(docker: DockerStack) -> list[Figure]:
    """Memory of the idle stack, without and with what the kernel keeps of files."""

    def settled() -> dict[str, int] | None:
        before = {name: docker.memory(name) for name in docker.containers()}
        after = {name: docker.memory(name) for name in docker.containers()}
        return after if sum(after.values()) <= sum(before.values()) * 1.02 else None

    used = wait_for("the stack to be idle", settled, seconds=30, interval=1)
    total = sum(used.values())
    with_files = sum(docker.memory_with_files(name) for name in used)
    return [
        Figure("memory of the idle stack", f"{total / MIB:.0f} MiB", "at most 300 MiB"),
        Figure("the same with the kernel's copies of files", f"{with_files / MIB:.0f} MiB"),
        *(Figure(f"  of it {name}", f"{size / MIB:.1f} MiB") for name, size in sorted(used.items())),
    ]
