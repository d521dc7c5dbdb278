"""Garbage collection, deletion and its undoing, verification: on a running stack, through the stack's own `ops`.

Needs a stack with graces of a few seconds (`OPERATIONS` below) and a hand on its Docker host.
"""

import itertools
import json
import threading
from collections.abc import Collection, Mapping
from typing import Any

from tests.blackbox.command import Done, run
from tests.blackbox.docker_host import DockerStack
from tests.blackbox.images import MIB, build_image, build_index, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.target import RegistryTarget
from tests.blackbox.waiting import wait_for

GRACE = "4s"
OPERATIONS: Mapping[str, Any] = {"gc": {"blobGrace": GRACE, "untaggedGrace": GRACE}}
COLLECTED_SECONDS = 300
"""On a busy machine a collection on an emulator of a cloud's storage takes a minute."""
LARGE = 9 * MIB
"""More than rclone, left alone, moves with one request on Azure (8 MiB)."""
COLLECTIONS = 3
KEPT = 5
PUSH_PAUSE_SECONDS = 0.2
DAMAGED_CODE = 3
STOPPED_CODE = 5
"""Exit code of a collection that swept nothing on purpose, e.g. because the journal is still young."""


def ops(target: RegistryTarget, *args: str, check: bool = True) -> Done:
    """Runs the stack's `ops`."""
    host = target.control()
    assert isinstance(host, DockerStack), "the suite knows only how to reach `ops` on Docker"
    return run("docker", "exec", host.name("ops"), "python3", "-m", "ops", *args, seconds=COLLECTED_SECONDS, check=check)


def collect(target: RegistryTarget) -> dict[str, Any]:
    """One collection's report."""
    done = ops(target, "gc", "--json", check=False)
    assert done.code in (0, STOPPED_CODE), f"the collection failed with exit code {done.code}:\n{done.text}"
    return json.loads(done.out)


def in_storage(target: RegistryTarget, script: str) -> str:
    """Runs a shell script in the sweeper's container, with `$blobs` for where the blobs lie; returns what it prints."""
    host = target.control()
    assert isinstance(host, DockerStack)
    before = "set -e; export RCLONE_CONFIG=/etc/sweeper/rclone.conf; blobs=$(sed -n 's/^BLOBS=//p' /etc/sweeper/run.sh); "
    return run("docker", "exec", host.name("sweeper"), "sh", "-c", before + script).out


def path_of(digest: str) -> str:
    """Where a blob lies below `$blobs`."""
    hexadecimal = digest.partition(":")[2]
    return f"{hexadecimal[:2]}/{hexadecimal}/data"


def collect_until_swept(target: RegistryTarget, digests: Collection[str]) -> None:
    """Collects again and again until the blobs have left their places. Asking the registry for them would count as a use of them."""
    options = " ".join(f"--include /{path_of(digest)}" for digest in digests)

    def gone() -> bool:
        collect(target)
        return in_storage(target, f'rclone lsf -R --files-only {options} "$blobs"') == ""

    wait_for(f"{len(digests)} blobs to be swept", gone, seconds=COLLECTED_SECONDS, interval=2)


DAMAGES: Mapping[str, str] = {
    "gone": "",
    "cut": "head -c -5 $old/data >$new/data",
    "changed": "{ printf X; tail -c +2 $old/data; } >$new/data",
}
"""What can happen to a blob behind everybody's back: a shell command that makes the new blob of the old one, empty for none."""


def damage(target: RegistryTarget, digest: str, how: str) -> None:
    """Damages a blob on the storage, with no other rclone commands than the sweeper's image has: the same on disk and on object storage."""
    host = target.control()
    assert isinstance(host, DockerStack)
    value = digest.partition(":")[2]
    lines = [
        "set -e",
        f"blob=$(sed -n 's/^BLOBS=//p' /etc/sweeper/run.sh)/{value[:2]}/{value}",
        'storage() { rclone --config /etc/sweeper/rclone.conf "$@"; }',
    ]
    if DAMAGES[how]:
        lines += [
            "old=$(mktemp -d) new=$(mktemp -d)",
            'storage copy "$blob" "$old"',
            DAMAGES[how],
            'storage copy --ignore-times "$new" "$blob"',
        ]
    else:
        lines += ['storage deletefile "$blob/data"']
    run("docker", "exec", host.name("sweeper"), "sh", "-c", "\n".join(lines))


def metric(target: RegistryTarget, file: str, name: str) -> str:
    """A value in one of the files for Prometheus; empty when there is none."""
    host = target.control()
    assert isinstance(host, DockerStack)
    text = run("docker", "exec", host.name("ops"), "cat", f"/var/lib/ops/metrics/{file}").out
    return next((line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(name)), "")


