"""The pack on the real engine: it passes the program with all its variants, and refuses bad stacks before anything is created."""

import json
import re
from collections.abc import Iterator

import pytest

from policies.catalog import RULES
from tests.blackbox.docker_host import leftovers, remove_leftovers
from tests.certificates import make_ca, make_pair
from tests.engine.checkout import Checkout
from tests.engine.deployment import Deployment, images_setting, settings_for
from tests.policies.case import CANARY
from tests.policies.projects import Project
from tests.ports import free_port
from tests.storage.test_examples import PREVIEW, settings_of

pytestmark = [pytest.mark.engine, pytest.mark.docker]

PACK = ("--policy-pack", "policies")
PASSED = re.compile(r"✅ private-registry@v\d")
TITLE = {rule.id: rule.title for rule in RULES}
FIX = {rule.id: rule.fix for rule in RULES}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.copy(tmp_path_factory.mktemp("policies"))


@pytest.fixture(scope="module")
def running(checkout: Checkout) -> Iterator[Deployment]:
    """A deployed stack: of its variants nearly everything is known at a preview, so that the rules decide."""
    deployment = Deployment(checkout, "t-hpmain", settings_for())
    deployment.remove()
    deployment.create()
    try:
        yield deployment
    finally:
        deployment.remove()


def assert_no_violation(text: str) -> None:
    """Raises AssertionError unless the pack ran and found nothing."""
    assert "private-registry@v" in text, f"the pack did not run:\n{text}"
    lines = [line for line in text.splitlines() if "[mandatory]" in line or "[advisory]" in line]
    assert not [line for line in lines if "undecided" not in line], text


def test_a_new_stack_passes_and_what_waits_is_decided_by_the_update(running: Deployment) -> None:
    done = running.up(*PACK)
    assert_no_violation(done.text)
    assert "undecided" not in done.text, "while the update runs every value is known"
    again = running.preview(*PACK)
    assert PASSED.search(again.text)
    assert not [secret for secret in running.secrets() if secret in done.text + again.text]


def test_registry_2_without_cache_and_with_a_redirect_port_passes(running: Deployment) -> None:
    """More variants are in test_our_services.py, without the engine."""
    before = running.settings
    running.write(images=images_setting(2), cache="none", replicas=1, redirectPort=free_port())
    try:
        preview = running.preview(*PACK)
    finally:
        running.settings = before
        running.write()
    assert_no_violation(preview.text)


def test_a_supplied_certificate_and_password_pass(running: Deployment) -> None:
    before, ca = running.settings, make_ca()
    pair = make_pair("localhost", ca=ca)
    running.write(
        tls={"mode": "provided", "certificate": pair.certificate, "caCertificate": ca.certificate}, auth={"users": [{"name": "admin"}]}
    )
    running.set_secret("tls.privateKey", pair.key)
    running.set_secret("auth.users[0].password", "chosen by a person")
    try:
        preview = running.preview(*PACK)
    finally:
        running.settings = before
        running.write()
    assert_no_violation(preview.text)
    assert "undecided" not in preview.text, "all of it is known, the certificate's file too"


@pytest.mark.parametrize("stack", ["s3", "azure-blob", "s3-compatible"])
def test_the_example_stacks_pass(checkout: Checkout, stack: str) -> None:
    settings = settings_of(stack)
    # The example's Docker host is nobody's.
    settings.pop("docker")
    deployment = Deployment(checkout, f"t-hp{stack}", {**settings, "images": images_setting()})
    deployment.create()
    if stack == "s3-compatible":
        deployment.write(s3={**settings["s3"], "endpoint": "http://172.17.0.1:9000"})
        deployment.set_secret("s3.secretAccessKey", "of-a-local-server")
    assert_no_violation(deployment.preview(*PACK, env=PREVIEW).text)
    assert not leftovers(deployment.name)


PLAIN_NGINX = "events {} http { server { listen 80; location / { proxy_pass http://registry:5000; } } }"

