"""What a fleet in AWS is made of. Mocks stand in for the engine and AWS: nothing here has run against AWS (docs/aws.md)."""

import base64
import hashlib
import io
import ipaddress
import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from bundle.markers import SECRET_KEYS
from bundle.user_data import LIMIT_BYTES
from components.hosts.aws.group import BOOT_SECONDS, one_more
from components.hosts.aws.names import LOAD_BALANCER, REPLICATION_GROUP, limited
from components.hosts.aws.network import quarters
from components.hosts.aws.session_manager import agent_url, install_command
from components.settings.aws import Architecture
from stack.operations import ops_command
from tests.unit.engine_mocks import Recorded, Run, is_secret_input, run_program
from tests.unit.test_aws_settings import CERTIFICATE, KEY, PUBLIC, SUBNETS, TOPIC, acm, existing, fleet

NAME = "registry-test"


@pytest.fixture(scope="module")
def run() -> Run:
    return run_program(fleet(nat="one", internetFacing=True))


@pytest.fixture(scope="module")
def full() -> Run:
    """With everything that is optional."""
    return run_program(
        acm(
            internetFacing=True,
            nat="perZone",
            kmsKey=KEY,
            alarmTopicArn=TOPIC,
            route53ZoneId="Z0123456789ABCDEFGHIJ",
            permissionsBoundaryArn="arn:aws:iam::123456789012:policy/boundary",
            bucket={"kmsKey": KEY},
            top={"tls": {"mode": "acm"}, "hosts": "4"},
        )
    )


def one(run: Run, suffix: str, name: str = NAME) -> Recorded:
    return run.mocks.one(suffix, name)


def template_of(run: Run) -> dict[str, Any]:
    (found,) = run.mocks.of_type(":LaunchTemplate")
    return found.inputs


def user_data_of(run: Run) -> str:
    return base64.b64decode(template_of(run)["userData"]).decode()


def statements(run: Run, policy: str) -> dict[str, dict[str, Any]]:
    return {entry["Sid"]: entry for entry in json.loads(one(run, ":RolePolicy", policy).inputs["policy"])["Statement"]}


def test_a_fleet_hangs_below_the_component_that_made_it(run: Run) -> None:
    assert one(run, "index:AwsFleet").parent.endswith("PrivateRegistry::registry-test")
    for resource in run.mocks.resources:
        if resource.type.startswith("aws:"):
            assert ":index:Aws" in resource.parent or "S3Storage" in resource.parent, f"{resource.type} {resource.name}"


def test_everything_goes_through_one_provider_with_the_tags_of_the_stack(run: Run) -> None:
    (provider,) = run.mocks.of_type("providers:aws")
    assert json.loads(provider.inputs["defaultTags"])["tags"] == {
        "private-registry": NAME,
        "private-registry-stack": "test",
        "private-registry-project": "private-registry",
        "managed-by": "pulumi",
    }
    for resource in run.mocks.resources:
        if resource.type.startswith("aws:"):
            assert "registry-test-aws" in resource.provider, f"{resource.type} {resource.name} goes to another account or region"


def test_nothing_runs_on_a_docker_engine(run: Run) -> None:
    assert not [resource.name for resource in run.mocks.resources if "docker" in resource.type]


# The network


def test_a_new_network_is_cut_into_four_over_two_zones(run: Run) -> None:
    subnets = {subnet.name: subnet.inputs for subnet in run.mocks.of_type(":Subnet")}
    assert {name: (inputs["cidrBlock"], inputs["availabilityZone"]) for name, inputs in subnets.items()} == {
        "registry-test-public-1": ("10.20.0.0/26", "eu-central-1a"),
        "registry-test-public-2": ("10.20.0.64/26", "eu-central-1b"),
        "registry-test-private-1": ("10.20.0.128/26", "eu-central-1a"),
        "registry-test-private-2": ("10.20.0.192/26", "eu-central-1b"),
    }
    assert not any(inputs["mapPublicIpOnLaunch"] for inputs in subnets.values())


def test_a_zone_that_is_missing_for_an_hour_does_not_move_the_network(run: Run) -> None:
    assert {subnet.ignore_changes for subnet in run.mocks.of_type(":Subnet")} == {("availabilityZone",)}


