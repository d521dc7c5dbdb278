"""What users notice when parts of the stack stop: nothing, or an honest answer."""

import pytest

from tests.blackbox.images import build_image
from tests.blackbox.names import fresh
from tests.blackbox.pull_load import PullLoad
from tests.blackbox.push_load import PushLoad
from tests.blackbox.target import HostControl, RegistryTarget
from tests.blackbox.waiting import wait_for

REFRESH_SECONDS = 15
"""How long the edge may take to notice that replicas are back."""


class ResilienceSuite:
    """Needs a hand on the host."""

    @pytest.fixture
    def host(self, target: RegistryTarget) -> HostControl:
        host = target.control()
        if len(host.replicas()) < 2:
            pytest.skip("one replica can't stand in for another")
        return host

    def test_no_pull_fails_while_each_replica_is_stopped_in_turn(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("resilience")
        image = build_image(repository)
        target.client().push(repository, "latest", image)
        with PullLoad(target, repository, image) as load:
            for replica in host.replicas():
                host.stop(replica)
                load.more(40)
                host.start(replica)
                load.more(40)

    def test_no_pull_fails_when_a_replica_crashes(self, target: RegistryTarget, host: HostControl) -> None:
        repository = fresh("resilience")
        image = build_image(repository)
        target.client().push(repository, "latest", image)
        replica = host.replicas()[-1]
        try:
            with PullLoad(target, repository, image) as load:
                host.kill(replica)
                load.more(40)
        finally:
            host.start(replica)

    def test_every_acknowledged_image_is_there_after_a_crash_of_a_replica(self, target: RegistryTarget, host: HostControl) -> None:
        replica = host.replicas()[0]
        try:
            with PushLoad(target) as load:
                host.kill(replica)
                load.more(10)
                host.start(replica)
                load.more(10)
        finally:
            host.start(replica)

    def test_images_can_be_pushed_while_a_replica_is_stopped(self, target: RegistryTarget, host: HostControl) -> None:
        replica = host.replicas()[0]
        host.stop(replica)
        try:
            # Uploads that were meant for the stopped one may fail until the edge knows; after that none may.
            wait_for(
                "the edge to do without the stopped replica",
                lambda: all(target.client().request("POST", f"/v2/{fresh('probe')}/blobs/uploads/", b"").status == 202 for _ in range(4)),
                seconds=REFRESH_SECONDS,
            )
            for _ in range(5):
                repository = fresh("resilience")
                image = build_image(repository)
                client = target.client()
                client.push(repository, "v1", image)
                assert client.pull(repository, "v1") == image.digest
        finally:
            host.start(replica)

    def test_without_any_replica_the_answer_is_honest_and_the_registry_comes_back(self, target: RegistryTarget, host: HostControl) -> None:
        replicas = host.replicas()
        try:
            for replica in replicas:
                host.stop(replica)
            answer = target.client().request("GET", "/v2/")
            assert answer.status in (502, 503, 504), answer.status
            assert answer.codes, "clients print the message"
            assert answer.header("Retry-After"), "clients wait that long and try again"
        finally:
            for replica in replicas:
                host.start(replica)
        wait_for(
            "the edge to find its replicas again", lambda: target.client().request("GET", "/v2/").status == 200, seconds=REFRESH_SECONDS
        )

    def test_pulls_go_on_without_the_cache(self, target: RegistryTarget, host: HostControl) -> None:
        if "redis" not in host.containers():
            pytest.skip("this stack has no Redis")
        repository = fresh("resilience")
        image = build_image(repository)
        target.client().push(repository, "latest", image)
        host.stop("redis")
        try:
            assert target.client().pull(repository, "latest") == image.digest, "a cache that is gone must not take the registry with it"
        finally:
            host.start("redis")
