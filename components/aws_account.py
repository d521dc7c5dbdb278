"""How everything in AWS is reached and labelled."""

import pulumi
import pulumi_aws as aws

STACK_TAG = "private-registry"
"""Tag whose value is the prefix of everything a stack makes; what finds the hosts."""


def tags(name: str) -> dict[str, str]:
    """The tags that everything of this stack has, so that bills and inventories say what belongs to it."""
    return {
        STACK_TAG: name,
        "private-registry-stack": pulumi.get_stack(),
        "private-registry-project": pulumi.get_project(),
        "managed-by": "pulumi",
    }


def provider(name: str, region: str, parent: pulumi.Resource) -> aws.Provider:
    """The one way to AWS of a stack. Credentials are those of whoever runs pulumi."""
    return aws.Provider(
        f"{name}-aws",
        region=region,  # pyright: ignore[reportArgumentType] - the SDK's type lists today's regions only
        default_tags=aws.ProviderDefaultTagsArgs(tags=tags(name)),
        opts=pulumi.ResourceOptions(parent=parent),
    )
