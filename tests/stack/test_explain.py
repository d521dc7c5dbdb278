"""What a user is told about pulumi's errors. The messages are in the forms that the vendor's docker plugin gives them.

Forms: kreuzwerker/terraform-provider-docker (internal/provider), issues 356, 619 and 1106 of pulumi/pulumi-docker,
Docker Engine 20.10 and 28.
"""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.ci.event_log import Message
from stack.failures.explain import ContainerFacts, Facts, explain, ports_in, troubled

HOST = "unix:///var/run/docker.sock"
EDGE = "docker:index/container:Container registry-dev-edge"
IMAGE = "docker:index/remoteImage:RemoteImage registry-dev-nginx"
BULLETS = "1 error occurred:\n\t* "


def _facts(**changed: object) -> Facts:
    facts = {
        "stack": "dev",
        "host": HOST,
        "images": {"quay.io/x/edge:1.0": "private-registry:images.edge"},
        "ports": {443: "private-registry:port", 80: "private-registry:redirectPort"},
    }
    return Facts(**{**facts, **changed})  # pyright: ignore[reportArgumentType] - what a test changes has the field's type


def _one(resource: str, text: str, **changed: object) -> str:
    (found,) = explain([Message("error", resource, BULLETS + text)], _facts(**changed))
    return found


@pytest.mark.parametrize(
    "text",
    [
        "Unable to start container: Error response from daemon: driver failed programming external connectivity on endpoint "
        "registry-dev-edge (1f2e): Bind for 0.0.0.0:443 failed: port is already allocated",
        "Unable to start container: Error response from daemon: driver failed programming external connectivity on endpoint "
        "registry-dev-edge (1f2e): Error starting userland proxy: listen tcp4 0.0.0.0:443: bind: address already in use",
        "Unable to start container: Error response from daemon: failed to set up container networking: driver failed programming "
        "external connectivity (1): failed to bind host port for [::1]:443:172.18.0.9:8443/tcp: address already in use",
        "Unable to start container: Error response from daemon: failed to set up container networking: driver failed programming "
        "external connectivity (1): failed to bind host port 0.0.0.0:443/tcp: address already in use",
    ],
)
def test_a_port_that_is_in_use(text: str) -> None:
    assert _one(EDGE, text).startswith("private-registry:port = 443: the port is in use on the Docker host (`ss"), "the key to change"
    told = _one(EDGE, text, holders={443: "nginx (process 12)"})
    assert "is held by nginx (process 12). Stop that, or set private-registry:port to another port" in told
    assert "Container registry-dev-edge is kept as it is, and the next `make up STACK=dev` replaces it" in told
    assert ports_in([Message("error", EDGE, text)]) == (443,)


def test_each_port_is_named_by_its_own_key() -> None:
    assert _one(EDGE, "Unable to start container: Bind for 0.0.0.0:80 failed: port is already allocated").startswith(
        "private-registry:redirectPort = 80"
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            "Error response from daemon: pull access denied for x/edge, repository does not exist or may require 'docker login': denied: "
            "requested access to the resource is denied",
            "wants a login. To fix it, check the spelling; for a private one run `docker login` and `docker pull quay.io/x/edge:1.0`",
        ),
        (
            "Error response from daemon: manifest for quay.io/x/edge:1.0 not found: manifest unknown: manifest unknown",
            "no such image or tag",
        ),
        ('Error response from daemon: Get "https://quay.io/v2/": dial tcp: lookup quay.io: no such host', "proxy of the Docker host"),
        ("Error response from daemon: toomanyrequests: You have reached your pull rate limit", "limits pulls"),
        ("Error response from daemon: no matching manifest for linux/arm64/v8", "try `docker pull quay.io/x/edge:1.0`"),
    ],
)
def test_an_image_that_cannot_be_pulled(reason: str, told: str) -> None:
    begin = "Unable to read Docker image into resource: unable to pull image quay.io/x/edge:1.0: "
    for text in (begin + reason, f"{begin}error pulling image quay.io/x/edge:1.0: {reason}"):
        found = _one(IMAGE, text)
        assert found.startswith("private-registry:images.edge = quay.io/x/edge:1.0: "), "key and value"
        assert told in found
        assert found.endswith("run `make up STACK=dev` again")


def test_a_default_image_has_no_key_to_blame() -> None:
    assert _one(IMAGE, "Unable to read Docker image into resource: unable to find or pull image nginx:1.29").startswith(
        "image nginx:1.29: "
    )


