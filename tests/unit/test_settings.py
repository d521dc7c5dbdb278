"""Every rule of a stack file, good and bad, and how a bad one is reported."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.load import parse
from components.settings.model import MAX_REPLICAS, Settings, major_of
from components.settings.problems import SettingsError
from tests.certificates import Pair, make_ca, make_pair

HOST = {"hostname": "registry.example.com"}


def problems_of(values: dict[str, Any], encrypted: frozenset[str] | None = None) -> list[str]:
    """The reported lines for a stack file with these values."""
    with pytest.raises(SettingsError) as caught:
        parse(values, frozenset(values) if encrypted is None else encrypted, "Pulumi.test.yaml")
    return str(caught.value).splitlines()[1:]


def one_problem(values: dict[str, Any]) -> str:
    lines = problems_of({**HOST, **values})
    assert len(lines) == 1, f"one mistake is one line, got: {lines}"
    return lines[0]


def good(**values: object) -> Settings:
    return parse({**HOST, **values}, frozenset(values), "Pulumi.test.yaml")


def test_a_hostname_is_all_that_a_stack_must_say() -> None:
    settings = good()
    assert (settings.platform, settings.storage, settings.cache, settings.replicas, settings.port) == (
        "docker",
        "filesystem",
        "redis",
        2,
        443,
    )
    assert [user.name for user in settings.auth.users] == ["admin"]
    assert settings.allow_destroy is False, "images are kept unless somebody says otherwise"
    assert settings.registry_major == 3


def test_scalars_arrive_as_text_the_way_pulumi_stores_them() -> None:
    settings = good(port="8443", replicas="3", allowDestroy="true")
    assert (settings.port, settings.replicas, settings.allow_destroy) == (8443, 3, True)


def test_all_problems_are_reported_at_once() -> None:
    lines = problems_of(
        {
            "hostname": "https://registry.example.com/",
            "port": "70000",
            "replica": "2",
            "cache": "memcached",
            "platform": "gcp",
            "allowDestroy": "perhaps",
            "tls": {"mode": "none", "validityDays": "long"},
            "auth": {"users": [{"name": "admin"}, {"name": "Bad Name"}, {}]},
            "images": {"registry": "registry:latest"},
        }
    )
    keys = [line.split(":")[0].split(" = ")[0].strip() for line in lines]
    assert sorted(keys) == sorted(
        [
            "hostname",
            "port",
            "replica",
            "cache",
            "platform",
            "allowDestroy",
            "tls.mode",
            "tls.validityDays",
            "auth.users[1].name",
            "auth.users[2].name",
            "images.registry",
        ]
    )
    assert all("Fix: " in line for line in lines), "a problem without a remedy leaves the reader alone"


def test_the_headline_names_the_file_and_counts() -> None:
    with pytest.raises(SettingsError, match=r"^Pulumi\.test\.yaml has 2 problems:\n"):
        parse({"hostname": "-", "port": "0"}, frozenset(), "Pulumi.test.yaml")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"port": "0"}, "port = 0: must be greater than or equal to 1. Fix: pulumi config set private-registry:port 1"),
        ({"port": "65536"}, "port = 65536: must be less than or equal to 65535. Fix: pulumi config set private-registry:port 65535"),
        ({"port": "https"}, "port = https: must be a whole number. Fix: pulumi config set private-registry:port 443"),
        ({"replicas": "0"}, "replicas = 0: must be greater than or equal to 1"),
        ({"replicas": str(MAX_REPLICAS + 1)}, f"must be less than or equal to {MAX_REPLICAS}"),
        ({"cache": "memcached"}, "cache = memcached: must be none, inmemory or redis"),
        ({"platform": "gcp"}, "platform = gcp: must be docker or aws. Fix: pulumi config set private-registry:platform docker"),
        ({"storage": "nfs"}, "storage = nfs: must be filesystem, s3 or azure"),
        ({"allowDestroy": "perhaps"}, "must be true or false. Fix: pulumi config set private-registry:allowDestroy false"),
        ({"name": "Registry"}, "name = Registry: must be 2 to 40 lower-case letters"),
        ({"replica": "2"}, "replica: unknown key, did you mean replicas?. Fix: rename it to replicas"),
        ({"zzz": "2"}, "zzz: unknown key, known here: allowDestroy, auth, aws, azureBlob, cache"),
        ({"tls": {"mod": "provided"}}, "did you mean tls.mode?"),
        ({"tls": "on"}, "tls = on: must be a group of keys"),
        ({"tls": {"validityDays": 900}}, "tls.validityDays = 900: must be less than or equal to 825"),
        ({"tls": {"validityDays": 30, "renewBeforeDays": 30}}, "tls: renewBeforeDays must be less than validityDays"),
        ({"tls": {"extraNames": ["http://x"]}}, "tls.extraNames[0] = http://x: must be a DNS name"),
        ({"tls": {"mode": "provided"}}, "tls: mode provided needs certificate and privateKey"),
        ({"tls": {"certificate": "x"}}, "tls: certificate would be ignored with mode private-ca"),
        ({"auth": {"users": []}}, "auth: users needs at least one account"),
        ({"auth": {"users": [{"name": "a"}, {"name": "a"}]}}, "auth: users has a more than once"),
        ({"auth": {"users": [{"name": "a:b"}]}}, "auth.users[0].name = a:b: must be 1 to 64"),
        ({"auth": {"mode": "none"}}, "auth.mode = none: must be htpasswd"),
        ({"auth": {"users": [{"name": "a", "password": "long-enough-1", "rotation": "2"}]}}, "rotation changes generated passwords only"),
        ({"images": {"edge": "nginx"}}, "images.edge = nginx: must name a version"),
        ({"images": {"redis": "redis:latest"}}, "must not be latest"),
        ({"images": {"config": "Bad Image:1"}}, "must be an image reference"),
        ({"images": {"registry": "example.com/registry:prod"}}, "does not say its major version in its tag"),
        ({"registry": {"logLevel": "loud"}}, "registry.logLevel = loud: must be error, warn, info or debug"),
        ({"registry": {"majorVersion": 4}}, "registry.majorVersion = 4: must be 2 or 3"),
        ({"docker": {"host": "build.example.com"}}, "docker.host = build.example.com: must be unix://"),
        ({"docker": {"sshOptions": ["-v"]}}, "docker: sshOptions needs a host that begins with ssh://"),
        ({"docker": {"bindAddress": "eth0"}}, "docker.bindAddress = eth0: must be an IP address"),
        ({"cache": "inmemory"}, "cache inmemory with more than one replica"),
        ({"redirectPort": "443"}, "redirectPort must differ from port (443)"),
    ],
)
def test_a_bad_value_is_named_with_its_rule_and_remedy(values: dict[str, Any], expected: str) -> None:
    assert expected in one_problem(values)


@pytest.mark.parametrize(
    "hostname",
    ["https://a.example.com", "a.example.com:443", "a b", "-a.example.com", "a..b", "300.1.1.1", "", "a" * 64, "x." * 130 + "com"],
)
def test_a_bad_hostname_is_refused(hostname: str) -> None:
    assert problems_of({"hostname": hostname})[0].strip().startswith("hostname")


@pytest.mark.parametrize("hostname", ["localhost", "registry", "registry.example.com", "10.0.0.1", "::1", "xn--bcher-kva.example"])
def test_a_good_hostname_is_taken(hostname: str) -> None:
    assert parse({"hostname": hostname}, frozenset(), "x").hostname == hostname


def test_a_missing_hostname_is_reported_with_the_command_that_sets_it() -> None:
    assert problems_of({}) == ["  hostname: is required. Fix: pulumi config set private-registry:hostname <value>"]


@pytest.mark.parametrize(
    ("values", "settings_ok"),
    [
        ({"cache": "inmemory", "replicas": 1}, True),
        ({"cache": "none", "replicas": 16}, True),
        ({"images": {"registry": "registry:2"}}, True),
        ({"images": {"registry": "example.com:5000/mirror/registry:3.1.2"}}, True),
        ({"images": {"registry": "registry@sha256:" + "a" * 64}, "registry": {"majorVersion": 3}}, True),
        ({"docker": {"host": "ssh://deploy@host:2222", "sshOptions": ["-o", "StrictHostKeyChecking=yes"]}}, True),
        ({"redirectPort": 80}, True),
    ],
)
def test_good_combinations_are_taken(values: dict[str, Any], settings_ok: bool) -> None:
    assert isinstance(good(**values), Settings) is settings_ok


@pytest.mark.parametrize(
    ("image", "major"),
    [
        ("registry:2", 2),
        ("registry:2.8.3", 2),
        ("registry:3.1.2", 3),
        ("registry:v3", 3),
        ("registry:3-alpine", 3),
        ("offline/registry:2.8.3", 2),
        ("example.com:3/registry", None),
        ("registry:31", None),
        ("registry@sha256:" + "3" * 64, None),
    ],
)
def test_the_major_version_is_read_from_the_tag(image: str, major: int | None) -> None:
    assert major_of(image) == major


@pytest.mark.parametrize("password", ["short", "x" * 73])
def test_a_bad_password_is_refused_and_never_shown(password: str) -> None:
    line = one_problem({"auth": {"users": [{"name": "admin", "password": password}]}})
    assert "auth.users[0].password: must have at" in line and "--secret" in line
    assert password not in line


SECRET_PATHS = [
    ({"auth": {"users": [{"name": "a", "password": "canary-0123456789"}]}}, "auth.users[0].password"),
    ({"tls": {"mode": "provided", "certificate": "x", "privateKey": "canary-0123456789"}}, "tls.privateKey"),
]


@pytest.mark.parametrize(("values", "key"), SECRET_PATHS)
def test_a_secret_in_plain_text_is_refused_and_never_shown(values: dict[str, Any], key: str) -> None:
    lines = problems_of({**HOST, **values}, encrypted=frozenset())
    assert any(line.strip().startswith(f"{key}: is a secret but stands in the stack file in plain text") for line in lines)
    assert "canary" not in "".join(lines)


@pytest.mark.parametrize(("values", "key"), SECRET_PATHS)
def test_no_message_shows_a_secret_whatever_else_is_wrong(values: dict[str, Any], key: str) -> None:
    del key
    lines = problems_of({**HOST, **values, "port": "no", "zzz": "1"})
    assert "canary" not in "".join(lines)


def test_settings_do_not_print_their_secrets() -> None:
    settings = good(auth={"users": [{"name": "a", "password": "canary-0123456789"}]})
    assert "canary" not in repr(settings) and "canary" not in str(settings)


def test_a_provided_certificate_is_checked_with_the_other_settings() -> None:
    ca: Pair = make_ca()
    pair = make_pair("other.example.com", ca=ca)
    lines = problems_of({**HOST, "tls": {"mode": "provided", "certificate": pair.certificate, "privateKey": make_pair("x", ca=ca).key}})
    assert len(lines) == 2
    assert any("tls.certificate: is not valid for hostname registry.example.com but for other.example.com" in line for line in lines)
    assert any("tls.privateKey: does not belong to tls.certificate" in line for line in lines)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KNOWN = st.sampled_from([field.alias or name for name, field in Settings.model_fields.items()])


@given(st.dictionaries(KNOWN | st.text(min_size=1, max_size=8), JSON, max_size=6))
def test_whatever_stands_in_a_stack_file_gives_settings_or_readable_problems(values: dict[str, Any]) -> None:
    try:
        parse(values, frozenset(), "Pulumi.test.yaml")
    except SettingsError as error:
        assert error.problems
        for problem in error.problems:
            assert "\n" not in problem.rule and problem.remedy
            assert "Traceback" not in problem.line()
