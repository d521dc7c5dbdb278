"""The docker plugin's pure parts: properties against the SDK, checks, bodies for the engine, state from the engine, differences."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from offline.plugins.docker.container_body import create_body, endpoint, update_body
from offline.plugins.docker.container_check import check_container
from offline.plugins.docker.container_diff import container_diff
from offline.plugins.docker.container_schema import CONTAINER
from offline.plugins.docker.container_state import container_state, half_created
from offline.plugins.docker.network import NETWORK, network_body, network_state
from offline.plugins.docker.provider_config import PROVIDER
from offline.plugins.docker.remote_image import REMOTE_IMAGE
from offline.plugins.docker.schema import Schema, differences, preview_outputs, refreshed_inputs, settings
from offline.plugins.docker.values import Duration, Record, format_duration, parse_duration
from offline.plugins.docker.volume import VOLUME, volume_state
from offline.plugins.framework import UNKNOWN, Change, Properties

MINIMUM: Properties = {"name": "web", "image": "web:1"}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize(
    ("module", "arguments", "schema"),
    [
        ("container", "ContainerArgs", CONTAINER),
        ("network", "NetworkArgs", NETWORK),
        ("volume", "VolumeArgs", VOLUME),
        ("remote_image", "RemoteImageArgs", REMOTE_IMAGE),
        ("provider", "ProviderArgs", PROVIDER),
    ],
)
def test_every_input_of_the_sdk_is_known(module: str, arguments: str, schema: Schema) -> None:
    sdk = importlib.import_module(f"pulumi_docker.{module}")
    parameters = set(inspect.signature(getattr(sdk, arguments).__init__).parameters) - {"__self__"}
    assert {camel(name) for name in parameters} == set(schema)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ("ContainerUploadArgs", "uploads"),
        ("ContainerMountArgs", "mounts"),
        ("ContainerVolumeArgs", "volumes"),
        ("ContainerNetworksAdvancedArgs", "networksAdvanced"),
        ("ContainerHealthcheckArgs", "healthcheck"),
        ("ContainerCapabilitiesArgs", "capabilities"),
        ("ContainerUlimitArgs", "ulimits"),
        ("ContainerHostArgs", "hosts"),
        ("ContainerPortArgs", "ports"),
        ("ContainerLabelArgs", "labels"),
    ],
)
def test_every_field_of_the_sdk_is_known(arguments: str, name: str) -> None:
    sdk = importlib.import_module("pulumi_docker")
    parameters = set(inspect.signature(getattr(sdk, arguments).__init__).parameters) - {"__self__"}
    kind: Any = CONTAINER[name].kind
    while not isinstance(kind, Record):
        kind = kind.record if hasattr(kind, "record") else kind.item
    assert {camel(parameter) for parameter in parameters} == set(kind.parts)


# Checks


def reasons(inputs: Properties) -> dict[str, str]:
    return {failure.property: failure.reason for failure in check_container(MINIMUM | inputs)[1]}


def test_good_inputs_pass_unchanged() -> None:
    inputs = MINIMUM | {
        "command": ["a", "b"],
        "ports": [{"internal": 80, "external": "5443"}],
        "attach": False,
        "memory": 64,
        "memorySwap": -1,
        "uploads": [{"file": "/a", "content": UNKNOWN}],
        "healthcheck": {"tests": ["CMD", "x"], "interval": "1m30s"},
        "mounts": UNKNOWN,
    }
    assert check_container(inputs) == (inputs, [])


def test_nulls_are_left_out() -> None:
    assert check_container(MINIMUM | {"user": None}) == (MINIMUM, [])


@pytest.mark.parametrize(
    ("inputs", "where", "what"),
    [
        ({"gpus": "all"}, "gpus", "does not support it"),
        ({"attach": True}, "attach", "does not support it"),
        ({"deviceCgroupRules": ["c 1:3 r"]}, "deviceCgroupRules", "does not support it"),
        ({"imagee": "x"}, "imagee", "no such property"),
        ({"name": "-x"}, "name", "beginning with a letter or digit"),
        ({"command": ["a", ""]}, "command", "[1]: must be a non-empty string"),
        ({"ports": [{"external": 1}]}, "ports", "[0].internal: is missing"),
        ({"ports": [{"internal": 1, "extrenal": 1}]}, "ports", "[0].extrenal: no such property; known are internal, external"),
        ({"restart": "sometimes"}, "restart", "must be one of no, on-failure, always, unless-stopped"),
        ({"memory": "64M"}, "memory", "must be a whole number"),
        ({"healthcheck": {"interval": "10"}}, "healthcheck", "interval: must be a duration"),
        ({"uploads": [{"file": "a", "content": "x"}]}, "uploads", "[0].file: must be an absolute path"),
        ({"uploads": [{"file": "/a"}]}, "uploads[0]", "needs exactly one of content, contentBase64, source"),
        ({"uploads": [{"file": "/a", "content": "x", "source": "y"}]}, "uploads[0]", "has content and source"),
        ({"uploads": [{"file": "/a", "contentBase64": "&"}]}, "uploads[0].contentBase64", "is not base64"),
        ({"uploads": [{"file": "/a", "content": "x", "permissions": "644"}]}, "uploads", "four octal digits"),
        ({"uploads": [{"file": "/a", "content": "x"}], "readOnly": True}, "uploads", "root is read-only"),
        ({"uploads": UNKNOWN, "readOnly": True}, "uploads", "root is read-only"),
        ({"memory": 64, "memorySwap": 32}, "memorySwap", "at least memory (64), not 32"),
        ({"memorySwap": 32}, "memorySwap", "needs memory as well"),
        ({"maxRetryCount": 3}, "maxRetryCount", 'goes with restart "on-failure" only'),
        ({"rm": True, "restart": "always"}, "rm", "cannot restart"),
        ({"mounts": [{"type": "bind", "source": "data", "target": "/d"}]}, "mounts[0].source", "absolute path on the engine's host"),
        ({"mounts": [{"type": "tmpfs", "source": "x", "target": "/d"}]}, "mounts[0].source", "a tmpfs mount has no source"),
        ({"volumes": [{"volumeName": "v"}]}, "volumes[0]", "needs either containerPath or fromContainer"),
    ],
)
def test_bad_inputs(inputs: Properties, where: str, what: str) -> None:
    assert what in reasons(inputs)[where]


def test_upload_contents_are_never_quoted() -> None:
    for upload in (
        {"file": "/a", "content": "hunter2", "source": "/x"},
        {"file": "/a", "contentBase64": "hunter2&"},
        {"content": "hunter2"},
    ):
        found = reasons({"uploads": [upload]})
        assert found
        assert "hunter2" not in str(found)


def test_a_missing_name_and_image_are_reported_together() -> None:
    assert {failure.property for failure in check_container({})[1]} == {"name", "image"}


# What the engine is sent


def test_create_body() -> None:
    body = create_body(
        settings(
            CONTAINER,
            MINIMUM
            | {
                "memory": 64,
                "shmSize": 32,
                "cpus": "1.5",
                "ports": [{"internal": 80, "external": 8080}, {"internal": 80, "ip": "::1"}, {"internal": 53, "protocol": "udp"}],
                "labels": [{"label": "a", "value": "b"}],
                "hosts": [{"host": "h", "ip": "::1"}],
                "healthcheck": {"tests": ["CMD", "x"], "interval": "1m30s", "retries": 3},
                "volumes": [
                    {"volumeName": "v", "containerPath": "/v", "readOnly": True},
                    {"containerPath": "/anonymous"},
                    {"fromContainer": "c"},
                ],
                "mounts": [{"type": "volume", "source": "v", "target": "/m", "readOnly": True, "volumeOptions": {"noCopy": True}}],
                "securityOpts": ["no-new-privileges:true", "systempaths=unconfined"],
            },
        )
    )
    host = body["HostConfig"]
    assert body["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert host["PortBindings"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::1", "HostPort": "0"}],  # noqa: S104 - the vendor's default
        "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "0"}],  # noqa: S104
    }
    assert body["Labels"] == {"a": "b"}
    assert body["Healthcheck"]["Interval"] == 90 * 10**9
    assert body["Volumes"] == {"/v": {}, "/anonymous": {}}
    assert host["Binds"] == ["v:/v:ro"]
    assert host["VolumesFrom"] == ["c"]
    assert host["Mounts"][0]["VolumeOptions"] == {"NoCopy": True, "Labels": {}}
    assert host["ExtraHosts"] == ["h:::1"]
    assert (host["Memory"], host["ShmSize"], host["NanoCpus"]) == (64 * 2**20, 32 * 2**20, 1_500_000_000)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["MaskedPaths"] == host["ReadonlyPaths"] == []
    assert host["NetworkMode"] == "bridge"
    assert "MemorySwap" not in host
    assert "Cmd" not in body


def test_an_update_moves_the_swap_limit_along() -> None:
    assert update_body(settings(CONTAINER, MINIMUM | {"memory": 128}))["MemorySwap"] == 256 * 2**20
    assert update_body(settings(CONTAINER, MINIMUM | {"memory": 128, "memorySwap": 128}))["MemorySwap"] == 128 * 2**20
    assert update_body(settings(CONTAINER, MINIMUM | {"memory": 128, "memorySwap": -1}))["MemorySwap"] == -1


def test_endpoint() -> None:
    assert endpoint({"name": "n", "aliases": ["a"], "ipv4Address": "10.0.0.2", "driverOpts": ["x=y=z"]}) == {
        "Aliases": ["a"],
        "IPAMConfig": {"IPv4Address": "10.0.0.2"},
        "DriverOpts": {"x": "y=z"},
    }


def test_network_body_refuses_a_second_network_of_the_name() -> None:
    body = network_body(settings(NETWORK, {"name": "net", "ipamConfigs": [{"subnet": "10.1.0.0/24"}]}))
    assert body["CheckDuplicate"] is True
    assert body["IPAM"] == {"Driver": "default", "Options": {}, "Config": [{"Subnet": "10.1.0.0/24"}]}


# What the engine says


def inspected(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of the engine's answer
    """An `inspect` answer of engine 20.10 for a container that was given little."""
    return {
        "Id": "c" * 64,
        "Name": "/web",
        "Image": "sha256:" + "a" * 64,
        "Platform": "linux",
        "State": {"Running": True, "Restarting": False, "ExitCode": 0, "Status": "running"} | changes.get("state", {}),
        "Config": {
            "Image": "web:1",
            "Hostname": "cccccccccccc",
            "Domainname": "",
            "Cmd": ["run"],
            "Entrypoint": None,
            "User": "",
            "WorkingDir": "",
            "Tty": False,
            "OpenStdin": False,
            "Env": ["PATH=/bin"],
            "Labels": {"from": "image"},
        }
        | changes.get("config", {}),
        "HostConfig": {
            "AutoRemove": False,
            "ReadonlyRootfs": False,
            "Privileged": False,
            "PublishAllPorts": False,
            "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
            "Init": False,
            "NetworkMode": "bridge",
            "SecurityOpt": None,
            "CapAdd": None,
            "CapDrop": None,
            "LogConfig": {"Type": "json-file", "Config": {}},
            "Memory": 0,
            "MemorySwap": 0,
            "ShmSize": 64 * 2**20,
            "IpcMode": "private",
            "Runtime": "runc",
            "ExtraHosts": None,
            "Mounts": None,
        }
        | changes.get("host", {}),
        "NetworkSettings": {
            "Bridge": "",
            "Ports": changes.get("ports", {}),
            "Networks": {
                "bridge": {"IPAddress": "172.17.0.2", "IPPrefixLen": 16, "Gateway": "172.17.0.1", "MacAddress": "02:42:ac:11:00:02"}
            },
        },
    }


def state_of(inputs: Properties, **changes: Any) -> Properties:  # noqa: ANN401
    return container_state(inspected(**changes), settings(CONTAINER, MINIMUM | inputs))


CREATED: list[tuple[Properties, dict[str, Any]]] = [
    ({}, {}),
    ({"memory": 64}, {"host": {"Memory": 64 * 2**20, "MemorySwap": 128 * 2**20}}),
    ({"memory": 64}, {"host": {"Memory": 64 * 2**20, "MemorySwap": -1}}),
    ({"memory": 64, "memorySwap": 64}, {"host": {"Memory": 64 * 2**20, "MemorySwap": -1}}),
    ({"memory": 64, "memorySwap": 96}, {"host": {"Memory": 64 * 2**20, "MemorySwap": 96 * 2**20}}),
    ({"capabilities": {"adds": ["chown"], "drops": ["ALL"]}}, {"host": {"CapAdd": ["CAP_CHOWN"], "CapDrop": ["ALL"]}}),
    (
        {"healthcheck": {"tests": ["CMD", "x"], "interval": "60s"}},
        {"config": {"Healthcheck": {"Test": ["CMD", "x"], "Interval": 60 * 10**9}}},
    ),
    ({"ports": [{"internal": 80}]}, {"ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}], "443/tcp": None}}),  # noqa: S104
    (
        {"ports": [{"internal": 81, "external": 1}, {"internal": 80, "external": 2, "ip": ""}]},
        {"ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "2"}], "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "1"}]}},  # noqa: S104
    ),
    ({"hosts": [{"host": "h", "ip": "fe80::1"}]}, {"host": {"ExtraHosts": ["h:fe80::1"]}}),
    ({"networkMode": "bridge"}, {"host": {"NetworkMode": "default"}}),
    ({"securityOpts": ["systempaths=unconfined"]}, {"host": {"MaskedPaths": [], "ReadonlyPaths": []}}),
    ({"image": "sha256:" + "a" * 64}, {}),
    ({"cpus": "0.50"}, {"host": {"NanoCpus": 500_000_000}}),
    (
        {"mounts": [{"type": "volume", "source": "v", "target": "/v"}]},
        {"host": {"Mounts": [{"Type": "volume", "Source": "v", "Target": "/v", "VolumeOptions": {}}]}},
    ),
    ({"tmpfs": {"/t": "size=1m"}, "sysctls": {"a.b": 1}}, {"host": {"Tmpfs": {"/t": "size=1m"}, "Sysctls": {"a.b": "1"}}}),
    ({"logOpts": {"max-size": "1m"}}, {"host": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}}),
    ({}, {"host": {"LogConfig": {"Type": "json-file", "Config": {"max-size": "from-daemon"}}}}),
]


@pytest.mark.parametrize(("inputs", "changes"), CREATED)
def test_what_was_just_made_has_no_difference_and_no_drift(inputs: Properties, changes: dict[str, Any]) -> None:
    inputs = MINIMUM | inputs
    state = state_of(inputs, **changes)
    assert container_diff(state, inputs, inputs).changes == {}
    again = container_state(inspected(**changes), state)
    assert again == state
    assert refreshed_inputs(CONTAINER, inputs, again) == inputs


def test_the_number_that_the_engine_chose_for_a_port_is_an_output() -> None:
    ports = {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "49153"}]}  # noqa: S104
    assert state_of({"ports": [{"internal": 80}]}, ports=ports)["ports"][0]["external"] == 49153


def test_outputs_that_only_the_engine_knows() -> None:
    state = state_of({})
    assert state["networkDatas"] == [
        {
            "networkName": "bridge",
            "ipAddress": "172.17.0.2",
            "ipPrefixLength": 16,
            "gateway": "172.17.0.1",
            "globalIpv6Address": "",
            "globalIpv6PrefixLength": 0,
            "ipv6Gateway": "",
            "macAddress": "02:42:ac:11:00:02",
        }
    ]
    assert (state["hostname"], state["command"], state["runtime"], state["shmSize"]) == ("cccccccccccc", ["run"], "runc", 64)
    assert "exitCode" not in state
    assert "envs" not in state, "the image's own environment is not the program's"


def test_a_preview_does_not_invent_what_the_engine_will_say() -> None:
    outputs = preview_outputs(CONTAINER, MINIMUM | {"command": ["x"]}, ("networkDatas",))
    assert outputs["command"] == ["x"]
    assert outputs["restart"] == "no"
    assert outputs["entrypoints"] is outputs["networkDatas"] is UNKNOWN


# Differences


def diff(inputs: Properties, news: Properties, **changes: Any) -> tuple[dict[str, Change], set[str]]:  # noqa: ANN401
    result = container_diff(state_of(inputs, **changes), MINIMUM | inputs, MINIMUM | news)
    assert result.delete_before_replace == bool(result.replaces), "name and ports cannot be held by two containers"
    return dict(result.changes), set(result.replaces)


def test_in_place_and_replacing_changes() -> None:
    assert diff({}, {"restart": "always"}) == ({"restart": Change.UPDATE}, set())
    assert diff({}, {"memory": 64, "cpuShares": 5}) == ({"memory": Change.ADD, "cpuShares": Change.ADD}, set())
    assert diff({}, {"destroyGraceSeconds": 5}) == ({"destroyGraceSeconds": Change.ADD}, set())
    assert diff({"cpuShares": 5}, {}, host={"CpuShares": 5}) == ({"cpuShares": Change.DELETE}, {"cpuShares"}), "cannot be lifted in place"
    assert diff({}, {"image": "web:2"}) == ({"image": Change.UPDATE}, {"image"})
    assert diff({}, {"healthcheck": {"tests": ["CMD", "x"]}}) == ({"healthcheck": Change.ADD}, {"healthcheck"})


def test_a_changed_upload_is_named_and_replaces() -> None:
    old = {"uploads": [{"file": "/a", "content": "1"}, {"file": "/b", "content": "1"}]}
    new = {"uploads": [{"file": "/a", "content": "1"}, {"file": "/b", "content": "2"}]}
    assert diff(old, new) == ({"uploads[1].content": Change.UPDATE}, {"uploads"})
    assert diff(old, {"uploads": old["uploads"][:1]}) == ({"uploads": Change.UPDATE}, {"uploads"})


def test_the_order_of_sets_is_no_difference_and_that_of_lists_is() -> None:
    for name, values in {
        "envs": ["A=1", "B=2"],
        "labels": [{"label": "a", "value": "1"}, {"label": "b", "value": "2"}],
        "uploads": [{"file": "/a", "content": "1"}, {"file": "/b", "content": "2", "executable": False}],
        "networksAdvanced": [{"name": "n", "aliases": ["x", "y"]}, {"name": "m"}],
        "groupAdds": ["1", "2"],
        "securityOpts": ["a", "b"],
    }.items():
        host = {"GroupAdd": ["1", "2"], "SecurityOpt": ["a", "b"]}
        inputs = {"groupAdds": ["1", "2"], "securityOpts": ["a", "b"]}
        assert diff(inputs | {name: values}, inputs | {name: values[::-1]}, host=host) == ({}, set()), name
    assert diff({"command": ["run", "x"]}, {"command": ["x", "run"]}, config={"Cmd": ["run", "x"]})[1] == {"command"}


def test_a_setting_taken_out_of_the_program_is_a_difference() -> None:
    assert diff({"command": ["run"]}, {}) == ({"command": Change.DELETE}, {"command"})
    assert diff({"labels": [{"label": "a", "value": "b"}]}, {}) == ({"labels": Change.DELETE}, {"labels"})


def test_unknown_values_count_as_changed() -> None:
    assert diff({}, {"image": UNKNOWN}) == ({"image": Change.UPDATE}, {"image"})
    changes, replaces = diff({"uploads": [{"file": "/a", "content": "1"}]}, {"uploads": [{"file": "/a", "content": UNKNOWN}]})
    assert (changes, replaces) == ({"uploads[0].content": Change.UPDATE}, {"uploads"})


def test_a_container_that_stopped_is_replaced() -> None:
    stopped = {"Running": False, "ExitCode": 137, "Status": "exited"}
    state = container_state(inspected(state=stopped), state_of({}))
    assert (state["mustRun"], state["exitCode"]) == (False, 137)
    result = container_diff(state, MINIMUM, MINIMUM)
    assert (dict(result.changes), result.replaces, result.drifted) == ({"mustRun": Change.UPDATE}, {"mustRun"}, {"mustRun"})
    assert diff({"mustRun": False}, {"mustRun": False}, state=stopped) == ({}, set())
    assert diff({"mustRun": False}, {}, state=stopped) == ({"mustRun": Change.UPDATE}, set()), (
        "asked to run by the program: started in place"
    )


def test_a_half_created_container_is_replaced() -> None:
    state = half_created(state_of({}))
    result = container_diff(state, MINIMUM, MINIMUM)
    assert (dict(result.changes), result.replaces) == ({"networkDatas": Change.ADD}, {"networkDatas"})


def test_state_of_the_vendors_plugin_is_no_difference() -> None:
    """What pulumi-docker 5.2.0 keeps: all defaults, zero values, CAP_ names, durations as Go prints them, sets in another order."""
    inputs = MINIMUM | {
        "envs": ["B=1", "A=2"],
        "memory": 64,
        "capabilities": {"drops": ["ALL"], "adds": ["CHOWN"]},
        "healthcheck": {"tests": ["CMD", "x"], "interval": "60s"},
        "ports": [{"internal": 80, "external": 8080}],
        "uploads": [{"file": "/a", "content": "x"}],
    }
    vendor = state_of(inputs, host={"Memory": 64 * 2**20, "MemorySwap": 128 * 2**20}) | {
        "attach": False,
        "logs": False,
        "privileged": False,
        "cpuShares": 0,
        "memorySwap": 128,
        "envs": ["A=2", "B=1"],
        "cgroupnsMode": "",
        "tmpfs": {},
        "storageOpts": {},
        "capabilities": {"drops": ["ALL"], "adds": ["CAP_CHOWN"]},
        "healthcheck": {
            "tests": ["CMD", "x"],
            "interval": "1m0s",
            "timeout": "0s",
            "startPeriod": "0s",
            "startInterval": "0s",
            "retries": 0,
        },
        "ports": [{"internal": 80, "external": 8080, "ip": "0.0.0.0", "protocol": "tcp"}],  # noqa: S104
        "uploads": [
            {"file": "/a", "content": "x", "contentBase64": "", "executable": False, "permissions": "", "source": "", "sourceHash": ""}
        ],
    }
    assert container_diff(vendor, inputs, inputs).changes == {}


# Volumes and networks

VOLUME_ANSWER = {"Name": "v", "Driver": "local", "Options": None, "Labels": {"a": "1"}, "Mountpoint": "/var/lib/docker/volumes/v/_data"}
NETWORK_ANSWER = {
    "Id": "n" * 64,
    "Name": "net",
    "Driver": "bridge",
    "Options": {},
    "Internal": False,
    "Attachable": False,
    "Ingress": False,
    "EnableIPv6": False,
    "Labels": {},
    "Scope": "local",
    "IPAM": {"Driver": "default", "Options": {}, "Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.1"}]},
}


def test_a_volume_has_no_drift_with_either_plugins_state() -> None:
    inputs = {"name": "v", "labels": [{"label": "a", "value": "1"}]}
    ours = volume_state(VOLUME_ANSWER, settings(VOLUME, inputs))
    vendors = ours | {"driverOpts": {}}
    for state in (ours, vendors):
        assert differences(VOLUME, state, inputs, inputs) == {}
        assert volume_state(VOLUME_ANSWER, state) == state
    assert differences(VOLUME, ours, inputs, {"name": "v"}) == {"labels": Change.DELETE}


def test_a_network_has_no_drift_with_either_plugins_state() -> None:
    inputs = {"name": "net"}
    ours = network_state(NETWORK_ANSWER, settings(NETWORK, inputs))
    vendors = ours | {"ipamOptions": {}, "attachable": False, "ingress": False, "ipv6": False, "labels": []}
    for state in (ours, vendors):
        assert differences(NETWORK, state, inputs, inputs) == {}
        assert network_state(NETWORK_ANSWER, state) == state
    assert differences(NETWORK, ours, inputs, inputs | {"ipamConfigs": [{"subnet": "172.18.0.0/16"}]}) == {}
    assert differences(NETWORK, ours, inputs, inputs | {"ipamConfigs": [{"subnet": "10.0.0.0/16"}]}) == {"ipamConfigs": Change.UPDATE}
    assert differences(NETWORK, ours, inputs, inputs | {"internal": True}) == {"internal": Change.UPDATE}


# Durations


@given(some.integers(min_value=0, max_value=10**15))
def test_durations_survive_the_spelling_of_go(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0s"), (60 * 10**9, "1m0s"), (90 * 10**9, "1m30s"), (1_500_000_000, "1.5s"), (250 * 10**6, "250ms"), (3600 * 10**9, "1h0m0s")],
)
def test_durations_as_go_prints_them(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text


@pytest.mark.parametrize("text", ["10", "s", "1 s", "1m-3s", "-1s", "1d"])
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None
    assert Duration().problems("d", text)
