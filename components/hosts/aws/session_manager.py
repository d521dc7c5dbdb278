"""Session Manager's agent on the hosts: the way in without an open port.

Debian neither packages it nor has it on its images; AWS offers it in a bucket of each region
(https://docs.aws.amazon.com/systems-manager/latest/userguide/agent-install-deb.html).
"""

from components.settings.aws import Architecture

UNIT = "private-registry-sessions"
FILE = "/var/cache/amazon-ssm-agent.deb"


def agent_url(region: str, architecture: Architecture) -> str:
    """Where the region's bucket has the newest agent."""
    suffix = ".cn" if region.startswith("cn-") else ""
    return f"https://s3.{region}.amazonaws.com{suffix}/amazon-ssm-{region}/latest/debian_{architecture}/amazon-ssm-agent.deb"


def install_command(region: str, architecture: Architecture) -> list[str]:
    """A command for cloud-init that installs the agent in the background, after the registry has started or failed to.

    A host without the agent serves as well as one with it, so nothing waits for it or fails with it; a line on the console says so.
    """
    url = agent_url(region, architecture)
    script = (
        # apt's own: a host has it whatever else is on it.
        "PATH=$PATH:/usr/lib/apt; "
        "for pause in 10 60 300; do "
        f"apt-helper download-file {url} {FILE} && apt-get -q -y -o DPkg::Lock::Timeout=300 install {FILE} && exit; "
        "sleep $pause; done; "
        f"echo 'Session Manager does not reach this host: its agent could not be installed from {url}'; exit 1"
    )
    properties = ("Type=oneshot", "After=private-registry.service", "StandardOutput=journal+console")
    options = ["--no-block", "--collect", "--expand-environment=no", f"--unit={UNIT}", *(f"--property={entry}" for entry in properties)]
    return ["systemd-run", *options, "sh", "-c", script]
