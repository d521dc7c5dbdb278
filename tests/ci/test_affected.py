"""Which stacks a change touches."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offline.kit.errors import KitError
from offline.kit.places import REPO
from stack.ci.affected import affected, changed_files, chosen, reaches_deployments, stacks_in

STACKS = ("dev", "prod", "eu.west-1")

QUIET = ("docs/ci.md", "README.md", "ops/README.md", "tests/ci/test_affected.py", "bench/run.py", ".github/workflows/test.yml", "LICENSE")
LOUD = (
    "__main__.py",
    "components/registry.py",
    "bundle/templates/nginx.conf.j2",
    "ops/gc.py",
    "policies/pack.py",
    "requirements.txt",
    "constraints.txt",
    "Pulumi.yaml",
    "Makefile",
    "stack/up.py",
    "offline/plugins/docker/container.py",
    "something-new.txt",
    "docs.py",
    "nested/Pulumi.dev.yaml",
)
PATHS = st.one_of(
    st.sampled_from((*QUIET, *LOUD, *(f"Pulumi.{stack}.yaml" for stack in (*STACKS, "gone")))),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30),
)
CHANGES = st.lists(PATHS, max_size=8)


@pytest.mark.parametrize("path", LOUD)
def test_what_makes_up_a_deployment_touches_every_stack(path: str) -> None:
    assert affected([path], STACKS) == STACKS


@pytest.mark.parametrize("path", QUIET)
def test_what_never_reaches_a_deployment_touches_none(path: str) -> None:
    assert affected([path], STACKS) == ()


def test_a_stack_file_touches_its_own_stack_only() -> None:
    assert affected(["Pulumi.prod.yaml", "docs/ci.md"], STACKS) == ("prod",)
    assert affected(["Pulumi.eu.west-1.yaml"], STACKS) == ("eu.west-1",)
    assert affected(["Pulumi.gone.yaml"], STACKS) == ()


@given(CHANGES, CHANGES)
def test_two_changes_together_touch_what_each_touches(one: list[str], other: list[str]) -> None:
    together = set(affected([*one, *other], STACKS))
    assert together == set(affected(one, STACKS)) | set(affected(other, STACKS))


@given(CHANGES)
def test_only_known_stacks_come_out_in_their_own_order_whatever_the_order_of_files(changed: list[str]) -> None:
    found = affected(changed, STACKS)
    assert found == tuple(stack for stack in STACKS if stack in found)
    assert affected(reversed(changed), STACKS) == found


@given(st.lists(st.sampled_from(QUIET)))
def test_documentation_and_tests_alone_touch_nothing(changed: list[str]) -> None:
    assert affected(changed, STACKS) == ()


def test_every_top_folder_of_the_program_reaches_deployments() -> None:
    program = {
        "__main__.py",
        "Pulumi.yaml",
        "requirements.txt",
        "constraints.txt",
        "components/a.py",
        "bundle/a.py",
        "ops/a.py",
        "policies/a.py",
    }
    assert {path for path in program if not reaches_deployments(path)} == set()


def test_the_stacks_of_this_repository_are_found() -> None:
    assert {"dev", "s3", "azure-blob"} <= set(stacks_in(REPO))


def test_a_file_whose_name_could_be_misread_is_no_stack(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "Pulumi.good.yaml", "Pulumi.$(id).yaml", "Pulumi.a b.yaml", "Pulumi.-x.yaml"):
        (tmp_path / name).touch()
    assert stacks_in(tmp_path) == ("good",)


def test_the_stacks_to_look_after_keep_their_order_and_must_have_a_file() -> None:
    assert chosen(STACKS, " prod, dev prod") == ("prod", "dev")
    assert chosen(STACKS, "  ") == ()
    with pytest.raises(KitError, match=r"CI_STACKS names staging, but there is no Pulumi\.staging\.yaml \(there are: dev, prod"):
        chosen(STACKS, "staging")
    with pytest.raises(KitError, match="is no stack name"):
        chosen(STACKS, "$(id)")


class Repository:
    """A git repository to make changes in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """Runs git with an identity of its own."""
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(("git", *identity, *arguments), cwd=self.folder, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout.strip()

    def commit(self, name: str, content: str = "") -> str:
        """Writes a file and commits everything; returns the commit."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", name)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_only_the_branchs_own_changes_count(repository: Repository) -> None:
    repository.commit("README.md")
    repository.git("checkout", "--quiet", "-b", "topic")
    head = repository.commit("Pulumi.dev.yaml")
    repository.git("checkout", "--quiet", "main")
    base = repository.commit("components/later.py")
    assert changed_files(repository.folder, base, head) == ("Pulumi.dev.yaml",)


def test_a_renamed_file_counts_under_both_names_and_odd_names_stay_whole(repository: Repository) -> None:
    base = repository.commit('components/ä "b"\n.py', "some content\n" * 10)
    repository.git("mv", 'components/ä "b"\n.py', "README.md")
    repository.git("commit", "--quiet", "-m", "moved")
    assert changed_files(repository.folder, base, "HEAD") == ("README.md", 'components/ä "b"\n.py')


@pytest.mark.parametrize("base", ["", "0" * 40, "f" * 40, "--output=x"])
def test_an_unknown_base_says_nothing(repository: Repository, base: str) -> None:
    repository.commit("README.md")
    assert changed_files(repository.folder, base, "HEAD") is None
