"""The script of the config service: it carries the uploaded files into the consumers' volumes."""

from collections.abc import Mapping, Sequence

from bundle.health import MARK
from bundle.model import SERVICE_UID, File, Volume
from bundle.templates import render

UPLOAD_DIR = "/bundle"
APPLIED = "/tmp/applied"  # noqa: S108 - the container's own
"""What the script makes when all files are in their places."""


def upload_path(file: File) -> str:
    """Where the file is uploaded inside the config container."""
    return f"{UPLOAD_DIR}/{file.path}"


def data_path(volume: Volume) -> str:
    """Where the config container sees a volume of data."""
    # People and tests close the gate here: the path is short and stays.
    return "/gate" if volume.name == "gate" else f"/volumes/{volume.name}"


def run_script(files: Sequence[File], data: Sequence[Volume]) -> str:
    """The config container's main process. It takes over the volumes of data for the services' user when they are someone else's."""
    groups: Mapping[str, list[File]] = {group: [f for f in files if f.group == group] for group in dict.fromkeys(f.group for f in files)}
    owned = [data_path(volume) for volume in data]
    return render("config.sh.j2", groups=groups, uid=SERVICE_UID, owned=owned, uploads=UPLOAD_DIR, applied=APPLIED, healthy=MARK)
