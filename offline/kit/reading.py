"""What the kit needs from files that only the virtual environment's packages can read: the stack file, and the settings' default images.

Read in a process of its own, so that the kit itself starts without them; and kept as long as the files stay the same, because reading them
takes ten times as long as all other checks together.
"""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from offline.kit import places, stack_file
from offline.kit.command import run
from offline.kit.engine_api import Address
from offline.kit.errors import KitError
from offline.kit.files import write_if_changed

_SETTINGS = "components/settings/model.py"
_SECONDS = 120.0


@dataclass(frozen=True)
class Reading:
    """What a stack file wishes, and the program's default image of each role."""

    wishes: stack_file.Wishes
    vendor_images: Mapping[str, str]


def read(file: Path) -> Reading:
    """Reads a stack file. Needs the virtual environment, once. Raises KitError for a file that is no YAML."""
    kept = places.STATE / "prepared" / f"{file.name}.json"
    key = _key(file)
    try:
        content = json.loads(kept.read_text(encoding="utf-8"))
        if content["key"] == key:
            return _from_json(content["read"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        pass
    answer = json.loads(run([places.VENV_PYTHON, "-m", __name__, file], cwd=places.REPO, why=f"reading {file.name}", timeout=_SECONDS))
    if "problem" in answer:
        raise KitError(answer["problem"])
    write_if_changed(kept, json.dumps({"key": key, "read": answer}, indent=1) + "\n")
    return _from_json(answer)


def _key(file: Path) -> str:
    """Changes with everything that the answer depends on."""
    own = [Path(__file__), Path(stack_file.__file__), places.REPO / _SETTINGS, file]
    parts = [*(path.read_bytes() for path in own), os.environ.get("DOCKER_HOST", "").encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def _from_json(content: Mapping[str, Mapping[str, object]]) -> Reading:
    wishes = dict(content["wishes"])
    address = wishes.pop("address")
    host, options = address["host"], address["ssh_options"]  # pyright: ignore[reportIndexIssue,reportUnknownVariableType]
    return Reading(stack_file.Wishes(address=Address(host, tuple(options)), **wishes), content["vendor"])  # pyright: ignore[reportArgumentType]


def _answer(file: Path) -> dict[str, object]:
    """What `read` asks the other process for."""
    from components.settings.model import ImagesSettings  # noqa: PLC0415 - only here: it takes a third of a second

    try:
        wishes = stack_file.wishes(file.read_text(encoding="utf-8"), os.environ, file.name)
    except KitError as error:
        return {"problem": str(error)}
    return {"wishes": asdict(wishes), "vendor": {name: str(field.default) for name, field in ImagesSettings.model_fields.items()}}


if __name__ == "__main__":
    print(json.dumps(_answer(Path(sys.argv[1]))))
