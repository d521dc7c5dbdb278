"""What a fleet's host gets at its birth: cloud-init's `#cloud-config` with the boot script, its units and where the bundle is."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

BOOT_SCRIPT = Path(__file__).resolve().parent.parent / "host" / "boot.py"
LIMIT_BYTES = 16 * 1024
"""EC2 takes no more, before base64 (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html)."""
_COMMAND = "/usr/local/sbin/private-registry-boot"

# A failed start is tried again for ever, with pauses that grow: what it lacks may come. Its last messages are on the machine's console,
# which a cloud shows of an instance that nobody can log in to.
_UNIT = f"""\
[Unit]
Description=Private registry: containers in step with bundle and secret
Wants=network-online.target
After=network-online.target docker.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={_COMMAND} start
ExecStop={_COMMAND} stop
Restart=on-failure
RestartSec=15
RestartSteps=5
RestartMaxDelaySec=300
TimeoutStartSec=60min
TimeoutStopSec=6min
StandardOutput=journal+console

[Install]
WantedBy=multi-user.target
"""
# Ends with the registry's unit, and waits while that one starts. `up` is there once it has.
_REFRESH_UNIT = f"""\
[Unit]
Description=Private registry: a changed secret is applied
After=private-registry.service
PartOf=private-registry.service
ConditionPathExists=/run/private-registry/up

[Service]
Type=oneshot
ExecStart={_COMMAND} refresh
TimeoutStartSec=30min
StandardOutput=journal+console
"""
# The hosts of a fleet should not replace their replicas in the same moment.
_REFRESH_TIMER = """\
[Unit]
Description=Private registry: a changed secret is applied

[Timer]
OnCalendar=*:0/5
RandomizedDelaySec=4min

[Install]
WantedBy=timers.target
"""
# Containers go on while Debian's updates restart the engine.
_ENGINE = json.dumps({"live-restore": True}) + "\n"
# The edge's access log goes to the journal, which would drop lines at 10,000 in 30 s.
_JOURNAL = """\
[Journal]
SystemMaxUse=1G
RateLimitIntervalSec=0
"""


@dataclass(frozen=True)
class UserData:
    """Where a host finds its bundle and its secret. Holds no secret.

    `key` and `sha256` are those of the bundle's archive (bundle/fleet_archive.py), `secret` is the ARN of the secret with the keys of
    bundle.markers.SECRET_KEYS, `region` the region of both.
    """

    bucket: str
    key: str
    sha256: str
    secret: str
    region: str


class _Readable(yaml.SafeDumper):
    """Writes texts of several lines as such."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Readable.add_representer(str, _text)


def _file(path: str, content: str, permissions: str = "0644") -> dict[str, str]:
    return {"path": path, "permissions": permissions, "content": content}


def user_data(given: UserData, commands: Sequence[Sequence[str]] = ()) -> str:
    """The text of the user data. ValueError when it is longer than EC2 allows. `commands` are what the cloud needs done besides.

    Run a second time it writes the same files and enables what is enabled; a reboot needs nothing of it.
    """
    units = "/etc/systemd/system/private-registry"
    document = {
        "write_files": [
            _file("/etc/private-registry/boot.json", json.dumps(asdict(given), indent=1) + "\n"),
            _file(_COMMAND, BOOT_SCRIPT.read_text(encoding="utf-8"), "0755"),
            _file(f"{units}.service", _UNIT),
            _file(f"{units}-refresh.service", _REFRESH_UNIT),
            _file(f"{units}-refresh.timer", _REFRESH_TIMER),
            _file("/etc/docker/daemon.json", _ENGINE),
            _file("/etc/systemd/journald.conf.d/private-registry.conf", _JOURNAL),
        ],
        "runcmd": [
            ["systemctl", "restart", "systemd-journald.service"],
            ["systemctl", "daemon-reload"],
            # Without waiting: the unit itself waits for the network, and tries for as long as it takes.
            ["systemctl", "enable", "--now", "--no-block", "private-registry.service", "private-registry-refresh.timer"],
            *(list(command) for command in commands),
        ],
    }
    text = "#cloud-config\n" + yaml.dump(document, Dumper=_Readable, sort_keys=False, width=140)
    size = len(text.encode())
    if size > LIMIT_BYTES:
        raise ValueError(
            f"the user data has {size} bytes, EC2 takes {LIMIT_BYTES}: host/boot.py must get shorter, or move parts into the agent"
        )
    return text