@pytest.mark.parametrize("prefix", [16, 20, 24])
def test_the_quarters_cover_the_network_and_do_not_overlap(prefix: int) -> None:
    network = ipaddress.IPv4Network(f"10.20.0.0/{prefix}")
    parts = [ipaddress.IPv4Network(part) for part in quarters(str(network))]
    assert sum(part.num_addresses for part in parts) == network.num_addresses
    assert not any(a.overlaps(b) for a in parts for b in parts if a is not b)


def test_the_default_security_group_of_a_new_network_lets_nothing_through(run: Run) -> None:
    assert not {"ingress", "egress"} & set(one(run, ":DefaultSecurityGroup").inputs)


@pytest.mark.parametrize(("nat", "gateways"), [("one", 1), ("perZone", 2)])
def test_hosts_have_a_way_out_through_nat(nat: str, gateways: int) -> None:
    found = run_program(fleet(nat=nat))
    assert len(found.mocks.of_type(":NatGateway")) == len(found.mocks.of_type(":Eip")) == gateways
    routes = {route.name: route for route in found.mocks.of_type(":Route")}
    for number in (1, 2):
        gateway = f"registry-test-nat-{number if gateways == 2 else 1}-id"
        assert routes[f"registry-test-private-{number}"].inputs["natGatewayId"] == gateway
    assert routes["registry-test-public"].inputs["gatewayId"] == "registry-test-id"


def test_images_go_to_s3_past_nat(run: Run) -> None:
    endpoint = one(run, ":VpcEndpoint", "registry-test-s3").inputs
    assert (endpoint["vpcEndpointType"], endpoint["serviceName"]) == ("Gateway", "com.amazonaws.eu-central-1.s3")
    assert endpoint["routeTableIds"] == ["registry-test-private-1-id", "registry-test-private-2-id"]


def test_an_existing_network_is_not_touched() -> None:
    found = run_program(existing(internetFacing=True, loadBalancerSubnetIds=PUBLIC))
    made = {resource.type.partition("/")[0] + ":" + resource.type.rpartition(":")[2] for resource in found.mocks.resources}
    assert not made & {f"aws:ec2:{kind}" for kind in ("Vpc", "Subnet", "RouteTable", "NatGateway", "InternetGateway", "VpcEndpoint")}
    assert one(found, ":LoadBalancer").inputs["subnets"] == PUBLIC
    assert one(found, "autoscaling/group:Group").inputs["vpcZoneIdentifiers"] == SUBNETS


@pytest.mark.parametrize(("public", "kind"), [(True, "public"), (False, "private")])
def test_the_load_balancer_is_where_its_clients_are(public: bool, kind: str) -> None:
    balancer = one(run_program(fleet(internetFacing=public)), ":LoadBalancer").inputs
    assert balancer["internal"] is not public
    assert balancer["subnets"] == [f"registry-test-{kind}-1-id", f"registry-test-{kind}-2-id"]


# Who may speak to whom


def _rules(run: Run, kind: str, group: str) -> list[tuple[int, int, str]]:
    """First port, last port and peer of each rule of a group; only DNS has another protocol than TCP."""
    rules = [rule.inputs for rule in run.mocks.of_type(kind) if rule.inputs["securityGroupId"] == f"registry-test-{group}-id"]
    assert all(rule["ipProtocol"] == "tcp" or (rule["ipProtocol"], rule["toPort"]) == ("udp", 53) for rule in rules)
    return [(int(rule["fromPort"]), int(rule["toPort"]), rule.get("cidrIpv4") or rule["referencedSecurityGroupId"]) for rule in rules]


def test_only_https_comes_in_and_only_from_allowed_networks() -> None:
    found = run_program(fleet(allowedCidrs=["203.0.113.0/24", "198.51.100.0/24"]))
    incoming = ":SecurityGroupIngressRule"
    assert _rules(found, incoming, "balancer") == [(443, 443, "203.0.113.0/24"), (443, 443, "198.51.100.0/24")]
    assert _rules(found, incoming, "hosts") == [(443, 443, "registry-test-balancer-id")], "no SSH, and nobody goes around the load balancer"
    assert _rules(found, incoming, "redis") == [(6379, 6379, "registry-test-hosts-id")]


def test_only_what_is_needed_goes_out(run: Run) -> None:
    outgoing = ":SecurityGroupEgressRule"
    assert _rules(run, outgoing, "balancer") == [(443, 443, "registry-test-hosts-id")]
    assert sorted(_rules(run, outgoing, "hosts")) == [
        (80, 80, "0.0.0.0/0"),
        (443, 443, "0.0.0.0/0"),
        (6379, 6379, "registry-test-redis-id"),
    ]
    assert _rules(run, outgoing, "redis") == []