@pytest.mark.parametrize(
    ("resource", "text"),
    [
        (
            "pulumi:providers:docker registry-dev",
            f"Error pinging Docker server: Cannot connect to the Docker daemon at {HOST}. Is the docker daemon running?",
        ),
        (EDGE, f"Unable to create container: Cannot connect to the Docker daemon at {HOST}. Is the docker daemon running?"),
        ("", "Docker native provider returned an unexpected error from Configure: failed to connect to any docker daemon"),
        (
            EDGE,
            'error during connect: Get "http://docker.example.com/_ping": command [ssh -l root -- box docker system dial-stdio] has exited',
        ),
        (EDGE, "unexpected EOF"),
    ],
)
def test_docker_that_is_away(resource: str, text: str) -> None:
    problem = f"no Docker engine answers at {HOST}: start it with `sudo systemctl start docker`"
    assert (
        _one(resource, text, engine_problem=problem) == f"{problem}; then run `make up STACK=dev` again, it carries on where this run ended"
    )


def test_docker_that_was_away_and_is_back() -> None:
    text = "Unable to start container: Cannot connect to the Docker daemon"
    assert _one(EDGE, text).startswith(f"the Docker engine at {HOST} did not answer for a while, and does now")


@pytest.mark.parametrize(
    "text",
    [
        "Error pinging Docker server: permission denied while trying to connect to the Docker daemon socket at unix:///x/docker.sock: "
        'Get "http://%2Fvar%2Frun%2Fdocker.sock/_ping": dial unix /var/run/docker.sock: connect: permission denied',
        "Error pinging Docker server: permission denied while trying to connect to the docker API at unix:///var/run/docker.sock",
    ],
)
def test_no_permission(text: str) -> None:
    assert "no permission" in _one("pulumi:providers:docker registry-dev", text)
    assert "sudo usermod -aG docker $USER" in _one("pulumi:providers:docker registry-dev", text)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (
            ContainerFacts("running", health="unhealthy", last_check="connection refused", log="no space left"),
            "last health check said: connection",
        ),
        (ContainerFacts("running", health="starting"), "runs and is not healthy."),
        (ContainerFacts("exited", 78, log="bad option"), "stopped with exit code 78; its log ends with: bad option."),
        (ContainerFacts("restarting", 1), "stopped with exit code 1 and is started again and again."),
        (ContainerFacts("created", 128, error="exec: no such file"), "was created and could not start (exec: no such file)"),
        (ContainerFacts("running", health="healthy"), "is well by now"),
    ],
)
def test_a_container_that_does_not_get_well(state: ContainerFacts, told: str) -> None:
    message = Message("error", EDGE, BULLETS + "container failed to be in healthy state")
    assert troubled([message]) == ("registry-dev-edge",)
    (found,) = explain([message], _facts(containers={"registry-dev-edge": state}))
    assert found.startswith("container registry-dev-edge ")
    assert told in found
    assert "make up STACK=dev" in found


def test_a_container_that_a_killed_run_left() -> None:
    text = (
        'Unable to create container: Error response from daemon: Conflict. The container name "/registry-dev-edge" is already in use by 1f'
    )
    assert "`docker rm -f registry-dev-edge` (it holds no data)" in _one(EDGE, text)


@pytest.mark.parametrize(
    "text",
    [
        f"the Docker engine at {HOST} is not reachable: nobody listens there. Start Docker on this machine (`sudo systemctl start docker`)",
        "container 'registry-dev-edge' does not start: port 443 on 0.0.0.0 of the engine's host is held by container 'x'. Stop it, or "
        "publish another port",
        "container 'registry-dev-edge' is not healthy after 120 s (status: unhealthy); its log is empty",
        "image 'x:1' cannot be pulled: the registry has no such image. (The engine said: manifest unknown)",
    ],
)
def test_what_the_kits_plugin_explains_is_not_explained_twice(text: str) -> None:
    known = {"registry-dev-edge": ContainerFacts("running", health="unhealthy")}
    assert explain([Message("error", EDGE, text)], _facts(containers=known, engine_problem="gone")) == []


def test_each_explanation_comes_once_and_warnings_get_none() -> None:
    away = "Cannot connect to the Docker daemon"
    messages = [Message("error", EDGE, away), Message("error", IMAGE, away), Message("warning", EDGE, "port is already allocated")]
    assert len(explain(messages, _facts())) == 1


def test_errors_of_other_providers_and_of_the_program_are_left_alone() -> None:
    messages = [
        Message("error", "aws:s3/bucket:Bucket b", "error during connect"),
        Message("error", "", "private-registry:port = 70000: expected a number from 1 to 65535"),
        Message("error", "", "update failed"),
    ]
    assert explain(messages, _facts(engine_problem="gone")) == []


@given(
    st.lists(st.builds(Message, st.sampled_from(["error", "warning"]), st.sampled_from([EDGE, IMAGE, ""]), st.text(string.printable))),
    st.booleans(),
)
def test_whatever_is_said_explaining_it_never_fails_and_repeats_nothing(messages: list[Message], gone: bool) -> None:
    found = explain(messages, _facts(engine_problem="gone" if gone else ""))
    assert len(found) == len(set(found))
    assert all(found), "an empty line explains nothing"
