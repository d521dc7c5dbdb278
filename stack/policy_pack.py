"""The policy pack for pulumi's command line."""

from pathlib import Path

PACK = "policies"


def has_pack(repo: Path) -> bool:
    """Whether the checkout has the pack."""
    return (repo / PACK / "PulumiPolicy.yaml").exists()


def config_file(stack: str) -> str:
    """Name of the stack's policy config, beside its stack file: levels, parameters, exemptions. Optional."""
    return f"Policies.{stack}.json"


def policy_arguments(repo: Path, stack: str) -> list[str]:
    """The arguments for preview and up, with the stack's policy config if it has one; none without a pack."""
    if not has_pack(repo):
        return []
    config = ["--policy-pack-config", config_file(stack)] if (repo / config_file(stack)).exists() else []
    return ["--policy-pack", PACK, *config]


def up_arguments(repo: Path, stack: str) -> list[str]:
    """The arguments for up. With a pack it begins with a preview: rules on the stack as a whole are decided at its end, and what they
    refuse must not have been created by then."""
    return policy_arguments(repo, stack) or ["--skip-preview"]
