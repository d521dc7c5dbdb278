"""The settings of garbage collection, retention and verification. The rules themselves are checked by the tool that follows them."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from components.settings.base import SettingsGroup
from ops.cron import parse as parse_cron
from ops.errors import OpsError
from ops.retention import durations, rules


def _schedule(value: str) -> str:
    try:
        parse_cron(value)
    except OpsError as error:
        raise ValueError(f"must be five crontab fields such as 17 3 * * *, in UTC: {error}") from None
    return value


def _duration(value: str) -> str:
    try:
        durations.seconds(value, "it")
    except OpsError:
        raise ValueError("must be a number and a unit, such as 30m, 24h or 7d") from None
    return value


def _in_use(value: str) -> str:
    parts = urlsplit(value)
    # Only that folder of the container outlives it and can be written to.
    if parts.scheme not in ("http", "https") and not value.removeprefix("file://").startswith("/var/lib/ops/"):
        raise ValueError("must be an http(s) URL or a file below /var/lib/ops/, which the service ops can read")
    return value


Schedule = Annotated[str, AfterValidator(_schedule)]
Duration = Annotated[str, AfterValidator(_duration)]


class GcSettings(SettingsGroup):
    """Garbage collection: what nothing refers to any more is moved to quarantine, and deleted later."""

    schedule: Schedule | None = Field(
        default=None, description="When it runs, as crontab fields in UTC, e.g. `17 3 * * *`. Default: only by hand."
    )
    blob_grace: Duration = Field(default="24h", description="How long a blob must have been garbage, and untouched, before it is swept.")
    untagged_grace: Duration = Field(default="7d", description="How long a manifest must have no tag before it goes into the recycle bin.")
    quarantine_days: int = Field(default=7, ge=1, le=365, description="Days that a swept blob can still come back.")
    max_gate_seconds: int = Field(default=5, ge=1, le=60, description="The longest that one batch may keep pushes waiting, in seconds.")

    def for_ops(self) -> dict[str, object]:
        """The group `gc` of ops.json."""
        return {
            "schedule": self.schedule or "",
            "blobGraceSeconds": durations.seconds(self.blob_grace, "gc.blobGrace"),
            "untaggedGraceSeconds": durations.seconds(self.untagged_grace, "gc.untaggedGrace"),
            "quarantineDays": self.quarantine_days,
            "maxGateSeconds": self.max_gate_seconds,
        }


class RetentionRule(SettingsGroup):
    """What is kept of the repositories that match. An image that no rule is about is kept."""

    repositories: tuple[str, ...] = Field(description="Patterns of repository names; `*` stands for one path segment, `**` for any number.")
    keep_last: int | None = Field(default=None, ge=1, description="Keep this many of the youngest images, by their creation time.")
    keep_within: Duration | None = Field(default=None, description="Keep images younger than this.")
    keep_tags: str | None = Field(default=None, description="Keep images with a tag that matches this regular expression as a whole.")
    protect: bool = Field(default=False, description="Keep everything, also what has no tag.")

    def for_ops(self) -> dict[str, object]:
        """The rule as ops reads it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in self.model_dump(by_alias=True).items() if value}


def _rules(value: tuple[RetentionRule, ...]) -> tuple[RetentionRule, ...]:
    try:
        rules.parse([rule.for_ops() for rule in value])
    except OpsError as error:
        raise ValueError(str(error)) from None
    return value


class RetentionSettings(SettingsGroup):
    """Retention: which images go, and when."""

    schedule: Schedule | None = Field(default=None, description="When it runs, as crontab fields in UTC. Default: only by hand.")
    rules: Annotated[tuple[RetentionRule, ...], AfterValidator(_rules)] = Field(
        default=(), description="What is kept. Without rules everything is."
    )
    max_delete_percent: int = Field(
        default=30, ge=1, le=100, description="A plan that would delete more than this share of the images stops."
    )
    undo_days: int = Field(default=14, ge=1, le=365, description="Days that a deleted image can be brought back.")
    in_use: Annotated[str, AfterValidator(_in_use)] | None = Field(
        default=None,
        description="URL, or file below `/var/lib/ops/` in the service `ops`, with the digests that are running and must stay: one in each "
        "line, or any JSON that holds them.",
    )

    @model_validator(mode="after")
    def _no_account(self) -> "RetentionSettings":
        # Checked for the whole group, because the message about a single value would show it.
        if "@" in urlsplit(self.in_use or "").netloc:
            raise ValueError("inUse must be an address without an account in it (no name:password@)")
        return self

    def for_ops(self) -> dict[str, object]:
        """The group `retention` of ops.json."""
        return {
            "schedule": self.schedule or "",
            "rules": [rule.for_ops() for rule in self.rules],
            "maxDeletePercent": self.max_delete_percent,
            "undoDays": self.undo_days,
            "inUse": self.in_use or "",
        }


class VerifySettings(SettingsGroup):
    """Verification: whether everything that a tag promises is there."""

    schedule: Schedule | None = Field(
        default=None, description="When presence is checked, as crontab fields in UTC. Default: only by hand."
    )
    deep_schedule: Schedule | None = Field(default=None, description="When every blob is read and its digest checked.")

    def for_ops(self) -> dict[str, object]:
        """The group `verify` of ops.json."""
        return {"schedule": self.schedule or "", "deepSchedule": self.deep_schedule or ""}
