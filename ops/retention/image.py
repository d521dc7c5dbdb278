"""An image as retention sees it: one digest in one repository, with everything that decides whether it may go."""

import re
from dataclasses import dataclass

_COMPANION = re.compile(r"sha256-([0-9a-f]{64})(?:\.[a-z0-9]+)?")
"""Tags that tools give to what they attach to an image: cosign's `.sig`, `.att`, `.sbom`, and the referrers fallback of OCI 1.1."""


def subject_of_tag(tag: str) -> str | None:
    """The digest that a tag of this form is about."""
    found = _COMPANION.fullmatch(tag)
    return f"sha256:{found[1]}" if found else None


@dataclass(frozen=True)
class Image:
    """`created` and `pushed` (the last push that is on record) are in Unix seconds, None when unknown. `parts` are all manifests below an
    index; `configs` the config digests of it and its parts (some runtimes report these as what they run). `subject` is the manifest's own
    field.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    created: float | None = None
    parts: frozenset[str] = frozenset()
    configs: frozenset[str] = frozenset()
    subject: str | None = None
    pushed: float | None = None

    @property
    def subjects(self) -> frozenset[str]:
        """What this is a signature, an attestation or the like about."""
        found = {subject_of_tag(tag) for tag in self.tags} | {self.subject}
        return frozenset(digest for digest in found if digest is not None)

    @property
    def is_companion(self) -> bool:
        """Whether it only exists for its subjects: the rules by number and age are not for it."""
        return self.subject is not None or (bool(self.tags) and all(subject_of_tag(tag) for tag in self.tags))

    @property
    def digests(self) -> frozenset[str]:
        """Every digest under which it may run."""
        return self.parts | self.configs | {self.digest}
