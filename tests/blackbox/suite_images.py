"""Pushing, pulling and deleting, request by request."""

import json

from tests.blackbox.images import MIB, build_image, build_index, digest_of
from tests.blackbox.names import fresh
from tests.blackbox.target import RegistryTarget


class ImageSuite:
    """Runs unchanged against any registry."""

    def test_what_comes_back_is_what_was_pushed(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        image = build_image(repository, (0, 10, 3 * MIB))
        client = target.client()
        client.push(repository, "v1", image)
        assert client.pull(repository, "v1") == image.digest
        assert client.pull(repository, image.digest) == image.digest

    def test_another_account_sees_the_same_image(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        image = build_image(repository)
        target.client().push(repository, "v1", image)
        for account in target.accounts.values():
            assert target.client(account).pull(repository, "v1") == image.digest

    def test_a_head_says_what_a_get_would(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        image = build_image(repository)
        client = target.client()
        client.push(repository, "v1", image)
        head = client.request("HEAD", f"/v2/{repository}/manifests/v1", want=(200,))
        assert head.header("Docker-Content-Digest") == image.digest
        assert head.header("Content-Length") == str(len(image.manifest))
        assert head.body == b""

    def test_a_blob_in_chunks_arrives_whole(self, target: RegistryTarget) -> None:
        repository = fresh("chunks")
        client = target.client()
        data = build_image(repository, (5 * MIB,)).layers[0]
        digest = client.push_blob_in_chunks(repository, data, chunk=MIB + 1)
        assert client.pull_blob(repository, digest) == len(data)

    def test_a_large_blob_in_one_request_is_not_too_large(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        client = target.client()
        data = build_image(repository, (20 * MIB,)).layers[0]
        digest = client.push_blob(repository, data)
        assert client.pull_blob(repository, digest) == len(data)

    def test_an_upload_can_be_asked_for_its_progress_and_given_up(self, target: RegistryTarget) -> None:
        repository = fresh("chunks")
        client = target.client()
        location = client.start_upload(repository).header("Location")
        location = client.request("PATCH", location, b"12345", {"Content-Type": "application/octet-stream"}, want=(202,)).header("Location")
        progress = client.request("GET", location, want=(204,))
        assert progress.header("Range") == "0-4", "a client that was interrupted goes on from there"
        client.request("DELETE", location, want=(204,))
        assert client.request("GET", location).status == 404

    def test_a_blob_with_another_digest_is_refused(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        client = target.client()
        location = client.start_upload(repository).header("Location")
        answer = client.request("PUT", f"{location}&digest={digest_of(b'something else')}", b"content")
        assert answer.status == 400
        assert answer.codes == ["DIGEST_INVALID"]

    def test_a_manifest_without_its_blobs_is_refused(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        image = build_image(repository)
        client = target.client()
        answer = client.request(
            "PUT", f"/v2/{repository}/manifests/v1", image.manifest, {"Content-Type": json.loads(image.manifest)["mediaType"]}
        )
        assert answer.status in (400, 404), "an image that could never be pulled must not be acknowledged"
        assert set(answer.codes) <= {"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"}

    def test_a_blob_is_taken_over_from_another_repository(self, target: RegistryTarget) -> None:
        source, repository = fresh("mount"), fresh("mount")
        client = target.client()
        data = build_image(source, (100_000,)).layers[0]
        digest = client.push_blob(source, data)
        assert client.mount_blob(repository, digest, source).status == 201, "mounting is what makes promoting images cheap"
        assert client.pull_blob(repository, digest) == len(data)

    def test_a_blob_that_is_not_there_to_take_over_starts_an_upload(self, target: RegistryTarget) -> None:
        answer = target.client().mount_blob(fresh("mount"), digest_of(b"never pushed"), fresh("mount"))
        assert answer.status == 202, "the client then uploads it"

    def test_every_child_of_a_multi_arch_image_can_be_pulled(self, target: RegistryTarget) -> None:
        repository = fresh("index")
        index = build_index(repository, ("amd64", "arm64", "s390x"))
        client = target.client()
        client.push(repository, "v1", index)
        assert client.pull(repository, "v1") == index.digest
        for child in index.children:
            assert client.pull(repository, child.digest) == child.digest

    def test_a_deleted_image_is_gone_and_the_others_stay(self, target: RegistryTarget) -> None:
        repository = fresh("delete")
        client = target.client()
        # They share a layer: deleting one must not take it from the other.
        kept = build_image("shared", (1000,))
        gone = build_image(repository, (1000,))
        client.push(repository, "kept", kept)
        client.push(repository, "gone", gone)
        client.delete_manifest(repository, gone.digest)
        for reference in ("gone", gone.digest):
            answer = client.manifest(repository, reference, want=(404,))
            assert answer.codes == ["MANIFEST_UNKNOWN"]
        assert client.pull(repository, "kept") == kept.digest
        assert client.tags(repository) == ["kept"]

    def test_a_deleted_image_can_be_pushed_again(self, target: RegistryTarget) -> None:
        repository = fresh("delete")
        image = build_image(repository)
        client = target.client()
        client.push(repository, "v1", image)
        client.delete_manifest(repository, image.digest)
        client.push(repository, "v1", image)
        assert client.pull(repository, "v1") == image.digest

    def test_a_tag_moves_to_what_was_pushed_last(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        first, second = build_image(f"{repository}/1"), build_image(f"{repository}/2")
        client = target.client()
        client.push(repository, "v1", first)
        client.push(repository, "v1", second)
        assert client.pull(repository, "v1") == second.digest
        assert client.pull(repository, first.digest) == first.digest

    def test_all_tags_are_listed(self, target: RegistryTarget) -> None:
        repository = fresh("tags")
        image = build_image(repository)
        client = target.client()
        names = [f"v{number:02}" for number in range(12)]
        for name in names:
            client.push(repository, name, image)
        assert client.tags(repository) == names

    def test_part_of_a_blob_can_be_read(self, target: RegistryTarget) -> None:
        repository = fresh("images")
        client = target.client()
        data = build_image(repository, (100_000,)).layers[0]
        digest = client.push_blob(repository, data)
        answer = client.request("GET", f"/v2/{repository}/blobs/{digest}", headers={"Range": "bytes=100-199"}, want=(206,))
        assert answer.body == data[100:200], "a client that lost its connection goes on from where it was"