def test_hosts_reach_the_dns_servers_of_an_existing_network() -> None:
    found = _rules(run_program(existing()), ":SecurityGroupEgressRule", "hosts")
    assert found.count((53, 53, "0.0.0.0/0")) == 2, "over TCP and UDP; AWS's own DNS needs no rule"


def test_no_group_has_rules_inside(run: Run) -> None:
    for group in run.mocks.of_type("ec2/securityGroup:SecurityGroup"):
        assert not {"ingress", "egress"} & set(group.inputs), "rules inside and beside a group would remove each other"


# Hosts


def test_the_metadata_service_takes_tokens_only_and_containers_reach_it(run: Run) -> None:
    assert template_of(run)["metadataOptions"] == {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 2}


@pytest.mark.parametrize("key", [None, KEY])
def test_a_hosts_disk_is_encrypted(key: str | None) -> None:
    (disk,) = template_of(run_program(fleet(kmsKey=key, volumeGib=40)))["blockDeviceMappings"]
    assert disk["deviceName"] == "/dev/xvda"
    assert disk["ebs"] == {
        "volumeType": "gp3",
        "volumeSize": 40,
        "encrypted": "true",
        "deleteOnTermination": "true",
        **({"kmsKeyId": key} if key else {}),
    }


def test_a_host_has_no_public_address_and_no_login_key(run: Run) -> None:
    (interface,) = template_of(run)["networkInterfaces"]
    assert interface["associatePublicIpAddress"] == "false"
    assert interface["securityGroups"] == ["registry-test-hosts-id"]
    assert "keyName" not in template_of(run)


def test_what_the_template_makes_is_tagged_like_the_rest(run: Run) -> None:
    found = {entry["resourceType"]: entry["tags"] for entry in template_of(run)["tagSpecifications"]}
    assert set(found) == {"instance", "volume", "network-interface"}
    for labels in found.values():
        assert labels["private-registry"] == NAME and labels["Name"] == "registry-test-host" and labels["managed-by"] == "pulumi"


@pytest.mark.parametrize(("kind", "architecture"), [("t4g.medium", "arm64"), ("t3.medium", "amd64")])
def test_the_image_is_debians_newest_for_the_architecture(kind: str, architecture: str) -> None:
    found = run_program(fleet(instanceType=kind))
    assert found.mocks.parameters == [f"/aws/service/debian/release/13/latest/{architecture}"]
    template = one(found, ":LaunchTemplate", f"registry-test-{architecture}")
    assert template.inputs["imageId"].startswith("ami-") and template.inputs["instanceType"] == kind


@pytest.mark.parametrize(("image", "ignored"), [("kept", ("imageId",)), ("newest", ()), ("ami-0123456789abcdef0", ())])
def test_a_newer_image_replaces_hosts_only_when_asked_to(image: str, ignored: tuple[str, ...]) -> None:
    (template,) = run_program(fleet(image=image)).mocks.of_type(":LaunchTemplate")
    assert template.ignore_changes == ignored
    if image.startswith("ami-"):
        assert template.inputs["imageId"] == image


def test_user_data_says_where_the_bundle_and_the_secret_are_and_nothing_secret(run: Run) -> None:
    text = user_data_of(run)
    assert len(text.encode()) < LIMIT_BYTES
    (boot,) = [file for file in yaml.safe_load(text)["write_files"] if file["path"] == "/etc/private-registry/boot.json"]
    bundle = one(run, ":BucketObjectv2", "registry-test-bundle").inputs
    content = json.loads(boot["content"])
    assert content["bucket"] == "registry-test-config-0f0e0d0"
    assert content["key"] == bundle["key"] == f"bundles/{content['sha256']}.tar.gz"
    assert hashlib.sha256(base64.b64decode(bundle["contentBase64"])).hexdigest() == content["sha256"]
    assert content["secret"] == "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-test-hosts-0f0e0d-AbCdEf"
    assert content["region"] == "eu-central-1"


