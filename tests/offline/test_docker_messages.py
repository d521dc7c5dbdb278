"""What the docker plugin tells its user when something fails, and what it never tells. No engine needed."""

from __future__ import annotations

import base64
import json
import ssl
from pathlib import Path

import pytest

from offline.plugins.docker.client import Engine
from offline.plugins.docker.engine_errors import EngineUnreachableError, unreachable_message
from offline.plugins.docker.images import pull_failure, repo_digest, split_name
from offline.plugins.docker.provider_config import EngineSettings, check_provider, engine_settings, registry_of
from offline.plugins.docker.redaction import HIDDEN, hide_secrets
from offline.plugins.docker.ssh_relay import ssh_command
from offline.plugins.docker.uploads import archive
from offline.plugins.framework import ResourceError

# The engine cannot be reached


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (PermissionError(13, "Permission denied"), "permission denied. Add your user to the group docker"),
        (FileNotFoundError(2, "No such file"), "there is no such socket. Start Docker on this machine"),
        (ConnectionRefusedError(111, "refused"), "nobody listens there. Start Docker on this machine"),
        (TimeoutError("timed out"), "no answer in time. Check the address"),
        (ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED]"), "TLS failed"),
    ],
)
def test_unreachable(error: Exception, what: str) -> None:
    outer = RuntimeError("Error while fetching server API version", OSError("Connection aborted.", error))
    message = unreachable_message("unix:///var/run/docker.sock", outer)
    assert message.startswith("the Docker engine at unix:///var/run/docker.sock is not reachable: " + what)


@pytest.mark.parametrize(
    ("complaint", "what"),
    [
        ("ssh: Could not resolve hostname box: Name or service not known", "Check the spelling of the host name"),
        ("root@box: Permission denied (publickey).", "Give the user a key there"),
        ("Host key verification failed.", "Connect once by hand and accept its host key"),
        ("sh: 1: docker: command not found", "Install Docker there"),
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "Start Docker there"),
    ],
)
def test_unreachable_over_ssh(complaint: str, what: str) -> None:
    message = unreachable_message("ssh://root@box:22", RuntimeError("x"), complaint)
    assert what in message
    assert complaint.rstrip(".") in message
    assert "`ssh root@box:22 docker version`" not in message, "ssh takes no port in that form"
    assert "`ssh -p 22 root@box docker version`" in message


def test_a_socket_that_is_not_there() -> None:
    engine = Engine(EngineSettings(host="unix:///nowhere/docker.sock"))
    with (
        pytest.raises(EngineUnreachableError, match=r"unix:///nowhere/docker.sock is not reachable: there is no such socket"),
        engine.asked("x"),
    ):
        pass


def test_a_port_where_nobody_listens() -> None:
    engine = Engine(EngineSettings(host="tcp://127.0.0.1:9"))
    with pytest.raises(EngineUnreachableError, match=r"nobody listens there. Start Docker on that machine"), engine.asked("x"):
        pass


def test_something_else_than_an_engine(tmp_path: Path) -> None:
    engine = Engine(EngineSettings(host="tcp://no-such-host.invalid:2375"))
    with pytest.raises(EngineUnreachableError, match=r"its host name is unknown"), engine.asked("x"):
        pass


# An image cannot be pulled


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (
            "Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io: no such host",
            "cannot reach the registry Docker Hub",
        ),
        ("dial tcp 10.0.0.1:443: connect: connection refused", "cannot reach the registry"),
        ("pull access denied for web, repository does not exist or may require 'docker login'", "wants a login"),
        ("manifest for web:9 not found: manifest unknown: manifest unknown", "no such image or tag"),
        ("x509: certificate signed by unknown authority", "does not trust the registry's certificate"),
        ("http: server gave HTTP response to HTTPS client", "does not speak HTTPS"),
        ("toomanyrequests: You have reached your pull rate limit", "limits pulls"),
        ("invalid reference format", "that is no image name"),
    ],
)
def test_pull_failures(said: str, what: str) -> None:
    message = pull_failure("web:9", said)
    assert message.startswith("image 'web:9' cannot be pulled: ")
    assert what in message
    assert "To fix it, " in message
    assert said in message


@pytest.mark.parametrize(
    ("name", "registry", "split"),
    [
        ("web", "registry-1.docker.io", ("web", "latest")),
        ("web:1", "registry-1.docker.io", ("web", "1")),
        ("team/web", "registry-1.docker.io", ("team/web", "latest")),
        ("localhost/web:1", "localhost", ("localhost/web", "1")),
        ("host:5000/a/web", "host:5000", ("host:5000/a/web", "latest")),
        ("host.example/web:1@sha256:00", "host.example", ("host.example/web", "sha256:00")),
    ],
)
def test_image_names(name: str, registry: str, split: tuple[str, str]) -> None:
    assert registry_of(name) == registry
    assert split_name(name) == split


