"""The kit under the real Pulumi CLI: PULUMI_BIN, or `pulumi` on PATH. Needs no network and no Docker."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.offline.engine_stack import PULUMI, EngineStack

pytestmark = pytest.mark.engine

PROGRAM = """
import pulumi
import pulumi_random as random
import pulumi_tls as tls

from late import shout

config = pulumi.Config()
password = random.RandomPassword("password", length=config.get_int("length") or 32, special=False)
octets = random.RandomBytes("octets", length=32)
name = random.RandomId("name", byte_length=4)
authority_key = tls.PrivateKey("authority-key", algorithm="ECDSA", ecdsa_curve="P256")
authority = tls.SelfSignedCert(
    "authority",
    private_key_pem=authority_key.private_key_pem,
    subject={"common_name": "Test CA"},
    is_ca_certificate=True,
    set_subject_key_id=True,
    validity_period_hours=8760,
    allowed_uses=["cert_signing", "crl_signing"],
)
key = tls.PrivateKey("key", algorithm="RSA", rsa_bits=2048)
request = tls.CertRequest("request", private_key_pem=key.private_key_pem, subject={"common_name": "localhost"}, dns_names=["localhost"])
certificate = tls.LocallySignedCert(
    "certificate",
    ca_cert_pem=authority.cert_pem,
    ca_private_key_pem=authority_key.private_key_pem,
    cert_request_pem=request.cert_request_pem,
    validity_period_hours=config.get_int("hours") or 720,
    early_renewal_hours=24,
    allowed_uses=["server_auth", "digital_signature"],
)
pulumi.export("password", password.result)
pulumi.export("hash", password.bcrypt_hash)
pulumi.export("bytes", octets.hex)
pulumi.export("key", key.private_key_pem)
pulumi.export("authority", authority.cert_pem)
pulumi.export("certificate", certificate.cert_pem)
pulumi.export("shouted", name.hex.apply(shout))
pulumi.export("told", config.get_secret("told"))
pulumi.export("where", [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization(), pulumi.runtime.is_dry_run()])
"""
LATE = """
def shout(text):
    import later  # a module of the program, first imported when its module code has long run

    return later.mark(text.upper())
"""
SECRETS = ("password", "hash", "bytes", "key")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> EngineStack:
    stack = EngineStack(tmp_path_factory.mktemp("engine"))
    stack.program(PROGRAM)
    stack.program(LATE, "late.py")
    stack.program("mark = '{}!'.format\n", "later.py")
    assert stack.run("config", "set", "--secret", "told", "CANARY-told").code == 0
    result = stack.up()
    assert result.code == 0, result.output
    assert "9 created" in result.output
    return stack


@pytest.fixture(scope="module")
def failing(tmp_path_factory: pytest.TempPathFactory) -> EngineStack:
    return EngineStack(tmp_path_factory.mktemp("failing"))


def _error_lines(output: str) -> list[str]:
    """Return what stands under Diagnostics, without the warnings about where plugins were found."""
    diagnostics = output.partition("Diagnostics:")[2].partition("Resources:")[0]
    lines = [line.strip() for line in diagnostics.splitlines()]
    return [line for line in lines if line and not line.startswith(("warning: using pulumi-", "pulumi:pulumi:Stack ("))]


def test_the_program_sees_its_project_stack_and_configuration(deployed: EngineStack) -> None:
    outputs = deployed.outputs()
    assert outputs["where"] == ["kit", "dev", "organization", False]
    assert outputs["told"] == "CANARY-told"
    assert re.fullmatch(r"[0-9A-F]{8}!", outputs["shouted"])


def test_a_second_up_changes_nothing(deployed: EngineStack) -> None:
    result = deployed.up("--expect-no-changes")
    assert result.code == 0, result.output
    assert "9 unchanged" in result.output


def test_a_refresh_changes_nothing(deployed: EngineStack) -> None:
    result = deployed.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    assert result.code == 0, result.output
    assert "9 unchanged" in result.output


def test_secrets_are_in_no_plain_state(deployed: EngineStack) -> None:
    outputs = deployed.outputs()
    written = deployed.written()
    secrets = [outputs[name] for name in SECRETS] + ["CANARY-told"]
    for secret in secrets:
        for line in secret.split("\n"):
            assert line.startswith("-----") or len(line) < 5 or line not in written
    assert outputs["certificate"].split("\n")[1] in written, "the search itself works"


def test_the_state_has_the_vendors_ids_and_versions(deployed: EngineStack) -> None:
    resources = {resource["urn"].rpartition("::")[2]: resource for resource in deployed.exported()}
    assert resources["password"]["id"] == "none"
    assert resources["certificate"]["id"].isdigit()
    assert re.fullmatch(r"[0-9a-f]{40}", resources["key"]["id"])
    assert resources["key"]["outputs"]["__meta"] == '{"schema_version":"1"}'
    assert set(resources["certificate"]["inputs"]) == {
        "allowedUses",
        "caCertPem",
        "caPrivateKeyPem",
        "certRequestPem",
        "earlyRenewalHours",
        "validityPeriodHours",
    }


def test_openssl_accepts_the_deployed_chain(deployed: EngineStack, tmp_path: Path) -> None:
    outputs = deployed.outputs()
    (tmp_path / "authority.pem").write_text(outputs["authority"])
    (tmp_path / "certificate.pem").write_text(outputs["certificate"])
    options = ["-purpose", "sslserver", "-verify_hostname", "localhost", "-CAfile", "authority.pem"]
    subprocess.run(["openssl", "verify", *options, "certificate.pem"], cwd=tmp_path, check=True)


def test_a_changed_length_replaces_the_password_alone(deployed: EngineStack) -> None:
    before = deployed.outputs()
    deployed.run("config", "set", "length", "40")
    result = deployed.up()
    assert result.code == 0, result.output
    assert "1 replaced" in result.output
    after = deployed.outputs()
    assert len(after["password"]) == 40
    assert {name for name in after if after[name] != before[name]} == {"password", "hash"}


def test_a_certificate_within_its_early_renewal_is_replaced_at_the_next_up(deployed: EngineStack) -> None:
    before = deployed.outputs()["certificate"]
    deployed.run("config", "set", "hours", "12")  # shorter than the 24 hours of early renewal
    assert "1 replaced" in deployed.up().output
    result = deployed.run("preview", "--diff")
    assert "readyForRenewal" in result.output
    deployed.run("config", "set", "hours", "720")
    assert "1 replaced" in deployed.up().output
    assert deployed.outputs()["certificate"] != before
    assert deployed.up("--expect-no-changes").code == 0


def test_a_policy_pack_can_refuse(deployed: EngineStack, tmp_path: Path) -> None:
    (tmp_path / "PulumiPolicy.yaml").write_text("runtime: python\n")
    (tmp_path / "__main__.py").write_text("""
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def validate(args, report):
    if args.resource_type == "random:index/randomPassword:RandomPassword":
        report("no passwords on Wednesdays")