def test_a_changed_bundle_makes_another_template_and_a_changed_password_does_not(run: Run) -> None:
    before = template_of(run)["userData"]
    assert template_of(run_program(fleet(internetFacing=True, top={"registry": {"logLevel": "debug"}})))["userData"] != before
    users = {"auth": {"users": [{"name": "admin"}, {"name": "ci", "password": "canary-password-0123456789"}]}}
    assert template_of(run_program(fleet(internetFacing=True, top=users)))["userData"] == before, (
        "hosts fetch secrets without being replaced"
    )


# Least privilege


def test_a_host_may_use_its_storage_one_secret_and_the_bundles_and_be_reached(run: Run) -> None:
    policies = run.mocks.of_type(":RolePolicy")
    assert {policy.name for policy in policies} == {"registry-test-images", "registry-test-hosts"}
    assert not run.mocks.of_type("PolicyAttachment"), "managed policies allow more: AmazonSSMManagedInstanceCore reads every parameter"
    storage, own = statements(run, "registry-test-images"), statements(run, "registry-test-hosts")
    assert {entry["Resource"] for entry in storage.values()} == {"arn:aws:s3:::team-images", "arn:aws:s3:::team-images/prod/*"}
    assert own["FetchTheBundle"]["Action"] == "s3:GetObject"
    assert own["FetchTheBundle"]["Resource"] == "arn:aws:s3:::registry-test-config-0f0e0d0/bundles/*"
    assert own["ReadTheSecret"]["Action"] == "secretsmanager:GetSecretValue"
    assert own["ReadTheSecret"]["Resource"].startswith("arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-test-hosts-")
    assert set(own) == {"FetchTheBundle", "ReadTheSecret", "BeReachedThroughSessionManager"}
    assert all("*" not in json.dumps(entry["Action"]) for entry in (*storage.values(), *own.values()))
    assert {entry["Sid"] for entry in own.values() if entry["Resource"] == "*"} == {"BeReachedThroughSessionManager"}


def test_keys_may_be_used_only_where_they_are_set(full: Run) -> None:
    assert statements(full, "registry-test-hosts")["DecryptBundleAndSecret"] == {
        "Sid": "DecryptBundleAndSecret",
        "Effect": "Allow",
        "Action": "kms:Decrypt",
        "Resource": KEY,
    }
    assert statements(full, "registry-test-images")["UseTheKey"]["Resource"] == KEY
    assert one(full, ":Role", "registry-test-hosts").inputs["permissionsBoundary"] == "arn:aws:iam::123456789012:policy/boundary"


def test_only_ec2_may_become_the_role(run: Run) -> None:
    trust = json.loads(one(run, ":Role", "registry-test-hosts").inputs["assumeRolePolicy"])["Statement"]
    assert trust == [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]


def test_no_access_key_exists_on_a_fleet(run: Run) -> None:
    assert not [resource for kind in (":User", ":AccessKey", ":UserPolicy") for resource in run.mocks.of_type(kind)]


def test_registry_and_sweeper_take_the_hosts_role(run: Run) -> None:
    config = yaml.safe_load(_archive(run)["files/registry/config.yml"])["storage"]["s3"]
    assert not {"accesskey", "secretkey"} & set(config)
    sweeper = _archive(run)["files/sweeper/rclone.conf"]
    assert "env_auth = true" in sweeper and "access_key_id" not in sweeper


# The group


def test_hosts_are_spread_over_the_zones_and_judged_by_the_load_balancer(run: Run) -> None:
    group = one(run, "autoscaling/group:Group").inputs
    assert (group["minSize"], group["desiredCapacity"], group["maxSize"]) == (2, 2, 3)
    assert group["vpcZoneIdentifiers"] == ["registry-test-private-1-id", "registry-test-private-2-id"]
    assert group["healthCheckType"] == "ELB" and group["healthCheckGracePeriod"] >= 300
    assert group["minElbCapacity"] == 2, "`pulumi up` fails when the first hosts do not become healthy"
    assert group["targetGroupArns"] == ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:registry-test-tcp"]
    assert group["maxInstanceLifetime"] == 0


