"""What a test VM has that a real one gets from the cloud: metadata, user data, images, and where this run's S3 and Secrets Manager are.

Everything here is the test's; what the user data puts on the machine is the product's own.
"""

import io
import json
import secrets
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_INSIDE = Path(__file__).parent / "inside"
_LIBRARY = "usr/local/lib/registry-test"
_FACTS = "etc/registry-test/metadata.json"

_METADATA_UNIT = f"""[Unit]
Description=Instance metadata of the test VM
Before=cloud-config.service cloud-final.service docker.service
[Service]
Type=notify
ExecStartPre=-ip address add 169.254.169.254/32 dev lo
ExecStart=/usr/bin/python3 /{_LIBRARY}/metadata_server.py /{_FACTS}
[Install]
WantedBy=multi-user.target
"""
_DOCKER_DROP_IN = f"""[Service]
ExecStartPost=/bin/sh /{_LIBRARY}/load_images.sh
TimeoutStartSec=300
"""
# As an image of Debian for a cloud: one datasource, sources of packages as they are. No SSH, no network to set up.
_CLOUD_CFG = """datasource_list: [NoCloud]
apt: {preserve_sources_list: true}
network: {config: disabled}
disable_root: true
ssh_deletekeys: false
ssh_genkeytypes: []
"""


@dataclass(frozen=True)
class Identity:
    """What a VM can learn about itself: id, region, role and the role's credentials."""

    instance_id: str
    region: str
    role: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False, default="")


def _facts(identity: Identity) -> str:
    credentials = {
        "AccessKeyId": identity.access_key_id,
        "SecretAccessKey": identity.secret_access_key,
        "Token": identity.session_token,
    }
    facts = {
        "instance-id": identity.instance_id,
        "region": identity.region,
        "zone": f"{identity.region}a",
        "role": identity.role,
        "credentials": credentials,
    }
    return json.dumps(facts)


def archive(identity: Identity, user_data: str, endpoints: Mapping[str, str]) -> bytes:
    """A tar of the files to put on the VM before its first boot. `endpoints` are boto3's own variables (AWS_ENDPOINT_URL_...)."""
    redirect = " ".join(f"{name}={value}" for name, value in endpoints.items())
    files = {
        f"{_LIBRARY}/metadata_server.py": (_INSIDE / "metadata_server.py").read_text(encoding="utf-8"),
        f"{_LIBRARY}/load_images.sh": (_INSIDE / "load_images.sh").read_text(encoding="utf-8"),
        _FACTS: _facts(identity),
        "etc/systemd/system/registry-test-metadata.service": _METADATA_UNIT,
        "etc/systemd/system/docker.service.d/registry-test.conf": _DOCKER_DROP_IN,
        "etc/systemd/system.conf.d/registry-test.conf": f"[Manager]\nDefaultEnvironment={redirect}\n",
        "etc/cloud/cloud.cfg.d/95-registry-test.cfg": _CLOUD_CFG,
        "var/lib/cloud/seed/nocloud/meta-data": json.dumps({"instance-id": identity.instance_id, "local-hostname": "registry-vm"}),
        "var/lib/cloud/seed/nocloud/user-data": user_data,
        # An empty one would make each boot a first boot to systemd.
        "etc/machine-id": secrets.token_hex(16) + "\n",
    }
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for path, text in files.items():
            _add(tar, path, text.encode(), 0o600 if path == _FACTS else 0o644)
        link = tarfile.TarInfo("etc/systemd/system/multi-user.target.wants/registry-test-metadata.service")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/systemd/system/registry-test-metadata.service"
        tar.addfile(link)
    return data.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))