BAD = {
    "TLS switched off": (
        """
        docker.Container("edge", name=f"{PREFIX}-edge", image="nginx:1.28.0-alpine",
            ports=[{"internal": 80, "external": 8080}],
            uploads=[{"file": "/etc/nginx/nginx.conf", "source": "nginx.conf"}])
        docker.Container("registry", name=f"{PREFIX}-registry", image="registry:2.8.3",
            uploads=[{"file": "/auth/htpasswd", "content": HTPASSWD}],
            envs=["REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=r", "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd"])
        """,
        {"nginx-listens-with-tls": "edge", "registry-has-tls-edge": "registry"},
    ),
    "authentication off": (
        """
        docker.Container("registry", name=f"{PREFIX}-registry", image="registry:3.1.2",
            ports=[{"internal": 5000, "external": 5000}],
            uploads=[{"file": "/etc/distribution/config.yml", "content": '''
        version: 0.1
        storage: {filesystem: {rootdirectory: /var/lib/registry}}
        http: {addr: ":5000", tls: {certificate: /certs/tls.crt, key: /certs/tls.key}}
        '''}])
        """,
        {"registry-requires-authentication": "registry"},
    ),
    "a published registry port": (
        """
        image = docker.RemoteImage("registry", name="registry:2.8.3", keep_locally=True)
        docker.Container("registry", name=f"{PREFIX}-registry", image=image.image_id,
            ports=[{"internal": 5000, "external": 5000}],
            uploads=[{"file": "/auth/htpasswd", "content": HTPASSWD}],
            envs=["REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=r", "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd"])
        """,
        {"registry-port-not-published": "registry"},
    ),
}


def said_about(text: str, rule: str, resource: str) -> str:
    """What pulumi printed about a violation: its line, and those below that belong to it."""
    match = re.search(rf"^\s*- \[mandatory\]  {rule}  \([\w:]+: {resource}\)\n((?:\s{{10,}}.*\n)+)", text, re.MULTILINE)
    assert match, f"{rule} on {resource} is not refused:\n{text}"
    return match[0]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_stack_is_refused_before_anything_is_created(checkout: Checkout, name: str) -> None:
    program, wanted = BAD[name]
    stack = f"t-hpbad{list(BAD).index(name)}"
    project = Project.write(checkout, stack, program)
    (project.folder / "nginx.conf").write_text(PLAIN_NGINX)
    try:
        done = project.up()
        assert done.code != 0, done.text
        for rule, resource in wanted.items():
            said = said_about(done.text, rule, resource)
            assert TITLE[rule] in said
            assert f"{resource}: " in said
            assert FIX[rule] in said
        assert not leftovers(f"registry-{stack}")
        state = json.loads(project.pulumi("stack", "export", "--stack", stack).out)["deployment"]
        assert not state.get("resources"), "nothing may have been created"
    finally:
        remove_leftovers(f"registry-{stack}")


HARMLESS = """
docker.Container("registry", name=f"{PREFIX}-registry", image="registry:2.8.3",
    ports=[{"internal": 5000, "external": 5000, "ip": "127.0.0.1"}],
    uploads=[{"file": "/auth/htpasswd", "content": HTPASSWD}],
    envs=["REGISTRY_AUTH=htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM=r", "REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd",
        "REGISTRY_HTTP_SECRET=CANARY-7f3a"])
"""


def test_levels_parameters_and_exemptions_come_from_the_policy_config(checkout: Checkout) -> None:
    project = Project.write(checkout, "t-hpconfig", HARMLESS)
    config = project.folder / "Policies.json"
    with_config = ("--policy-pack-config", str(config))

    config.write_text(json.dumps({"registry-port-not-published": {"exemptions": [{"resource": "registry"}]}}))
    refused = project.preview(*with_config)
    assert refused.code != 0
    assert "reason is required" in refused.text
    assert "registry-port-not-published" in refused.text

    config.write_text(
        json.dumps(
            {
                "registry-port-not-published": {"exemptions": [{"resource": "reg*", "reason": "this machine only"}]},
                "container-memory-limit": "disabled",
                "container-health-check": {"enforcementLevel": "mandatory", "exemptions": []},
            }
        )
    )
    done = project.preview(*with_config)
    assert done.code != 0, "the health check is mandatory here"
    assert "exempted (this machine only)" in done.text
    assert "[mandatory]  container-health-check" in done.text
    assert "[mandatory]  registry-port-not-published" not in done.text
    assert "container-memory-limit" not in done.text
    assert "registry-http-secret-long" in done.text
    assert "container-no-plain-secrets" in done.text
    assert CANARY not in done.text
