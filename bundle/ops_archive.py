"""The `ops` tool as one file that Python imports from as it is (https://docs.python.org/3/library/zipimport.html)."""

import io
import zipfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "ops"
# The same bytes for the same sources, whenever and wherever they are packed: otherwise every `pulumi up` would see a change.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@cache
def ops_archive(*, compressed: bool = True) -> bytes:
    """The archive. Read from the sources beside this package, once a process.

    What compression yields depends on the version of zlib: without, the bytes are the same on every machine.
    """
    packed = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(packed, "w", method, compresslevel=9) as archive:
        for source in sorted(SOURCE.rglob("*.py")):
            archive.writestr(zipfile.ZipInfo(f"ops/{source.relative_to(SOURCE).as_posix()}", _EPOCH), source.read_bytes())
    return packed.getvalue()
