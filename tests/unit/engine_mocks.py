"""A recording stand-in for the Pulumi engine, and a fresh run of the program a test."""

import asyncio
import base64
import hashlib
import unittest.mock
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import resource_pb2, source_pb2

from components.registry import PrivateRegistry, PrivateRegistryArgs
from components.settings.load import parse
from components.settings.model import Settings

ACCOUNT = "123456789012"
RUN_SECONDS = 60
"""An error inside the SDK's mock monitor can leave the program waiting for ever."""


@dataclass
class Recorded:
    """One resource as the engine was asked to create it."""

    type: str
    name: str
    inputs: dict[str, Any]
    parent: str
    protect: bool
    dependencies: tuple[str, ...]
    delete_before_replace: bool | None
    """None where the provider decides."""
    timeouts: Mapping[str, str]
    """Operation (create, update, delete) to how long it may take, where that was asked for."""
    provider: str
    ignore_changes: tuple[str, ...]
    retain_on_delete: bool
    property_dependencies: Mapping[str, tuple[str, ...]]
    """Input to the resources (as `type::name`) that its value comes from."""


def _aws_outputs(args: pulumi.runtime.MockResourceArgs) -> dict[str, Any]:
    """What AWS would compute for a resource of its own; nothing for others."""
    inputs = args.inputs
    found: dict[str, Any] = {}
    match args.typ:
        case "aws:s3/bucket:Bucket":
            bucket = inputs.get("bucket", f"{args.name}-0f0e0d0")
            found = {"bucket": bucket, "arn": f"arn:aws:s3:::{bucket}"}
        case "aws:secretsmanager/secret:Secret":
            found = {"arn": f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:{args.name}-0f0e0d-AbCdEf"}
        case "aws:iam/instanceProfile:InstanceProfile":
            found = {"arn": f"arn:aws:iam::{ACCOUNT}:instance-profile/{inputs['name']}"}
        case "aws:lb/loadBalancer:LoadBalancer" | "aws:lb/targetGroup:TargetGroup":
            found = {
                "arn": f"arn:aws:elasticloadbalancing:eu-central-1:{ACCOUNT}:{inputs['name']}",
                "arnSuffix": f"net/{inputs['name']}/0f0e0d0c0b0a0908",
                "dnsName": f"{inputs['name']}-0f0e.elb.eu-central-1.amazonaws.com",
                "zoneId": "Z3F0SRJ5LGBH90",
            }
        case "aws:elasticache/replicationGroup:ReplicationGroup":
            group = inputs["replicationGroupId"]
            # In no order.
            members = [f"{group}-002", f"{group}-001"]
            found = {"primaryEndpointAddress": f"master.{group}.0f0e0d.euc1.cache.amazonaws.com", "memberClusters": members}
        case "aws:ec2/launchTemplate:LaunchTemplate":
            found = {"latestVersion": 7}
        case _:
            pass
    return found


class RecordingMocks(pulumi.runtime.Mocks):
    """Keeps every registration and answers with outputs of the kind that the real plugin gives."""

    def __init__(self) -> None:
        self.resources: list[Recorded] = []
        self.generated: list[str] = []
        """Every password and key that this stand-in handed out."""
        self.parameters: list[str] = []
        """Names of the Systems Manager parameters that were read."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        outputs: dict[str, Any] = dict(args.inputs)
        digest = hashlib.sha256(f"{args.typ}{args.name}".encode())
        match args.typ:
            case "random:index/randomPassword:RandomPassword":
                outputs["result"] = digest.hexdigest()[:32]
                self.generated.append(outputs["result"])
            case "random:index/randomBytes:RandomBytes":
                outputs["base64"] = base64.b64encode(digest.digest()[:16]).decode()
            case "tls:index/privateKey:PrivateKey":
                outputs["privateKeyPem"] = f"KEY {args.name} {digest.hexdigest()}"
                self.generated.append(outputs["privateKeyPem"])
            case "tls:index/selfSignedCert:SelfSignedCert" | "tls:index/locallySignedCert:LocallySignedCert":
                outputs["certPem"] = f"CERTIFICATE {args.name}"
            case "tls:index/certRequest:CertRequest":
                outputs["certRequestPem"] = f"REQUEST {args.name}"
            case "aws:iam/accessKey:AccessKey":
                outputs["secret"] = digest.hexdigest()
                self.generated.append(outputs["secret"])
            case "azure-native:resources:ResourceGroup":
                outputs["name"] = args.inputs["resourceGroupName"]
            case "azure-native:storage:StorageAccount":
                outputs["name"] = args.inputs["accountName"]
            case "docker:index/remoteImage:RemoteImage":
                outputs["imageId"] = f"sha256:{digest.hexdigest()}"
            case _:
                outputs |= _aws_outputs(args)
        return f"{args.name}-id", outputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        if args.token == "azure-native:storage:listStorageAccountKeys":
            key = hashlib.sha256(b"account key").hexdigest()
            self.generated.append(key)
            return {"keys": [{"keyName": "key1", "value": key, "permissions": "FULL", "creationTime": ""}]}, []
        if args.token == "aws:index/getAvailabilityZones:getAvailabilityZones":
            # In no order, and more than are used.
            return {"names": ["eu-central-1c", "eu-central-1a", "eu-central-1b"]}, []
        if args.token == "aws:ssm/getParameter:getParameter":
            self.parameters.append(args.args["name"])
            return {"name": args.args["name"], "insecureValue": f"ami-{hashlib.sha256(args.args['name'].encode()).hexdigest()[:17]}"}, []
        raise AssertionError(f"the program calls no such provider function: {args.token}")

    def of_type(self, suffix: str) -> list[Recorded]:
        """Resources whose type token ends so, e.g. `:Container`."""
        return [resource for resource in self.resources if resource.type.endswith(suffix)]

    def one(self, suffix: str, name: str) -> Recorded:
        """The resource of that type and name."""
        found = [resource for resource in self.of_type(suffix) if resource.name == name]
        assert len(found) == 1, f"expected one {suffix} called {name}, found {[r.name for r in self.of_type(suffix)]}"
        return found[0]


class RecordingMonitor(mocks.MockMonitor):
    """The SDK's mock monitor hands only names and inputs to the mocks; the options of a resource are recorded here."""

    def __init__(self, recording: RecordingMocks) -> None:
        super().__init__(recording)
        self._recording = recording

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        self._recording.resources.append(
            Recorded(
                type=request.type,
                name=request.name,
                # As it is on the wire: the SDK's own decoder would make a whole list secret for one secret in it.
                inputs=json_format.MessageToDict(request.object),
                parent=request.parent,
                protect=request.protect,
                dependencies=tuple(urn.rsplit("::", 1)[1] for urn in request.dependencies),
                delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
                timeouts={field.name: found for field, found in request.customTimeouts.ListFields()},
                provider=request.provider,
                ignore_changes=tuple(request.ignoreChanges),
                retain_on_delete=request.retainOnDelete,
                property_dependencies={
                    # A URN names the types of the parents too.
                    key: tuple("::".join((*urn.split("::")[2].split("$")[-1:], urn.rsplit("::", 1)[1])) for urn in found.urns)
                    for key, found in request.propertyDependencies.items()
                },
            )
        )
        return super().RegisterResource(request)


@dataclass
class Run:
    """What a run of the program left: resources as the engine saw them, and the component's outputs with their secretness."""

    mocks: RecordingMocks
    outputs: dict[str, Any]
    secret_outputs: dict[str, bool]


def settings_of(**values: object) -> Settings:
    """Settings from plain values, as a stack file would give them; secrets count as encrypted."""
    return parse({"hostname": "registry.example.com", **values}, frozenset(values), "Pulumi.test.yaml")


def run_program(values: Mapping[str, Any] | None = None) -> Run:
    """Runs the program once against new mocks."""
    recording = RecordingMocks()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(recording, project="private-registry", stack="test", preview=False, monitor=RecordingMonitor(recording))
    settings = settings_of(**(values or {}))
    outputs: dict[str, Any] = {}
    secrets: dict[str, bool] = {}

    async def program() -> None:
        registry = PrivateRegistry("registry-test", PrivateRegistryArgs(settings))
        found: dict[str, pulumi.Output[Any]] = {
            "url": registry.url,
            "caCertificate": registry.ca_certificate,
            "clientSetup": registry.client_setup,
            "address": registry.address,
            "opsCommand": registry.ops_command,
            **{f"accounts.{name}": password for name, password in registry.accounts.items()},
        }
        for key, output in found.items():
            outputs[key] = await output.future()
            secrets[key] = await output.is_secret()

    try:
        # Where in the source a resource stands is for the engine's messages, and takes a fifth of a run.
        with unittest.mock.patch("pulumi.runtime.resource._get_stack_trace", source_pb2.StackTrace):
            loop.run_until_complete(asyncio.wait_for(pulumi.runtime.stack.run_pulumi_func(program), RUN_SECONDS))
    finally:
        loop.close()
        asyncio.set_event_loop(None)
    return Run(recording, outputs, secrets)


def is_secret_input(value: object) -> bool:
    """Whether an input went to the engine marked as secret."""
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == rpc._special_secret_sig
