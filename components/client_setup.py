"""What a person types to use the registry."""

TRUST = """\
# 1. Trust the registry's CA. Its certificate is the stack output caCertificate.
pulumi stack output caCertificate > registry-ca.crt

#    Docker
sudo install -D -m 644 registry-ca.crt /etc/docker/certs.d/{address}/ca.crt
#    podman, skopeo, buildah, CRI-O
sudo install -D -m 644 registry-ca.crt /etc/containers/certs.d/{address}/ca.crt
#    containerd (with config_path = "/etc/containerd/certs.d" in its config.toml)
sudo install -D -m 644 registry-ca.crt /etc/containerd/certs.d/{address}/ca.crt
printf 'server = "https://{address}"\\n[host."https://{address}"]\\n  ca = "/etc/containerd/certs.d/{address}/ca.crt"\\n' \\
  | sudo tee /etc/containerd/certs.d/{address}/hosts.toml

# 2. Log in. The password never shows on the screen or in the process list.
"""

PUBLIC = """\
# Log in. The certificate comes from a public CA, so there is nothing to trust first.
"""

LOGIN = """\
pulumi stack output accounts --show-secrets --json | python3 -c 'import json,sys; print(json.load(sys.stdin)["{account}"])' \\
  | docker login --username {account} --password-stdin {address}
# (podman login and skopeo login take the same options.)
"""


def client_setup(address: str, account: str, *, private_ca: bool) -> str:
    """The lines for Docker, podman and containerd. `address` is host[:port]; no secret is in the text."""
    return (TRUST if private_ca else PUBLIC).format(address=address) + LOGIN.format(address=address, account=account)
