"""compose.yaml for the hosts of a fleet: the same containers as components/hosts/docker.py makes on a Docker host."""

import yaml

from bundle.model import STACK_LABEL, Bundle, Healthcheck, Mount, Service

PROJECT = "private-registry"
"""Name of the compose project, and what the containers' names begin with."""
ROOT = "/var/lib/private-registry"
FILES = f"{ROOT}/files"
DATA = f"{ROOT}/data"


def container_name(service: str) -> str:
    """The name of a service's container on every host of a fleet."""
    return f"{PROJECT}-{service}"


def host_folder(volume: str) -> str:
    """Where a volume lies on the host."""
    group = volume.removeprefix("files-")
    return f"{DATA}/{volume}" if group == volume else f"{FILES}/{group}"


def _plain(text: str) -> str:
    """Compose replaces `$NAME` by the environment; a doubled dollar sign stands for itself."""
    return text.replace("$", "$$")


def _mount(mount: Mount) -> dict[str, object]:
    return {
        "type": "bind",
        "source": host_folder(mount.volume),
        "target": mount.target,
        "read_only": mount.read_only,
        # Without this a folder that is missing would be made, as root's.
        "bind": {"create_host_path": False},
    }


def _healthcheck(health: Healthcheck) -> dict[str, object]:
    return {
        "test": ["CMD", *(_plain(word) for word in health.command)],
        "retries": health.retries,
        **health.times(),
    }


def _service(service: Service) -> dict[str, object]:
    network: dict[str, object] = {} if service.networked else {"network_mode": "none"}
    return {
        "container_name": container_name(service.name),
        "image": service.image,
        "entrypoint": [_plain(word) for word in service.entrypoint],
        "user": service.user,
        "environment": {key: _plain(value) for key, value in sorted(service.environment.items())},
        "read_only": service.read_only,
        "tmpfs": [f"{path}:{options}" for path, options in sorted(service.tmpfs.items())],
        "volumes": [_mount(mount) for mount in service.mounts],
        "cap_drop": ["ALL"],
        "cap_add": list(service.capabilities),
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{service.memory_mib}m",
        # The same as the memory: no swap.
        "memswap_limit": f"{service.memory_mib}m",
        **network,
        "ports": [
            {"target": port.internal, "published": str(port.external), "host_ip": port.address, "protocol": "tcp"} for port in service.ports
        ],
        "healthcheck": _healthcheck(service.healthcheck),
        "restart": "unless-stopped",
        # Rotated by the journal, and read with `journalctl -t private-registry-edge` or `docker logs`.
        "logging": {"driver": "journald", "options": {"tag": "{{.Name}}"}},
        "stop_grace_period": f"{service.stop_seconds}s",
        "stop_signal": service.stop_signal,
        "labels": {STACK_LABEL: PROJECT},
    }


def compose(bundle: Bundle) -> str:
    """compose.yaml as text. Holds no secret.

    Without HASH_LABEL, which the host's agent adds (host/containers.py), and without `depends_on`: the agent brings services up one by one
    in the bundle's order, because compose, told to bring up all, replaces every container at once.
    """
    document = {
        "name": PROJECT,
        "networks": {"default": {"name": PROJECT, "driver": "bridge"}},
        "services": {service.name: _service(service) for service in bundle.services},
    }
    return yaml.safe_dump(document, sort_keys=False, default_flow_style=False, width=140)
