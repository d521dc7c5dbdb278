"""Blobs in a named volume of the Docker host."""

from bundle.model import Mount, StorageSpec, SweeperSpec, Volume

ROOT = "/var/lib/registry"


def filesystem_storage() -> StorageSpec:
    """The storage record for a volume that all replicas of the one host share. It creates no resource: the host makes the volume."""
    return StorageSpec(
        driver="filesystem",
        parameters={"rootdirectory": ROOT, "maxthreads": 100},
        sweeper=SweeperSpec(section={"type": "alias", "remote": ROOT}, local_root=ROOT),
        mounts=(Mount("storage", ROOT, read_only=False),),
        volumes=(Volume("storage", keep=True),),
    )
