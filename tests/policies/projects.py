"""Small Pulumi programs with a registry in them, as other people write them: the pack has to judge them too."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

from tests.blackbox.command import Done
from tests.engine.checkout import Checkout

HEAD = """\
import pulumi
import pulumi_docker as docker

PREFIX = "registry-" + pulumi.get_stack()
HTPASSWD = "admin:$2y$10$" + "a" * 53
"""


@dataclass(frozen=True)
class Project:
    """A project in a folder of its own, with the checkout's state, home and virtual environment. The pack is the checkout's."""

    checkout: Checkout
    stack: str
    folder: Path

    @classmethod
    def write(cls, checkout: Checkout, stack: str, program: str) -> "Project":
        """A new project and its empty stack."""
        folder = checkout.folder.parent / stack
        folder.mkdir()
        (folder / "Pulumi.yaml").write_text(
            f"name: other\nruntime:\n  name: python\n  options:\n    virtualenv: {checkout.folder / '.venv'}\n"
        )
        (folder / "__main__.py").write_text(HEAD + textwrap.dedent(program))
        project = cls(checkout, stack, folder)
        project.pulumi("stack", "init", stack)
        return project

    def pulumi(self, *args: str, check: bool = True) -> Done:
        """Runs pulumi on the project."""
        return self.checkout.pulumi("-C", str(self.folder), *args, check=check)

    def up(self, *args: str) -> Done:
        """`pulumi up` with the pack, as `make up` does it: the preview comes first."""
        return self.pulumi(
            "up", "--yes", "--stack", self.stack, "--policy-pack", str(self.checkout.folder / "policies"), *args, check=False
        )

    def preview(self, *args: str) -> Done:
        """`pulumi preview` with the pack."""
        return self.pulumi("preview", "--stack", self.stack, "--policy-pack", str(self.checkout.folder / "policies"), *args, check=False)
