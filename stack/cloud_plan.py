"""`make preview` of a stack for a cloud, where the vendor's plugins can't be had: the kit's own show the plan."""

from collections.abc import Mapping
from typing import Any, cast

import yaml

from offline.kit.progress import say
from stack.session import PROJECT, Session

_TYPES = ("aws:", "azure-native:")
"""What the types of clouds' resources begin with."""


def clouds(config: str) -> list[str]:
    """What a stack file wants of clouds, in the words of its keys; only to say so. Secret values are not looked at."""
    found = cast(dict[str, Any] | None, (yaml.safe_load(config) or {}).get("config")) or {}

    def value(key: str) -> Any:  # noqa: ANN401 - whatever the file says
        return found.get(f"{PROJECT}:{key}")

    wanted = ["platform: aws"] if value("platform") == "aws" else []
    for storage, group in (("s3", "s3"), ("azure", "azureBlob")):
        settings = value(group)
        if value("storage") == storage and not (isinstance(settings, dict) and "endpoint" in settings):
            wanted.append(f"storage: {storage}")
    return wanted


def plan_environment(session: Session, environment: Mapping[str, str]) -> Mapping[str, str]:
    """What lets the kit's plugins answer a preview, and says that nothing was asked of the cloud.

    Not where the stack has something in a cloud already: what is there only the vendor's plugin can tell.
    """
    if not session.prepared.kit_cli:
        return {}
    wanted = clouds(session.config.read_text(encoding="utf-8"))
    if not wanted:
        return {}
    # Local import: the plugins' framework takes a moment to load, and most stacks are on Docker alone.
    from offline.plugins.preview.permission import PLAN, REQUEST  # noqa: PLC0415

    if REQUEST in environment or any(str(resource.get("type", "")).startswith(_TYPES) for resource in session.resources()):
        return {}
    say(
        f"{' and '.join(wanted)}: where the vendor's plugin is not installed, the kit's shows the plan. It knows the cloud's types and "
        "limits, asks no cloud anything, and can't deploy"
    )
    return {REQUEST: PLAN}
