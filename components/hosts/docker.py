"""A Docker engine, on this machine or a remote one, that runs the bundle.

Nothing is built and no folder is shared: files travel through the engine's API (docs/decisions/0002-config-service.md).
"""

import base64
import hashlib
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from bundle.config_service import upload_path
from bundle.model import HASH_LABEL, STACK_LABEL, Bundle, File, Service, Values
from bundle.operations import OPS_COMMAND
from components.settings.model import DockerSettings

LOG_OPTIONS = {"max-size": "10m", "max-file": "3"}
WAIT_SECONDS = 120
"""How long a new container may take to become healthy before the update fails."""
MIB_BYTES = 1024 * 1024


@dataclass(frozen=True)
class DockerHostArgs:
    """The bundle, the values its files need (secret), how to reach the engine, and what clients call the host."""

    bundle: Bundle
    values: pulumi.Output[Values]
    docker: DockerSettings
    hostname: str
    allow_destroy: bool


class DockerHost(pulumi.ComponentResource):
    """One network, the bundle's volumes, its images, and a container a service.

    Volumes that hold images are protected from deletion unless `allow_destroy`.
    """

    ops_command: pulumi.Output[str]
    address: pulumi.Output[str]
    """The host's own name: it is reached without anything before it."""

    def __init__(self, name: str, args: DockerHostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:DockerHost", name, None, opts)
        self._name = name
        self._args = args
        self._provider = docker.Provider(
            f"{name}-engine",
            host=args.docker.host,
            ssh_opts=list(args.docker.ssh_options) or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._labels = {STACK_LABEL: name}
        self._network = docker.Network(
            name,
            name=name,
            driver="bridge",
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in self._labels.items()],
            opts=self._options(),
        )
        self._volumes = self._create_volumes()
        self._images = self._create_images()
        self._containers: dict[str, docker.Container] = {}
        for service in args.bundle.services:
            self._containers[service.name] = self._create_container(service)
        engine = f"docker --host {args.docker.host}" if args.docker.host else "docker"
        self.ops_command = pulumi.Output.from_input(f"{engine} exec {name}-ops {' '.join(OPS_COMMAND)}")
        self.address = pulumi.Output.from_input(args.hostname)
        self.register_outputs({})

    def _options(
        self,
        *,
        protect: bool | None = None,
        ignore_changes: list[str] | None = None,
        depends_on: list[docker.Container] | None = None,
        delete_before_replace: bool | None = None,
    ) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(
            parent=self,
            provider=self._provider,
            protect=protect,
            ignore_changes=ignore_changes,
            depends_on=depends_on,
            delete_before_replace=delete_before_replace,
        )

    def _create_volumes(self) -> dict[str, docker.Volume]:
        return {
            volume.name: docker.Volume(
                f"{self._name}-{volume.name}",
                name=f"{self._name}-{volume.name}",
                labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in self._labels.items()],
                opts=self._options(
                    protect=volume.keep and not self._args.allow_destroy,
                    # The provider replaces a volume for any of these, images and all.
                    ignore_changes=["driver", "driverOpts", "labels"] if volume.keep else None,
                ),
            )
            for volume in self._args.bundle.volumes
        }

    def _create_images(self) -> dict[str, docker.RemoteImage]:
        references = dict.fromkeys(service.image for service in self._args.bundle.services)
        return {
            reference: docker.RemoteImage(
                f"{self._name}-{reference}",
                name=reference,
                # Another stack on the same engine may run it too.
                keep_locally=True,
                opts=self._options(),
            )
            for reference in references
        }

    def _upload(self, file: File) -> docker.ContainerUploadArgs:
        if isinstance(file.content, bytes):
            return docker.ContainerUploadArgs(file=upload_path(file), content_base64=base64.b64encode(file.content).decode())
        return docker.ContainerUploadArgs(file=upload_path(file), content=self._text(file))

    def _text(self, file: File) -> pulumi.Input[str]:
        if isinstance(file.content, str):
            return file.content
        content = self._args.values.apply(file.text)
        return content if file.secret else pulumi.Output.unsecret(content)

    def _uploads(self) -> list[docker.ContainerUploadArgs]:
        return [self._upload(file) for file in self._args.bundle.files]

    def _hash_of(self, paths: tuple[str, ...]) -> pulumi.Output[str]:
        """One hash over these files: a label with it makes their change replace the container.

        Safe in plain state: each secret file among them holds a random value of 190 bits, so the hash can't be used to guess the rest.
        """
        files = [self._args.bundle.file(path) for path in paths]

        def digest(values: Values) -> str:
            parts = (file.content if isinstance(file.content, bytes) else file.text(values).encode() for file in files)
            return hashlib.sha256(b"\0".join(parts)).hexdigest()

        return pulumi.Output.unsecret(self._args.values.apply(digest))

    def _create_container(self, service: Service) -> docker.Container:
        labels: dict[str, pulumi.Input[str]] = dict(self._labels)
        if service.restarts_with:
            labels[HASH_LABEL] = self._hash_of(service.restarts_with)
        health = service.healthcheck
        takes_uploads = service.name == "config"
        return docker.Container(
            f"{self._name}-{service.name}",
            name=f"{self._name}-{service.name}",
            image=self._images[service.image].image_id,
            entrypoints=list(service.entrypoint),
            user=service.user,
            envs=[f"{key}={value}" for key, value in sorted(service.environment.items())],
            read_only=service.read_only,
            tmpfs=dict(service.tmpfs) or None,
            mounts=[
                docker.ContainerMountArgs(
                    type="volume", source=self._volumes[mount.volume].name, target=mount.target, read_only=mount.read_only
                )
                for mount in service.mounts
            ],
            uploads=self._uploads() if takes_uploads else None,
            capabilities=docker.ContainerCapabilitiesArgs(drops=["ALL"], adds=list(service.capabilities) or None),
            security_opts=["no-new-privileges:true"],
            memory=service.memory_mib,
            # Free of drift under refresh only together with `memory` (docker provider); the same value means no swap.
            memory_swap=service.memory_mib,
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=self._network.name, aliases=[service.name])]
            if service.networked
            else None,
            network_mode="bridge" if service.networked else "none",
            ports=[
                docker.ContainerPortArgs(internal=port.internal, external=port.external, ip=port.address, protocol="tcp")
                for port in service.ports
            ]
            or None,
            healthcheck=docker.ContainerHealthcheckArgs(
                tests=["CMD", *health.command],
                retries=health.retries,
                **health.times(),
            ),
            wait=True,
            wait_timeout=WAIT_SECONDS,
            restart="unless-stopped",
            log_driver="json-file",
            log_opts=LOG_OPTIONS,
            stop_timeout=service.stop_seconds,
            stop_signal=service.stop_signal,
            destroy_grace_seconds=service.stop_seconds,
            labels=[docker.ContainerLabelArgs(label=key, value=value) for key, value in labels.items()],
            opts=self._options(depends_on=[self._containers[before] for before in service.after], delete_before_replace=True),
        )