def test_a_rollout_is_seen_in_the_plan_and_keeps_all_capacity(run: Run) -> None:
    group = one(run, "autoscaling/group:Group").inputs
    assert group["launchTemplate"] == {"id": "registry-test-arm64-id", "version": "7"}, "$Latest would roll out without a plan"
    preferences = group["instanceRefresh"]["preferences"]
    assert (preferences["minHealthyPercentage"], preferences["maxHealthyPercentage"]) == (100, 150)
    assert preferences["autoRollback"] is False, "the group has the new version before the replacement begins: there is no way back"
    assert preferences["skipMatching"] is True
    for warm in (preferences["instanceWarmup"], group["defaultInstanceWarmup"]):
        assert int(warm) > int(group["healthCheckGracePeriod"]) + 60, "a new host counts as healthy until the grace ends"
    assert group["instanceMaintenancePolicy"] == {"minHealthyPercentage": 100, "maxHealthyPercentage": 150}


@pytest.mark.parametrize(("drain", "minutes"), [(300, "25m"), (601, "31m"), (3600, "80m")])
def test_a_change_or_the_end_of_the_group_waits_until_hosts_have_drained(drain: int, minutes: str) -> None:
    timeouts = one(run_program(fleet(drainSeconds=drain)), "autoscaling/group:Group").timeouts
    assert timeouts == {"update": minutes, "delete": minutes}, "the provider's ten minutes are less than a drain takes"


@pytest.mark.parametrize(("hosts", "percent"), [(1, 200), (2, 150), (3, 134), (10, 110), (20, 105)])
def test_one_host_at_a_time_is_replaced(hosts: int, percent: int) -> None:
    assert one_more(hosts) == percent
    assert hosts + 1 <= hosts * percent / 100 < hosts + 2


def test_the_first_host_starts_when_all_that_it_needs_is_there(run: Run) -> None:
    before = set(one(run, "autoscaling/group:Group").dependencies)
    assert {
        "registry-test-bundle",
        "registry-test-hosts",
        "registry-test-images",
        "registry-test",
        "registry-test-hosts-from-balancer",
        "registry-test-hosts-to-https",
        "registry-test-private-1",
        "registry-test-s3",
    } <= before


# The load balancer


def test_tls_passes_through_to_the_edge(run: Run) -> None:
    balancer, listener, targets = (one(run, kind).inputs for kind in (":LoadBalancer", ":Listener", ":TargetGroup"))
    assert balancer["loadBalancerType"] == "network"
    assert balancer["enableCrossZoneLoadBalancing"] is True
    assert balancer["securityGroups"] == ["registry-test-balancer-id"]
    assert (listener["port"], listener["protocol"]) == (443, "TCP")
    assert listener["tcpIdleTimeoutSeconds"] >= 1800, "S3 takes minutes to put a large layer together, in silence"
    assert (targets["port"], targets["protocol"], targets["targetType"]) == (443, "TCP", "instance")
    assert not {"certificateArn", "sslPolicy"} & set(listener)


def test_a_certificate_of_aws_ends_at_the_load_balancer_which_encrypts_again(full: Run) -> None:
    listener, targets = one(full, ":Listener").inputs, one(full, ":TargetGroup").inputs
    assert (listener["protocol"], listener["certificateArn"]) == ("TLS", CERTIFICATE)
    assert listener["sslPolicy"].startswith("ELBSecurityPolicy-TLS13-1-2-Res")
    assert targets["protocol"] == "TLS"
    assert full.mocks.of_type(":LocallySignedCert"), "the edge keeps a certificate of the private CA"
    assert full.outputs["caCertificate"] is None
    assert "certs.d" not in full.outputs["clientSetup"], "clients see a certificate of a public CA"


def test_another_target_group_is_made_before_the_old_one_goes(run: Run, full: Run) -> None:
    plain, encrypted = one(run, ":TargetGroup"), one(full, ":TargetGroup")
    assert plain.delete_before_replace is encrypted.delete_before_replace is False, "AWS refuses to delete one that a listener uses"
    assert plain.inputs["name"] != encrypted.inputs["name"], "both exist for a while"


@pytest.mark.parametrize("values", [fleet(drainSeconds=900), acm(drainSeconds=900)])
def test_hosts_are_healthy_when_the_edge_says_ready_over_https(values: dict[str, Any]) -> None:
    targets = one(run_program(values), ":TargetGroup").inputs
    check = targets["healthCheck"]
    assert (check["protocol"], check["path"], check["port"], check["matcher"]) == ("HTTPS", "/edge/ready", "traffic-port", "200")
    assert check["timeout"] < check["interval"] <= 10
    assert targets["deregistrationDelay"] == 900
    assert targets["connectionTermination"] is True


