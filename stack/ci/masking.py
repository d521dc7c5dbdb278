"""Takes secrets out of text that other people will read."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

MASK = "[secret]"
_SHORTEST = 6
"""Shorter values are no secrets worth the name, and masking them would tear ordinary words apart."""
_SECRET_NAMES = re.compile(r"PASSPHRASE|PASSWORD|SECRET|TOKEN|CREDENTIAL|(?:^|_)KEY(?:$|_)|CONNECTION_STRING|_SAS", re.IGNORECASE)
# Names that look like secrets and hold none.
_HARMLESS_NAMES = re.compile(r"_FILE$|_PATH$|_URL$|_URI$|PUBLIC|_KEY_ID$", re.IGNORECASE)
# Forms that are secrets wherever they stand. Every one keeps to a single line or to a marked block, so that masking can't eat a report.
_FORMS = (
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\bgh[pousr]_[A-Za-z0-9]{20,}\b|\bgithub_pat_[A-Za-z0-9_]{20,}"),
    re.compile(r"\bpul-[0-9a-f]{40}\b"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}(?:\.[A-Za-z0-9_-]*)?"),
    re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"),
    re.compile(r"(?<=AccountKey=)[A-Za-z0-9+/=]{20,}"),
    re.compile(r"(?<=[?&]sig=)[A-Za-z0-9%+/=]{20,}"),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),
    re.compile(r"(?i)(?<=authorization: )(?:basic|bearer) \S+"),
)


def secrets_of(environment: Mapping[str, str]) -> frozenset[str]:
    """The values of an environment that are secrets by their name, and the passphrase in the file that it names."""
    found = {value.strip() for name, value in environment.items() if _SECRET_NAMES.search(name) and not _HARMLESS_NAMES.search(name)}
    file = environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if file and Path(file).is_file():
        found.add(Path(file).read_text(encoding="utf-8").strip())
    return frozenset(value for value in found if len(value) >= _SHORTEST)


def mask(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with each secret, also in its URL-encoded form, and everything that has a secret's form replaced."""
    forms = {form for value in secrets for form in (value, quote(value, safe="")) if len(value) >= _SHORTEST}
    # The longest first: one secret may be part of another.
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    for pattern in _FORMS:
        text = pattern.sub(MASK, text)
    return text
