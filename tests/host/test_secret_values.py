"""A secret that would break a host is refused before anything of it is written, and its values are never shown."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from bundle.model import Values
from host import secret_values
from host.boot import HostError
from tests.certificates import make_ca, make_pair
from tests.host.machine import secret_text

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf"


def _checked(text: str, memory: Path) -> Mapping[str, str]:
    values = secret_values.parse(text, ARN)
    secret_values.check(values, ARN, memory)
    return values


def test_the_secret_as_the_program_writes_it_is_taken(values: Values, tmp_path: Path) -> None:
    assert _checked(secret_text(values), tmp_path)["htpasswd"] == values.htpasswd
    assert list(tmp_path.iterdir()) == [], "the private key must not stay there"


def test_keys_that_nobody_reads_are_no_mistake(values: Values, tmp_path: Path) -> None:
    _checked(secret_text(values, more="of a later version"), tmp_path)


@pytest.mark.parametrize("key", secret_values.KEYS)
@pytest.mark.parametrize("bad", [None, "", 7])
def test_a_key_without_text_is_named(key: str, bad: str | int | None, values: Values) -> None:
    text = json.dumps({**json.loads(secret_text(values)), key: bad})
    with pytest.raises(HostError, match=f"the secret {ARN} has no text under {key}. `pulumi up` writes it"):
        secret_values.parse(text, ARN)


@pytest.mark.parametrize(
    ("text", "message"), [("{canary", "is no JSON"), ('["canary"]', "is no JSON object"), ('"canary"', "is no JSON object")]
)
def test_what_is_no_json_object_is_refused_without_showing_it(text: str, message: str) -> None:
    with pytest.raises(HostError, match=message) as refused:
        secret_values.parse(text, ARN)
    assert "canary" not in str(refused.value) and refused.value.__cause__ is None, "a traceback would show what the parser saw"


def test_a_key_of_another_certificate_is_refused(values: Values, tmp_path: Path) -> None:
    other = make_pair("registry.example.com", ca=make_ca())
    with pytest.raises(HostError, match=r"are no certificate and its key \(KEY_VALUES_MISMATCH\).*pair that belongs together"):
        _checked(secret_text(values, private_key_pem=other.key), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["certificate_pem", "private_key_pem"])
def test_what_is_no_pem_is_refused(key: str, values: Values, tmp_path: Path) -> None:
    with pytest.raises(HostError, match="are no certificate and its key") as refused:
        _checked(secret_text(values, **{key: "canary"}), tmp_path)
    assert "canary" not in str(refused.value)


def test_an_encrypted_key_is_refused_instead_of_asking_a_terminal(values: Values, tmp_path: Path) -> None:
    encrypted = make_pair("registry.example.com", ca=make_ca(), passphrase=b"word")
    text = secret_text(values, certificate_pem=encrypted.certificate, private_key_pem=encrypted.key)
    with pytest.raises(HostError, match="are no certificate and its key"):
        _checked(text, tmp_path)


@pytest.mark.parametrize("line", ["admin", "admin:plain-canary", "admin:$apr1$canary", ":$2b$05$" + "a" * 53])
def test_an_account_that_the_registry_would_not_understand_is_refused(line: str, values: Values, tmp_path: Path) -> None:
    with pytest.raises(HostError, match=r"line 2 of htpasswd .* is no `name:bcrypt hash`") as refused:
        _checked(secret_text(values, htpasswd=f"{values.htpasswd}{line}\n"), tmp_path)
    assert "canary" not in str(refused.value)
