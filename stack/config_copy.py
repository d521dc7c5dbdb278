"""The stack file that pulumi gets to see: the tracked one, plus what belongs to this machine only.

pulumi writes the salt of a stack's encryption into the stack file, and the kit's images have names that only exist here. Neither
belongs into a tracked file, so pulumi runs on a copy in the ignored state folder, written anew from the tracked file each time.
"""

from collections.abc import Mapping

import yaml

from offline.kit.errors import KitError
from offline.kit.stack_file import PREFIX, yaml_problem

# What pulumi itself adds to a stack file to find its way back to the secrets.
CRYPTO_KEYS = ("secretsprovider", "encryptedkey", "encryptionsalt")
HEADER = "# Written by `make up` at each run, from Pulumi.{stack}.yaml: change that file instead.\n"


def merge(tracked: str, before: str, images: Mapping[str, str], stack: str, local: Mapping[str, str] | None = None) -> str:
    """The text of the copy.

    `tracked` is the stack file's text; `before` the text of the last copy (may be empty), from which the encryption salt is taken unless
    the tracked file has its own; `images` are the kit's images by role, for the roles that the user has not set; `local` are settings of
    this machine by `group.key`, for the keys that the user has not set.
    Works on YAML nodes, not on values, so that every scalar stays spelled as it was. Raises KitError for text that is no YAML mapping.
    """
    document = _mapping(tracked, f"Pulumi.{stack}.yaml")
    own = {key.value for key, _ in document.value if key.value in CRYPTO_KEYS}
    if not own and before:
        document.value += [(key, value) for key, value in _mapping(before, "the copy of the stack file").value if key.value in CRYPTO_KEYS]
    if images:
        chosen = _child(_child(document, "config"), f"{PREFIX}images")
        set_already = {key.value for key, _ in chosen.value}
        chosen.value += [(_scalar(role), _scalar(image)) for role, image in sorted(images.items()) if role not in set_already]
    for path, text in (local or {}).items():
        group, key = path.split(".")
        node = _child(_child(document, "config"), f"{PREFIX}{group}")
        if key not in {found.value for found, _ in node.value}:
            node.value.append((_scalar(key), _scalar(text)))
    return HEADER.format(stack=stack) + yaml.serialize(document, Dumper=yaml.SafeDumper, width=10_000, allow_unicode=True)


def has(text: str, path: str) -> bool:
    """Whether a stack file's text sets `group.key`."""
    group, key = path.split(".")
    config = _child(_mapping(text, "the stack file"), "config")
    return key in {found.value for found, _ in _child(config, f"{PREFIX}{group}").value}


def salt_of(text: str) -> str | None:
    """The `encryptionsalt` in a stack file's text, or None."""
    for key, value in _mapping(text, "the stack file").value:
        if key.value == "encryptionsalt":
            return str(value.value)
    return None


def provider_of(text: str) -> str | None:
    """The `secretsprovider` in a stack file's text, or None."""
    for key, value in _mapping(text, "the stack file").value:
        if key.value == "secretsprovider":
            return str(value.value) or None
    return None


def _mapping(text: str, name: str) -> yaml.MappingNode:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise KitError(f"{name} is no valid YAML: {yaml_problem(error)}") from error
    if node is None:
        return yaml.MappingNode("tag:yaml.org,2002:map", [])
    if not isinstance(node, yaml.MappingNode):
        raise KitError(f"{name} must hold `key: value` lines")
    return node


def _child(parent: yaml.MappingNode, name: str) -> yaml.MappingNode:
    """The mapping under a key, made when it is not there. An empty value counts as an empty mapping."""
    for position, (key, value) in enumerate(parent.value):
        if key.value == name:
            if isinstance(value, yaml.MappingNode):
                return value
            if value.tag == "tag:yaml.org,2002:null":
                made = yaml.MappingNode("tag:yaml.org,2002:map", [])
                parent.value[position] = (key, made)
                return made
            raise KitError(f"{name} must be a mapping of keys to values")
    made = yaml.MappingNode("tag:yaml.org,2002:map", [])
    parent.value.append((_scalar(name), made))
    return made


def _scalar(text: str) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text)
