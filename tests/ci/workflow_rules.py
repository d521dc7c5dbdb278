"""What every workflow of this repository has to keep to; one rule a function, from a workflow to what is wrong with it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import yaml

_PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# The jobs of a pull request that may be given anything have to say, each for itself, that forks don't reach them.
GUARD = "github.event.pull_request.head.repo.full_name == github.repository && github.actor != 'dependabot[bot]'"
_TRIGGERS = frozenset({"pull_request", "push", "schedule", "workflow_dispatch"})
_PERMISSIONS = {"contents": {"read"}, "deployments": {"read"}, "id-token": {"write"}, "issues": {"write"}, "pull-requests": {"write"}}


@dataclass(frozen=True)
class Workflow:
    """A workflow's file."""

    text: str

    @property
    def content(self) -> Mapping[object, object]:
        """The file's mapping. YAML 1.1 takes the key `on` for the word true."""
        return _mapping(yaml.safe_load(self.text))

    @property
    def triggers(self) -> frozenset[str]:
        """The events that start it."""
        return frozenset(map(str, _mapping(self.content.get(True))))

    @property
    def jobs(self) -> Mapping[str, Mapping[object, object]]:
        """Its jobs by name."""
        return {str(name): _mapping(job) for name, job in _mapping(self.content.get("jobs")).items()}


def steps(job: Mapping[object, object]) -> list[Mapping[object, object]]:
    """A job's steps."""
    found = job.get("steps")
    return [_mapping(step) for step in found] if isinstance(found, list) else []


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, dict) else {}


def triggers(workflow: Workflow) -> Iterator[str]:
    """`pull_request_target` and `workflow_run` would run with secrets next to what strangers wrote."""
    yield from (f"starts on {name}" for name in sorted(workflow.triggers - _TRIGGERS))


def pins(workflow: Workflow) -> Iterator[str]:
    """A tag can be moved, a commit can't; the version is for people and for Dependabot."""
    lines = [line.strip().removeprefix("- ") for line in workflow.text.splitlines() if re.search(r"\buses:", line)]
    yield from (f"not pinned: {line}" for line in lines if not line.startswith("#") and not _PINNED.fullmatch(line))


def permissions(workflow: Workflow) -> Iterator[str]:
    """Nothing for the whole workflow, and for each job only what is in the list."""
    if workflow.content.get("permissions") != {}:
        yield "the workflow itself has permissions"
    for name, job in workflow.jobs.items():
        given = job.get("permissions")
        if not isinstance(given, dict):
            yield f"{name} does not say its permissions"
        else:
            yield from (f"{name} has {key}: {value}" for key, value in given.items() if value not in _PERMISSIONS.get(str(key), set()))


def time_limits(workflow: Workflow) -> Iterator[str]:
    """Without a limit a job that hangs runs for six hours."""
    yield from (f"{name} has no time limit" for name, job in workflow.jobs.items() if not isinstance(job.get("timeout-minutes"), int))


def concurrency(workflow: Workflow) -> Iterator[str]:
    """Two runs on one stack would be in each other's way."""
    if not _mapping(workflow.content.get("concurrency")).get("group"):
        yield "no concurrency group"


def forks(workflow: Workflow) -> Iterator[str]:
    """A job that a fork's pull request reaches gets no secret, no identity, no environment and no right to write."""
    if "pull_request" not in workflow.triggers:
        return
    for name, job in workflow.jobs.items():
        condition = " ".join(str(job.get("if", "")).split())
        # A condition with "or" could let a fork in beside the guard.
        if (GUARD in condition and "||" not in condition) or condition == "github.event_name != 'pull_request'":
            continue
        given = _mapping(job.get("permissions"))
        wrong = [f"{key}: {value}" for key, value in given.items() if value == "write"]
        wrong += ["an environment"] if "environment" in job else []
        wrong += ["secrets"] if "secrets." in yaml.safe_dump(dict(job)) else []
        yield from (f"{name} can be reached by forks and has {what}" for what in wrong)


def credentials(workflow: Workflow) -> Iterator[str]:
    """checkout would leave the job's token in .git, where everything that runs afterwards can read it."""
    for name, job in workflow.jobs.items():
        for step in steps(job):
            if (
                str(step.get("uses", "")).startswith("actions/checkout@")
                and _mapping(step.get("with")).get("persist-credentials") is not False
            ):
                yield f"{name} keeps the token in .git"


def writers(workflow: Workflow) -> Iterator[str]:
    """On pull requests, a job that may write on GitHub runs the base branch's code only, and has no identity in a cloud."""
    if "pull_request" not in workflow.triggers:
        return
    for name, job in workflow.jobs.items():
        given = _mapping(job.get("permissions"))
        if not {"pull-requests", "issues"} & set(map(str, given)):
            continue
        if "id-token" in given:
            yield f"{name} may write on GitHub and has an identity"
        for step in steps(job):
            ref = _mapping(step.get("with")).get("ref")
            if str(step.get("uses", "")).startswith("actions/checkout@") and ref != "${{ github.event.pull_request.base.sha }}":
                yield f"{name} may write on GitHub and runs the pull request's code"


def scripts(workflow: Workflow) -> Iterator[str]:
    """An expression in a script is pasted in before the shell reads it: whoever can choose its value runs commands. Variables are safe."""
    for name, job in workflow.jobs.items():
        yield from (f"{name} pastes an expression into a script" for step in steps(job) if "${{" in str(step.get("run", "")))


def keys(workflow: Workflow) -> Iterator[str]:
    """Clouds are entered with the job's identity, never with a lasting key. The one secret is for those who have no key service."""
    found = set(re.findall(r"secrets\.(\w+)", workflow.text)) - {"PULUMI_CONFIG_PASSPHRASE"}
    yield from (f"uses the secret {name}" for name in sorted(found))
    for input_name in ("aws-access-key-id", "aws-secret-access-key", "creds"):
        if re.search(rf"^\s*{input_name}:", workflow.text, re.MULTILINE):
            yield f"logs in with {input_name}"


Rule = Callable[[Workflow], Iterator[str]]
RULES: tuple[Rule, ...] = (triggers, pins, permissions, time_limits, concurrency, forks, credentials, writers, scripts, keys)
