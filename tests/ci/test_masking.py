"""Secrets in text that other people will read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.ci.masking import MASK, mask, secrets_of

# Made up here, and cut in two so that no scanner takes them for somebody's.
BCRYPT = "$2b$12$" + "abcdefghijklmnopqrstuv" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
FORMS = (
    "AKIA" + "ABCDEFGHIJ234567",
    "ASIA" + "ABCDEFGHIJ234567",
    "gh" + "s_" + "a1B2" * 9,
    "github_" + "pat_" + "a1B2_" * 9,
    "pul-" + "0123456789" * 4,
    "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiJyZWdpc3RyeSJ9." + "c2lnbmF0dXJlLWhlcmU",
    BCRYPT,
)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz \n", max_size=40)


@pytest.mark.parametrize("secret", FORMS)
def test_what_has_a_secrets_form_is_masked_wherever_it_stands(secret: str) -> None:
    assert mask(f"before {secret} after") == f"before {MASK} after"
    assert secret not in mask(f'{{"key":"{secret}"}}')


def test_the_secret_part_of_a_longer_text_is_masked_and_the_rest_stays() -> None:
    assert mask("https://admin:pa$$word@host/path") == f"https://{MASK}@host/path"
    assert mask("AccountName=a;AccountKey=" + "a1B2" * 12 + "==;X=y") == f"AccountName=a;AccountKey={MASK};X=y"
    assert mask("https://a.example.com/b?se=2026&sig=" + "a1%2B" * 9 + "&sv=1") == f"https://a.example.com/b?se=2026&sig={MASK}&sv=1"
    key = "-----BEGIN EC PRIVATE KEY-----\nabc\ndef\n-----END EC PRIVATE KEY-----"
    assert mask(f"a\n{key}\nb") == f"a\n{MASK}\nb"
    assert mask(f"a\n{key[:40]}") == f"a\n{MASK}"


def test_ordinary_text_stays_as_it_is() -> None:
    text = "ports[0].external changes https://localhost:5443 -> [::1]:5444, sha256:" + "ab" * 32 + ", a@b, -----BEGIN CERTIFICATE-----"
    assert mask(text) == text


@given(WORDS, st.text("ABCDEFGHIJKLMNOP0123456789/+ ", min_size=6, max_size=40).filter(lambda text: text == text.strip()), WORDS)
def test_a_known_secret_is_never_left(before: str, secret: str, after: str) -> None:
    assert secret not in mask(f"{before}{secret}{after}", [secret])


def test_a_secret_that_is_part_of_another_leaves_nothing_of_it() -> None:
    assert mask("x=topsecret-and-more", ["topsecret", "topsecret-and-more"]) == f"x={MASK}"
    assert mask("x=a%2Fb%2Bc%3D%3D", ["a/b+c=="]) == f"x={MASK}"


def test_secrets_are_known_by_the_names_of_their_variables(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from-the-file\n", encoding="utf-8")
    environment = {
        "PULUMI_CONFIG_PASSPHRASE": "from-the-variable",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(file),
        "AWS_SECRET_ACCESS_KEY": "aws-secret-key",
        "AWS_SESSION_TOKEN": "aws-session-token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "identity-token",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "https://identity.example.com",
        "ARM_CLIENT_SECRET": "short",
        "AWS_ACCESS_KEY_ID": "not-a-secret",
        "HOME": "/home/user",
        "KEYBOARD": "qwertz-layout",
    }
    assert secrets_of(environment) == {"from-the-file", "from-the-variable", "aws-secret-key", "aws-session-token", "identity-token"}
