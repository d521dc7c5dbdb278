"""The edge: nginx.conf and the script that keeps nginx in step with its files and with the replicas' addresses."""

from bundle.model import BundleSpec
from bundle.operations import ALERTS, JOURNAL
from bundle.registry_config import HTTP_PORT
from bundle.templates import render

TLS_PORT = 8443
REDIRECT_PORT = 8080
STATUS_PORT = 8081
"""Loopback only, inside the container: what the health check asks."""
GATE_FILE = "/gate/closed"
"""While this file exists the edge answers 429 to every request that modifies."""
LEASE_FILE = "/gate/lease"
"""Where several hosts share a storage: without a lease in this file that runs, the edge refuses such requests too."""
FENCE_FILE = "/tmp/edge/fenced"  # noqa: S108 - the edge container's own
"""What its script makes then."""
RETRY_AFTER_SECONDS = 5

# Mozilla's "intermediate" list, version 5.7 (https://wiki.mozilla.org/Security/Server_Side_TLS), without the DHE suites:
# they would need a parameter file and every client of a registry speaks ECDHE.
CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
)


def nginx_conf(spec: BundleSpec) -> str:
    """nginx.conf as text. Holds no secret."""
    return render(
        "nginx.conf.j2",
        tls_port=TLS_PORT,
        redirect_port=REDIRECT_PORT if spec.redirect_port else None,
        status_port=STATUS_PORT,
        public_port_suffix="" if spec.port == 443 else f":{spec.port}",
        hsts=spec.hostname != "localhost",
        ciphers=":".join(CIPHERS),
        gate_file=GATE_FILE,
        retry_after=RETRY_AFTER_SECONDS,
        journal=JOURNAL,
        alerts=ALERTS,
        fence_file=FENCE_FILE if spec.fleet else "",
    )


def run_script(spec: BundleSpec) -> str:
    """The edge container's main process as a shell script."""
    return render("edge.sh.j2", replica_port=HTTP_PORT, journal=JOURNAL, alerts=ALERTS, lease=LEASE_FILE if spec.fleet else "")


def replica_list(spec: BundleSpec) -> str:
    """The replicas' names, one a line. The script reads it again and again, so the number can change without a restart of the edge."""
    return "".join(f"{name}\n" for name in spec.replica_names)
