"""A layer of 1 GiB: it streams through, and nobody on the way keeps it in memory."""

import time

from tests.blackbox.images import MIB, GeneratedBlob
from tests.blackbox.names import fresh
from tests.blackbox.target import RegistryTarget

SIZE = 1024 * MIB
EDGE_LIMIT = 64 * MIB


class LargeLayerSuite:
    """The memory is measured where the target can."""

    def test_a_layer_of_1_gib_streams_through(self, target: RegistryTarget) -> None:
        repository = fresh("large")
        # Slow disks: the registry hashes the whole layer before it answers the last request.
        client = target.client(timeout=600)
        if target.memory:
            target.memory.reset_memory_peak("edge")
        started = time.monotonic()
        digest = client.push_generated(repository, GeneratedBlob(repository, SIZE))
        pushed = time.monotonic()
        assert client.pull_blob(repository, digest) == SIZE
        pulled = time.monotonic()
        print(f"1 GiB: pushed with {SIZE / MIB / (pushed - started):.0f} MiB/s, pulled with {SIZE / MIB / (pulled - pushed):.0f} MiB/s")
        if target.memory:
            peak = target.memory.memory_peak("edge")
            print(f"edge memory at most {peak / MIB:.1f} MiB")
            assert peak < EDGE_LIMIT, f"the edge used {peak / MIB:.0f} MiB: it buffers layers instead of streaming them"