@pytest.mark.parametrize(("allow", "kept"), [(False, True), (True, False)])
def test_what_would_be_missed_is_protected_from_deletion(allow: bool, kept: bool) -> None:
    found = run_program(fleet(top={"allowDestroy": allow}))
    assert one(found, ":LoadBalancer").inputs["enableDeletionProtection"] is kept
    protected = {resource.name for resource in found.mocks.resources if resource.protect}
    assert protected == ({"registry-test-images", "registry-test-config", "registry-test"} if kept else set())
    assert one(found, ":Secret", "registry-test-hosts").inputs["recoveryWindowInDays"] == (30 if kept else 7)


def test_a_public_load_balancer_comes_after_and_goes_before_the_way_to_the_internet(run: Run) -> None:
    assert "registry-test-public" in one(run, ":LoadBalancer").dependencies, "AWS refuses one in a network without an internet gateway"


def test_the_old_load_balancer_leaves_the_target_group_before_another_takes_it(run: Run) -> None:
    assert one(run, ":LoadBalancer").delete_before_replace is True, "a target group serves one load balancer only"


def test_the_address_of_a_fleet_is_the_load_balancers(run: Run) -> None:
    assert run.outputs["address"] == "registry-test-pub-0f0e.elb.eu-central-1.amazonaws.com"


def test_a_record_is_made_only_in_a_zone_that_is_named(run: Run, full: Run) -> None:
    assert not run.mocks.of_type(":Record")
    record = one(full, ":Record").inputs
    assert (record["name"], record["type"], record["zoneId"]) == ("registry.example.com", "A", "Z0123456789ABCDEFGHIJ")
    assert record["aliases"] == [{"name": full.outputs["address"], "zoneId": "Z3F0SRJ5LGBH90", "evaluateTargetHealth": True}]


# Redis


def test_redis_outlives_a_zone_and_is_encrypted(run: Run) -> None:
    redis = one(run, ":ReplicationGroup", "registry-test-redis").inputs
    assert redis["numCacheClusters"] == 2 and redis["automaticFailoverEnabled"] is True and redis["multiAzEnabled"] is True
    assert redis["transitEncryptionEnabled"] is True and redis["transitEncryptionMode"] == "required"
    assert redis["atRestEncryptionEnabled"] is True
    assert is_secret_input(redis["authToken"]) and redis["authTokenUpdateStrategy"] == "ROTATE"
    assert redis["securityGroupIds"] == ["registry-test-redis-id"]
    assert one(run, ":SubnetGroup", "registry-test-redis").inputs["subnetIds"] == [
        "registry-test-private-1-id",
        "registry-test-private-2-id",
    ]


def test_a_full_redis_forgets_nothing_silently(run: Run) -> None:
    parameters = one(run, ":ParameterGroup", "registry-test-redis").inputs["parameters"]
    assert parameters == [{"name": "maxmemory-policy", "value": "noeviction"}]


def test_hosts_agree_through_redis_even_when_it_is_no_cache() -> None:
    found = run_program(fleet(top={"cache": "none"}))
    assert found.mocks.of_type(":ReplicationGroup")
    assert json.loads(one(found, ":SecretVersion", "registry-test-hosts").inputs["secretString"]["value"])["redis_password"]


# Secrets


def test_the_secret_has_all_values_and_nothing_else(run: Run) -> None:
    text = one(run, ":SecretVersion", "registry-test-hosts").inputs["secretString"]
    assert is_secret_input(text)
    values = json.loads(text["value"])
    assert sorted(values) == sorted(SECRET_KEYS)
    assert values["redis_host"] == "master.registry-test.0f0e0d.euc1.cache.amazonaws.com"
    assert values["redis_password"] == one(run, ":ReplicationGroup", "registry-test-redis").inputs["authToken"]["value"]
    assert all(values.values())


def _archive(run: Run) -> dict[str, str]:
    """The text files of the bundle that hosts fetch."""
    packed = base64.b64decode(one(run, ":BucketObjectv2", "registry-test-bundle").inputs["contentBase64"])
    found: dict[str, str] = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content and not member.name.endswith(".zip"):
                found[member.name] = content.read().decode()
    return found


def _open(value: object) -> str:
    """Everything in a value that is not marked secret, as text."""
    if is_secret_input(value):
        return ""
    if isinstance(value, dict):
        return " ".join(_open(inner) for inner in value.values())
    return " ".join(_open(inner) for inner in value) if isinstance(value, list) else str(value)