def test_repo_digest() -> None:
    assert repo_digest("web:1", []) == ""
    assert repo_digest("local:1", ["web@sha256:1"]) == "web@sha256:1"
    assert repo_digest("web:1", ["host:5000/web@sha256:1", "web@sha256:2"]) == "web@sha256:2"


# Secrets in what a container says


def test_secrets_are_hidden_and_the_rest_is_not() -> None:
    settings = {
        "envs": ["PASSWORD=hunter2hunter2", "PATH=/usr/bin", "LEVEL=debug"],
        "command": ["redis-server", "--requirepass", "Xq7hG2kLm9Pz"],
        "uploads": [
            {"file": "/etc/a.yml", "content": "http:\n  secret: 8f14e45fceea167a5a36dedd4bea2543\n  host: registry.example.com\n"},
            {"file": "/etc/b", "contentBase64": base64.b64encode(b"alice:$2a$05$abcdefghijklmnopqrstuv0123456789ABCDEFGH").decode()},
        ],
    }
    said = (
        "open /etc/a.yml on registry.example.com: bad password hunter2hunter2, Xq7hG2kLm9Pz, 8f14e45fceea167a5a36dedd4bea2543, "
        "$2a$05$abcdefghijklmnopqrstuv0123456789ABCDEFGH at level debug"
    )
    assert hide_secrets(said, settings) == (
        f"open /etc/a.yml on registry.example.com: bad password {HIDDEN}, {HIDDEN}, {HIDDEN}, {HIDDEN} at level debug"
    )


# The provider's settings


def test_settings_come_from_the_program_before_the_environment() -> None:
    environment = {"DOCKER_HOST": "tcp://env:1", "DOCKER_SSH_OPTS": "-i key"}
    assert engine_settings({}, {}).host == "unix:///var/run/docker.sock"
    assert engine_settings({}, environment).host == "tcp://env:1"
    assert engine_settings({}, environment).ssh_options == ("-i", "key")
    assert engine_settings({"host": "tcp://own:1", "sshOpts": ["-v"]}, environment) == EngineSettings("tcp://own:1", ("-v",))


def test_logins(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"auths": {"host.example:5000": {"auth": base64.b64encode(b"bob:pw:2").decode()}}}))
    settings = engine_settings(
        {
            "registryAuth": [
                {"address": "https://docker.io", "username": "ann", "password": "pw"},
                {"address": "host.example:5000", "configFile": str(file)},
                {"address": "open.example", "authDisabled": True},
            ]
        },
        {},
    )
    assert settings.login("registry-1.docker.io") == {"username": "ann", "password": "pw", "serveraddress": "https://docker.io"}
    assert settings.login("host.example:5000") == {"username": "bob", "password": "pw:2", "serveraddress": "https://host.example:5000"}
    assert settings.login("open.example") == settings.login("other.example") == {}
    assert "pw" not in repr(settings)
    with pytest.raises(ResourceError, match=r"no login for other.example in the Docker configuration"):
        engine_settings({"registryAuth": [{"address": "other.example", "configFile": str(file)}]}, {})


@pytest.mark.parametrize(
    ("config", "where"),
    [
        ({"host": "docker.example:2375"}, "host"),
        ({"context": "remote"}, "context"),
        ({"registryAuth": [{"username": "ann", "password": "hunter2"}]}, "registryAuth"),
        ({"certMaterial": "-----BEGIN CERTIFICATE-----"}, "certMaterial"),
        ({"caMaterial": "hunter2"}, "caMaterial"),
        ({"hots": "tcp://x"}, "hots"),
    ],
)
def test_bad_provider_settings(config: dict[str, object], where: str) -> None:
    failures = check_provider(config)
    assert [failure.property for failure in failures] == [where]
    assert "hunter2" not in str(failures)


def test_ssh_command() -> None:
    assert ssh_command("ssh://deploy@box.example:2222", ["-i", "key"]) == [
        *("ssh", "-i", "key", "-o", "ConnectTimeout=30", "-o", "BatchMode=yes", "-T", "-l", "deploy", "-p", "2222"),
        *("--", "box.example", "docker", "system", "dial-stdio"),
    ]


# Uploads


def test_uploads_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"the file .*nothing for /a cannot be read: No such file"):
        archive([{"file": "/a", "source": str(tmp_path / "nothing")}])
    with pytest.raises(ResourceError, match=r"owner 'no-such-user' of /a is not known on this machine: use a number"):
        archive([{"file": "/a", "content": "x", "owner": "no-such-user"}])
