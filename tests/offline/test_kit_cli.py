"""The CLI as the kit builds it: what is left out refuses with one line, and what users are told to use is there."""

import os
import subprocess
from pathlib import Path

import pytest

from offline.kit import gobuild

pytestmark = pytest.mark.engine

_ENVIRONMENT = {"PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_CONFIG_PASSPHRASE": "x"}


class Project:
    """An empty project with its state in a folder, or elsewhere."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = gobuild.build(gobuild.CLI)
        (folder / "Pulumi.yaml").write_text("name: x\nruntime: python\n", encoding="utf-8")
        (folder / "state").mkdir()

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {"PULUMI_BACKEND_URL": f"file://{self.folder}/state", "PULUMI_HOME": str(self.folder / "home"), **_ENVIRONMENT, **environment}
        command = [self.program, "--non-interactive", "--color=never", "-C", self.folder, *arguments]
        return subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_it_says_the_version_that_is_pinned(project: Project) -> None:
    assert project("version").stdout == f"v{gobuild.CLI.version}\n"


@pytest.mark.parametrize(
    ("command", "name"),
    [(["api", "/api/user"], "api"), (["env", "ls"], "env"), (["neo"], "neo"), (["config", "env", "init"], "config env init")],
)
def test_commands_of_pulumi_cloud_refuse_with_one_line(project: Project, command: list[str], name: str) -> None:
    done = project(*command)
    assert done.returncode != 0
    assert done.stderr == f"error: `pulumi {name}` is not in the offline kit's CLI (offline/README.md): install Pulumi's own\n"


def test_google_cloud_is_refused_with_what_can_be_taken_instead(project: Project) -> None:
    for done in (
        project("stack", "ls", PULUMI_BACKEND_URL="gs://bucket"),
        project("stack", "init", "a", "--secrets-provider", "gcpkms://a/b"),
    ):
        assert done.returncode != 0
        assert "are not in the offline kit's CLI (offline/README.md): take s3://, azblob://, awskms:// or azurekeyvault://" in done.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("s3://bucket?region=eu-central-1&endpoint=http://127.0.0.1:1&use_path_style=true", "operation error S3"),
        # It refuses to send a key over HTTP, so nothing is sent at all.
        (
            "azblob://container?storage_account=account&domain=127.0.0.1:1&protocol=http&localemu=true",
            "authorized requests are not permitted",
        ),
    ],
)
def test_state_in_s3_and_azure_is_looked_for(project: Project, url: str, words: str) -> None:
    """Nothing listens there: it is enough that the driver is, and tries."""
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1", "AZURE_STORAGE_KEY": "a2V5"}
    done = project("stack", "ls", PULUMI_BACKEND_URL=url, **keys)
    assert done.returncode != 0
    assert words in done.stderr


@pytest.mark.parametrize(
    ("provider", "words"),
    [("awskms://alias/none?region=eu-central-1", "KMS"), ("azurekeyvault://none.invalid/keys/none", "none.invalid")],
)
def test_keys_of_aws_and_azure_are_asked_for(project: Project, provider: str, words: str) -> None:
    here = "http://127.0.0.1:1"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1", "AWS_ENDPOINT_URL": here}
    azure = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s", "HTTPS_PROXY": here, "NO_PROXY": ""}
    done = project("stack", "init", "a", "--secrets-provider", provider, **keys, **azure)
    assert done.returncode != 0
    assert words in done.stderr
    assert "is not in the offline kit" not in done.stderr


def test_secrets_with_a_passphrase_come_back(project: Project) -> None:
    assert project("stack", "init", "a").returncode == 0
    assert project("config", "set", "--secret", "key", "value", "--stack", "a").returncode == 0
    assert project("config", "get", "key", "--stack", "a").stdout == "value\n"
    assert "value" not in (project.folder / "Pulumi.a.yaml").read_text(encoding="utf-8")