def test_no_secret_stands_in_anything_that_is_not_one() -> None:
    canary = "canary-password-0123456789"
    found = run_program(fleet(top={"auth": {"users": [{"name": "admin"}, {"name": "ci", "password": canary}]}}))
    secrets = [canary, *found.mocks.generated]
    assert len(secrets) == 7, "CA and server keys, an account, the account ops, http.secret, Redis, and the canary"
    texts = {f"{resource.type} {resource.name}": _open(resource.inputs) for resource in found.mocks.resources}
    texts |= {f"archive {path}": text for path, text in _archive(found).items()}
    texts["user data"] = user_data_of(found)
    for where, text in texts.items():
        assert not [secret for secret in secrets if secret in text], f"{where} has a secret in plain text"
        assert not re.search(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}", text), f"{where} has a password hash in plain text"


# The config bucket


def test_the_config_bucket_is_as_closed_as_the_images(full: Run) -> None:
    label = "registry-test-config"
    block = one(full, ":BucketPublicAccessBlock", label).inputs
    assert all(block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"))
    assert one(full, ":BucketOwnershipControls", label).inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}
    assert one(full, ":BucketVersioning", label).inputs["versioningConfiguration"] == {"status": "Enabled"}
    (rule,) = one(full, ":BucketServerSideEncryptionConfiguration", label).inputs["rules"]
    assert rule["applyServerSideEncryptionByDefault"] == {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": KEY}
    policy = json.loads(one(full, ":BucketPolicy", label).inputs["policy"])
    assert policy["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert "bucket" not in one(full, "s3/bucket:Bucket", label).inputs, "bucket names are shared by all of AWS: random letters keep it free"


def test_another_kms_key_or_none_writes_the_bundle_again() -> None:
    objects = {key: run_program(fleet(kmsKey=key)).mocks.of_type(":BucketObjectv2") for key in (None, KEY, KEY.replace("0f0e", "0f0f"))}
    assert len({found.name for (found,) in objects.values()}) == 3, "an object stays under the key that it was written with"
    for key, (found,) in objects.items():
        expected = ("aws:kms", key) if key else ("AES256", None)
        assert (found.inputs["serverSideEncryption"], found.inputs.get("kmsKeyId")) == expected


def test_old_bundles_stay_for_a_rollback(run: Run) -> None:
    assert one(run, ":BucketObjectv2", "registry-test-bundle").retain_on_delete


def test_a_key_of_ones_own_encrypts_all_that_lies_somewhere(full: Run) -> None:
    assert one(full, ":Secret", "registry-test-hosts").inputs["kmsKeyId"] == KEY
    assert one(full, ":ReplicationGroup", "registry-test-redis").inputs["kmsKeyId"] == KEY
    assert template_of(full)["blockDeviceMappings"][0]["ebs"]["kmsKeyId"] == KEY


# Alarms


def test_alarms_exist_only_with_somebody_to_tell(run: Run) -> None:
    assert not run.mocks.of_type(":MetricAlarm")


def test_alarms_watch_the_hosts_and_redis(full: Run) -> None:
    alarms = {alarm.name.removeprefix("registry-test-"): alarm.inputs for alarm in full.mocks.of_type(":MetricAlarm")}
    assert set(alarms) == {"no-host", "unhealthy", "too-few", "redis-memory-1", "redis-memory-2"}
    for alarm in alarms.values():
        assert alarm["alarmActions"] == alarm["okActions"] == [TOPIC]
    balancer = {"LoadBalancer": "net/registry-test-pub/0f0e0d0c0b0a0908", "TargetGroup": "net/registry-test-tls/0f0e0d0c0b0a0908"}
    assert alarms["unhealthy"]["dimensions"] == alarms["no-host"]["dimensions"] == balancer
    assert alarms["unhealthy"]["evaluationPeriods"] * 60 > BOOT_SECONDS, "each new host is unhealthy while it starts"
    assert alarms["too-few"]["dimensions"] == {"AutoScalingGroupName": "registry-test"}
    assert (alarms["too-few"]["threshold"], alarms["too-few"]["treatMissingData"]) == (4, "breaching")
    assert alarms["redis-memory-1"]["dimensions"] == {"CacheClusterId": "registry-test-001"}


# The whole


@pytest.mark.parametrize("values", [fleet(), acm(kmsKey=KEY, alarmTopicArn=TOPIC)])
def test_a_second_run_asks_for_the_same(values: dict[str, Any]) -> None:
    def asked() -> dict[str, object]:
        return {f"{resource.type} {resource.name}": resource.inputs for resource in run_program(values).mocks.resources}

    assert asked() == asked()


def test_resource_names_are_unique(full: Run) -> None:
    names = [f"{resource.type} {resource.name}" for resource in full.mocks.resources if resource.type.startswith("aws:")]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["registry-prod", "r" * 40, "a--b", "a-" * 19 + "bc", "internal-registry"])
@pytest.mark.parametrize(("suffix", "limit"), [("pub", LOAD_BALANCER), ("tls", LOAD_BALANCER), ("", REPLICATION_GROUP)])
def test_names_fit_awss_limits(name: str, suffix: str, limit: int) -> None:
    found = limited(name, suffix, limit)
    assert len(found) <= limit and re.fullmatch(r"(?!internal-)[a-z][a-z0-9]*(-[a-z0-9]+)*", found)


def test_names_that_were_cut_still_differ() -> None:
    assert limited("r" * 39 + "a", "pub", LOAD_BALANCER) != limited("r" * 39 + "b", "pub", LOAD_BALANCER)
    assert limited("a--b", "", REPLICATION_GROUP) != limited("a-b", "", REPLICATION_GROUP)


def _fake(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_hosts_get_session_managers_agent_in_the_background(run: Run) -> None:
    command = yaml.safe_load(user_data_of(run))["runcmd"][-1]
    assert command[:2] == ["systemd-run", "--no-block"], "the boot must not wait for it"
    assert "--property=After=private-registry.service" in command, "it must not take dpkg's lock from the registry's own packages"
    assert "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_arm64/amazon-ssm-agent.deb" in command[-1]


@pytest.mark.parametrize(
    ("region", "architecture", "start"),
    [
        ("eu-west-1", "amd64", "https://s3.eu-west-1.amazonaws.com/amazon-ssm-eu-west-1/latest/debian_amd64/"),
        ("cn-north-1", "arm64", "https://s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/latest/debian_arm64/"),
    ],
)
def test_the_agent_comes_from_the_regions_own_bucket(region: str, architecture: Architecture, start: str) -> None:
    assert agent_url(region, architecture).startswith(start)


@pytest.mark.parametrize("fails", [0, 1, 9])
def test_the_agents_installation_is_tried_again_and_says_when_it_gives_up(fails: int, tmp_path: Path) -> None:
    _fake(tmp_path, "apt-helper", f"echo x >> {tmp_path}/tries; test $(wc -l < {tmp_path}/tries) -gt {fails}")
    _fake(tmp_path, "apt-get", f'echo "$@" > {tmp_path}/installed')
    _fake(tmp_path, "sleep", "exit 0")
    script = install_command("eu-central-1", "arm64")[-1]
    done = subprocess.run(["sh", "-c", script], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=False)
    installed = tmp_path / "installed"
    if fails < 3:
        assert done.returncode == 0 and done.stdout == ""
        assert installed.read_text().split()[-2:] == ["install", "/var/cache/amazon-ssm-agent.deb"]
    else:
        assert done.returncode == 1 and "Session Manager does not reach this host" in done.stdout and not installed.exists()


def test_ops_runs_on_a_host_found_by_its_tag(run: Run, tmp_path: Path) -> None:
    _fake(tmp_path, "aws", f'printf "%s\\n" "$@" > {tmp_path}/$1\nif [ $1 = ec2 ]; then echo i-0123456789abcdef0; fi')
    command = ops_command(run.outputs, "test", ["gc", "--dry-run"])
    subprocess.run(command, check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    asked = (tmp_path / "ec2").read_text().splitlines()
    assert "Name=tag:private-registry,Values=registry-test" in asked and "Name=instance-state-name,Values=running" in asked
    assert "sort_by(Reservations[].Instances[], &LaunchTime)[0].InstanceId" in asked
    started = (tmp_path / "ssm").read_text().splitlines()
    assert started[started.index("--target") + 1] == "i-0123456789abcdef0"
    assert started[started.index("--region") + 1] == "eu-central-1"
    inside = json.loads(started[started.index("--parameters") + 1])
    assert inside == {"command": ["sudo docker exec private-registry-ops python3 -m ops gc --dry-run"]}
