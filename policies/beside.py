"""Whether one resource is configured by another that stands beside it, such as a bucket by its policy."""

from collections.abc import Container

from policies.rule import Resource, Stack, Undecided
from policies.values import NotKnownYetError


def of_types(stack: Stack, types: Container[str]) -> list[Resource]:
    """The resources of these types, with Azure's versions of them where `types` knows them."""
    return [resource for resource in stack.resources if resource.type in types]


def has_beside(stack: Stack, owner: Resource, key: str, types: Container[str]) -> bool | Undecided:
    """Whether a resource of these types names the owner in its property `key`, which is also the owner's property for its own name.

    Seen by where the value comes from, which is known at preview, else by the name. Undecided when a name is not known and comes from
    nowhere in the stack that can be seen.
    """
    owners = {other.identity for other in stack.resources if other.type == owner.type}
    undecided: Undecided | None = None
    for other in of_types(stack, types):
        sources = set(other.property_dependencies.get(key, ()))
        if owner.identity in sources:
            return True
        try:
            name = other.props.text(key)
            if name is not None and name == owner.props.text(key):
                return True
        except NotKnownYetError:
            # What comes from another owner of this stack is that one's.
            if not sources & owners:
                undecided = Undecided(f"{key} of {other.name}")
    return undecided or False
