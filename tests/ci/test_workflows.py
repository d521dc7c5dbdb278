"""The workflows in .github/workflows. actionlint checks their syntax, expressions and shell in `make lint`."""

import re

import pytest
import yaml

from offline.kit import gobuild
from offline.kit.places import REPO
from tests.ci import workflow_rules
from tests.ci.workflow_rules import GUARD, RULES, Rule, Workflow, steps

FILES = sorted((REPO / ".github" / "workflows").glob("*.y*ml"))
WORKFLOWS = {file.stem: Workflow(file.read_text(encoding="utf-8")) for file in FILES}
SHA = "0123456789abcdef0123456789abcdef01234567"

GOOD = f"""
on: {{pull_request: }}
permissions: {{}}
concurrency: {{group: x}}
jobs:
  one:
    if: {GUARD} && true
    timeout-minutes: 5
    environment: preview
    permissions: {{contents: read, pull-requests: write}}
    steps:
      - uses: actions/checkout@{SHA} # v1.2.3
        with: {{persist-credentials: false, ref: "${{{{ github.event.pull_request.base.sha }}}}"}}
      - env: {{PULUMI_CONFIG_PASSPHRASE: "${{{{ secrets.PULUMI_CONFIG_PASSPHRASE }}}}"}}
        run: make x
"""
# What breaks the rule: a piece of the good workflow, and what to put in its place.
BROKEN: dict[Rule, list[tuple[str, str]]] = {
    workflow_rules.triggers: [("pull_request: ", "pull_request_target: "), ("pull_request: ", "workflow_run: ")],
    workflow_rules.pins: [(f"@{SHA} # v1.2.3", "@v1"), (f"@{SHA} # v1.2.3", f"@{SHA}"), (SHA, SHA[:12])],
    workflow_rules.permissions: [
        ("permissions: {}", "permissions: {contents: read}"),
        ("permissions: {}", "permissions: read-all"),
        ("contents: read", "contents: write"),
        ("contents: read", "packages: read"),
        ("    permissions: {contents: read, pull-requests: write}\n", ""),
    ],
    workflow_rules.time_limits: [("    timeout-minutes: 5\n", "")],
    workflow_rules.concurrency: [("concurrency: {group: x}\n", "")],
    workflow_rules.forks: [
        (f"{GUARD} && true", "always()"),
        (f"{GUARD} && true", f"{GUARD} || true"),
        (f"    if: {GUARD} && true\n    timeout-minutes: 5\n    environment: preview\n", "    timeout-minutes: 5\n"),
    ],
    workflow_rules.credentials: [("persist-credentials: false, ", "")],
    workflow_rules.writers: [("base.sha", "head.sha"), ("contents: read", "id-token: write")],
    workflow_rules.scripts: [("make x", "make ${{ github.head_ref }}")],
    workflow_rules.keys: [
        ("secrets.PULUMI_CONFIG_PASSPHRASE", "secrets.AWS_SECRET_ACCESS_KEY"),
        ("run: make x", "with: {}\n        creds: x"),
    ],
}


def test_there_are_the_four_workflows() -> None:
    assert set(WORKFLOWS) == {"test", "preview", "deploy", "drift"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_workflow_keeps_to_the_rules(name: str, rule: Rule) -> None:
    assert list(rule(WORKFLOWS[name])) == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_rule_says_nothing_of_a_good_workflow_and_finds_each_bad_one(rule: Rule) -> None:
    assert list(rule(Workflow(GOOD))) == []
    for old, new in BROKEN[rule]:
        assert old in GOOD
        assert list(rule(Workflow(GOOD.replace(old, new)))), f"{new!r} in place of {old!r} was not found"


def test_one_action_has_one_version_everywhere() -> None:
    used = {match for workflow in WORKFLOWS.values() for match in re.findall(r"uses: (\S+)@(\w+) # (\S+)", workflow.text)}
    assert len({action for action, _, _ in used}) == len(used)


def test_the_jobs_that_enter_a_cloud_do_it_the_same_way() -> None:
    def entrance(workflow: str) -> str:
        job = dict(WORKFLOWS[workflow].jobs[workflow])
        shared = {"env": job["env"], "permissions": job["permissions"], "steps": steps(job)[:5]}
        return yaml.safe_dump(shared).replace(f"role-session-name: {workflow}-", "role-session-name: X-")

    assert entrance("preview") == entrance("deploy") == entrance("drift")
    assert "id-token: write" in entrance("deploy")


def test_only_jobs_of_the_main_branch_deploy_and_each_waits_for_its_environment() -> None:
    deploy = WORKFLOWS["deploy"]
    assert "pull_request" not in deploy.triggers
    assert {name for name, job in deploy.jobs.items() if "github.ref == 'refs/heads/main'" not in str(job["if"])} == set()
    assert deploy.jobs["deploy"]["environment"] == "deploy-${{ matrix.stack }}"
    assert deploy.jobs["deploy"]["strategy"] == {
        "max-parallel": 1,
        "fail-fast": True,
        "matrix": {"stack": "${{ fromJSON(needs.stacks.outputs.stacks) }}"},
    }


def test_every_make_target_that_a_workflow_calls_exists() -> None:
    makefile = (REPO / "Makefile").read_text(encoding="utf-8")
    called = {target for workflow in WORKFLOWS.values() for target in re.findall(r"\bmake ([a-z-]+)", workflow.text)}
    assert {"lint", "test-fast", "ci-affected", "ci-preview", "ci-comment", "ci-deploy", "ci-drift", "ci-issue"} <= called
    assert {target for target in called if f"\n{target}:" not in makefile} == set()


def test_the_workflows_install_the_pulumi_that_was_tested() -> None:
    versions = {match for workflow in WORKFLOWS.values() for match in re.findall(r"pulumi-version: (\S+)", workflow.text)}
    assert versions == {gobuild.CLI.version}


def test_the_jobs_that_only_report_need_no_installed_package() -> None:
    for name, job in (("preview", "stacks"), ("preview", "comment"), ("deploy", "stacks"), ("drift", "stacks"), ("drift", "issue")):
        scripts = " ".join(str(step.get("run", "")) for step in steps(WORKFLOWS[name].jobs[job]))
        assert set(re.findall(r"make (\S+)", scripts)) <= {"ci-affected", "ci-comment", "ci-issue"}