class OperationsSuite:
    """Every test leaves images of its own that are complete."""

    def test_status_shows_that_all_is_well(self, target: RegistryTarget) -> None:
        status = json.loads(ops(target, "status", "--json").out)
        assert status["gate"] in ("open", None) or status["gate"] is False, status

    def test_a_collection_takes_garbage_and_nothing_else(self, target: RegistryTarget) -> None:
        client = target.client()
        doomed, kept, multi = fresh("ops"), fresh("ops"), fresh("ops")
        image, other, index = build_image(doomed, (1000, LARGE)), build_image(kept), build_index(multi, ("amd64", "arm64"))
        client.push(doomed, "v1", image)
        client.push(kept, "v1", other)
        client.push(multi, "v1", index)
        client.delete_manifest(doomed, image.digest)
        garbage = [digest_of(blob) for blob in image.blobs]

        collect_until_swept(target, garbage)

        assert not any(client.has_blob(doomed, digest) for digest in garbage), "what nothing refers to must be gone"
        assert client.pull(kept, "v1") == other.digest
        assert client.pull(multi, "v1") == index.digest
        client.push(doomed, "v2", image)
        assert client.pull(doomed, "v2") == image.digest, "a cache that still believes in swept blobs would make this push corrupt"
        assert json.loads(ops(target, "verify", "--deep", "--json").out)["damage"] == []

    def test_pushes_go_on_while_garbage_is_collected(self, target: RegistryTarget) -> None:
        client, stop, acknowledged, failures = target.client(), threading.Event(), dict[str, str](), list[str]()
        repository, swept = fresh("ops-load"), list[int]()

        def push() -> None:
            for number in itertools.count():
                if stop.wait(PUSH_PAUSE_SECONDS):
                    return
                image = build_image(f"{repository}/{number}")
                try:
                    # A few are kept, so that there is garbage to take and later collections stay short.
                    if len(acknowledged) > KEPT:
                        own.delete_manifest(repository, acknowledged.pop(next(iter(acknowledged))))
                    own.push(repository, f"v{number}", image)
                except AssertionError as error:
                    failures.append(str(error))
                    continue
                acknowledged[f"v{number}"] = image.digest

        def collected() -> bool:
            swept.append(int(collect(target)["swept_blobs"]))
            return len(swept) >= COLLECTIONS and sum(swept) > 0

        own = target.client()
        thread = threading.Thread(target=push)
        thread.start()
        try:
            wait_for(f"{COLLECTIONS} collections, and one that sweeps", collected, seconds=COLLECTED_SECONDS)
        finally:
            stop.set()
            thread.join(60)
        lost = [tag for tag, digest in acknowledged.items() if client.pull(repository, tag) != digest]
        assert acknowledged, f"not one push was acknowledged: {failures[:3]}"
        assert not lost, "an image whose push was answered 201 can be pulled"
        assert all("429" in failure for failure in failures), f"a push may meet the closed gate, and nothing else: {failures[:3]}"

    def test_a_deleted_image_comes_back_with_its_tags_even_after_a_collection(self, target: RegistryTarget) -> None:
        client = target.client()
        repository, other = fresh("ops-undo"), fresh("ops-undo")
        index, doomed = build_index(repository, ("amd64", "arm64")), build_image(other)
        client.push(repository, "v1", index)
        client.push(other, "v1", doomed)
        ops(target, "delete", f"{repository}:v1")
        assert client.manifest_status(repository, "v1") == 404
        ops(target, "delete", "--permanently", f"{other}:v1")
        collect_until_swept(target, [digest_of(blob) for blob in doomed.blobs])

        hidden = client.request("GET", f"/v2/ops-recycle-bin/{repository}/tags/list")
        assert (hidden.status, hidden.codes) == (404, ["NAME_UNKNOWN"]), "what was deleted must not be pulled out of the bin"

        ops(target, "undo", f"{repository}:v1")

        assert client.pull(repository, "v1") == index.digest, "the recycle bin must keep every part of it"
        assert client.manifest_status(other, "v1") == 404

    def test_verify_names_the_images_whose_blobs_were_damaged_on_the_storage(self, target: RegistryTarget) -> None:
        client = target.client()
        names = {how: fresh(f"ops-verify-{how}") for how in DAMAGES}
        images = {how: build_image(name) for how, name in names.items()}
        for how, image in images.items():
            client.push(names[how], "v1", image)
        client.push(names["gone"], "copy", images["gone"])
        assert json.loads(ops(target, "verify", "--deep", "--json").out)["damage"] == []
        expected = {
            how: (digest_of(image.layers[0]), sorted(f"{names[how]}:{tag}" for tag in (("v1", "copy") if how == "gone" else ("v1",))))
            for how, image in images.items()
        }
        try:
            for how, (digest, _) in expected.items():
                damage(target, digest, how)
            # What has its right size is found by reading it alone.
            for options, hows in (((), ("gone", "cut")), (("--deep",), ("gone", "cut", "changed"))):
                done = ops(target, "verify", *options, "--json", check=False)
                assert done.code == DAMAGED_CODE, done.text
                found = {entry["digest"]: (entry["repository"], entry["images"]) for entry in json.loads(done.out)["damage"]}
                assert found == {expected[how][0]: (names[how], expected[how][1]) for how in hows}, done.text
                file = "verify-deep.prom" if options else "verify.prom"
                assert metric(target, file, "registry_ops_verify_damaged{") == str(len(hows))
        finally:
            for how, name in names.items():
                ops(target, "delete", "--permanently", *(["--all-tags"] if how == "gone" else []), f"{name}:v1")