policy = ResourceValidationPolicy(name="passwords", description="about passwords", validate=validate)
PolicyPack(name="pack", enforcement_level=EnforcementLevel.MANDATORY, policies=[policy])
""")
    result = deployed.run("preview", "--policy-pack", str(tmp_path))
    assert result.code != 0
    assert "no passwords on Wednesdays" in result.output


def test_destroy_leaves_nothing_behind(deployed: EngineStack) -> None:
    result = deployed.run("destroy", "--yes", "--skip-preview")
    assert result.code == 0, result.output
    assert deployed.exported() == []


@pytest.mark.parametrize(
    ("program", "lines"),
    [
        ('import pulumi\nraise pulumi.RunError("port 5443 is in use")', ["error: port 5443 is in use"]),
        (
            'import pulumi\npulumi.Config().require("host")',
            [
                "error: Missing required configuration variable 'kit:host'",
                "please set a value using the command `pulumi config set kit:host <value>`",
            ],
        ),
        (
            'import pulumi_random\npulumi_random.RandomPet("pet")',
            [
                "random:index:RandomPet (pet):",
                "error: the offline random plugin does not provide random:index/randomPet:RandomPet, "
                "only: RandomBytes, RandomId, RandomPassword, RandomString",
            ],
        ),
        ("import sys\nsys.exit(3)", ["error: an unhandled error occurred: the program ended with exit code 3"]),
    ],
)
def test_an_expected_failure_is_told_without_a_traceback(failing: EngineStack, program: str, lines: list[str]) -> None:
    failing.program(program)
    result = failing.run("preview")
    assert result.code != 0
    assert _error_lines(result.output) == lines
    assert "Traceback" not in result.output


def test_an_unexpected_exception_shows_the_programs_own_frames_only(failing: EngineStack) -> None:
    failing.program("def go():\n    raise ValueError('bad')\n\ngo()\n")
    lines = _error_lines(failing.run("preview").output)
    assert lines[0] == "error: the program failed with an unhandled exception:"
    assert lines[-1] == "ValueError: bad"
    assert sum(line.startswith("File ") for line in lines) == 2


def test_a_syntax_error_shows_where_it_is(failing: EngineStack) -> None:
    failing.program("x = (\n")
    lines = _error_lines(failing.run("preview").output)
    assert len(lines) == 5
    assert lines[1].endswith('__main__.py", line 1')
    assert lines[-1].startswith("SyntaxError")


def test_a_refused_secret_is_not_shown(failing: EngineStack) -> None:
    failing.program('import pulumi, pulumi_tls\npulumi_tls.PrivateKey("k", algorithm=pulumi.Output.secret("CANARY"))')
    result = failing.run("preview")
    assert result.code != 0
    assert "[secret] is not one of: RSA, ECDSA, ED25519" in result.output
    assert "CANARY" not in result.output


def test_a_program_has_threads_enough_for_the_calls_that_the_engine_takes(failing: EngineStack) -> None:
    """The SDK waits for each call to the engine on a thread of asyncio's default executor."""
    failing.program("import asyncio, pulumi\npulumi.export('threads', asyncio.get_event_loop()._default_executor._max_workers)\n")
    result = failing.up("--parallel", "12")
    assert result.code == 0, result.output
    assert failing.outputs()["threads"] == 48


def test_an_interrupt_ends_program_and_plugins_quickly(failing: EngineStack) -> None:
    failing.program("import os, time\nopen('pid', 'w').write(f'{os.getpid()}\\n')\ntime.sleep(60)\n")
    command = [PULUMI, "preview", "--non-interactive", "--color", "never"]
    cli = subprocess.Popen(
        command, cwd=failing.project, env=failing.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 30
    file = failing.project / "pid"
    while not (file.exists() and file.read_text().endswith("\n")):
        assert time.monotonic() < deadline, "the program did not start"
        time.sleep(0.05)
    cli.send_signal(signal.SIGINT)
    output, _ = cli.communicate(timeout=15)
    assert cli.returncode != 0
    assert "Traceback" not in output
    assert not Path(f"/proc/{file.read_text().strip()}").exists()
