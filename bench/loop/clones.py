"""Clones of the two checkouts, in which make runs; with a stack of their own."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.figures import BenchError
from bench.loop import command, surroundings
from bench.loop.checkouts import Source, clone
from bench.loop.pairs import Run, Side
from offline.kit.places import REPO
from offline.kit.progress import say, step
from tests.blackbox.docker_host import remove_leftovers
from tests.ports import free_port

SECONDS = 3600.0
"""For one command but the whole test run: more than a first `make up` takes on a slow machine."""


@dataclass(frozen=True)
class Clone:
    """A fresh clone. `folder` has the checkout and all that is made on the way."""

    side: Side
    source: Source
    folder: Path
    stack: str
    cold: bool

    @property
    def checkout(self) -> Path:
        """Where make runs."""
        return self.folder / "checkout"

    @property
    def label(self) -> str:
        """For the person watching."""
        return f"{self.side} ({self.source.label})"

    @property
    def log(self) -> Path:
        """Outputs of the last command."""
        return self.folder / "log"

    def run(self, *words: str, seconds: float = SECONDS) -> Run:
        """Runs a command in the clone. Raises BenchError when it fails."""
        environment = surroundings.environment(os.environ, REPO, self.folder, cold=self.cold)
        return command.run(words, folder=self.checkout, environment=environment, log=self.log, seconds=seconds)

    def make(self, target: str, *, seconds: float = SECONDS) -> Run:
        """Runs `make TARGET` for this clone's stack."""
        return self.run("make", "--no-print-directory", target, f"STACK={self.stack}", seconds=seconds)

    def remove_stack(self) -> None:
        """Takes the stack away. What `make down` leaves, also because it fails, is removed from the engine."""
        with step(f"make down, {self.label}"):
            try:
                self.make("down")
            except BenchError as error:
                say(f"{error}\nwhat is left of stack {self.stack} is removed from the engine")
            remove_leftovers(f"registry-{self.stack}")


@contextmanager
def cloned(side: Side, source: Source, *, cold: bool = False) -> Iterator[Clone]:
    """A clone with a stack file of its own, which is not deployed yet. Everything in its folder is removed in the end."""
    folder = Path(tempfile.mkdtemp(prefix="bench-loop-"))
    try:
        made = Clone(side, source, folder, f"bench-{secrets.token_hex(2)}-{side}", cold)
        clone(source, made.checkout)
        dev = (made.checkout / "Pulumi.dev.yaml").read_text(encoding="utf-8")
        (made.checkout / f"Pulumi.{made.stack}.yaml").write_text(surroundings.stack_file(dev, free_port()), encoding="utf-8")
        yield made
    finally:
        surroundings.remove_tree(folder)


@contextmanager
def cloned_pair(sources: tuple[Source, Source]) -> Iterator[dict[Side, Clone]]:
    """A clone of each checkout."""
    here, against = sources
    with contextlib.ExitStack() as stack:
        yield {side: stack.enter_context(cloned(side, source)) for side, source in ((Side.HERE, here), (Side.AGAINST, against))}
