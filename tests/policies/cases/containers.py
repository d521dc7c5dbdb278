"""Cases of policies/containers."""

from policies.containers import isolation, operation
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, With, resource
from tests.policies.containers import registry

SOCKET = "/var/run/docker.sock"


def bind(source: object, target: str = "/x") -> dict[str, object]:
    """A container with a folder of the host."""
    return {"mounts": [{"type": "bind", "source": source, "target": target}]}


CASES = [
    Cases(
        isolation.PRIVILEGED,
        compliant={"said so": {"privileged": False}},
        violating={"privileged": {"privileged": True}},
        default={},
        default_violates=False,
        unknown={"privileged": {"privileged": UNKNOWN}},
    ),
    Cases(
        isolation.NAMESPACES,
        compliant={"bridge": {"networkMode": "bridge"}, "none": {"networkMode": "none"}},
        violating={
            "network": Says(("networkMode",), {"networkMode": "host"}),
            "processes": Says(("pidMode",), {"pidMode": "host"}),
            "memory": {"ipcMode": "host"},
            "users": {"usernsMode": "host"},
        },
        default={},
        default_violates=False,
        unknown={"network": {"networkMode": UNKNOWN}},
    ),
    Cases(
        isolation.SOCKET,
        compliant={"a volume": {"volumes": [{"volumeName": "images", "containerPath": "/var/lib/registry"}]}},
        violating={
            "a mount": Says((SOCKET, "mounts[0]"), bind(SOCKET)),
            "a volume, read-only": {"volumes": [{"hostPath": "/run/docker.sock", "containerPath": "/s", "readOnly": True}]},
            "after one that is not known": {"mounts": [{"source": UNKNOWN}, {"source": "/run/containerd/containerd.sock", "target": "/s"}]},
        },
        default={},
        default_violates=False,
        unknown={"source": bind(UNKNOWN), "all": {"volumes": UNKNOWN}},
    ),
    Cases(
        isolation.HOST_FOLDERS,
        compliant={
            "a folder of its own": bind("/srv/registry"),
            "a file": bind("/etc/ssl/certs/ca-certificates.crt"),
            "a volume": {"volumes": [{"volumeName": "etc", "containerPath": "/etc"}]},
            "a parameter": With({"folders": ["/secret"]}, bind("/etc")),
        },
        violating={
            "the root": Says(("the host's / is mounted",), bind("/")),
            "with a slash": bind("/etc/"),
            "the other notation": Says(("volumes[0]",), {"volumes": [{"hostPath": "/var/lib/docker", "containerPath": "/d"}]}),
            "a parameter": With({"folders": ["/secret"]}, bind("/secret")),
        },
        default={},
        default_violates=False,
        unknown={"source": bind(UNKNOWN)},
    ),
    Cases(
        isolation.CAPABILITIES,
        compliant={"harmless": {"capabilities": {"adds": ["CAP_CHOWN", "NET_BIND_SERVICE"]}}},
        violating={
            "SYS_ADMIN": Says(("SYS_ADMIN",), {"capabilities": {"adds": ["CAP_CHOWN", "CAP_SYS_ADMIN"]}}),
            "all": {"capabilities": {"adds": ["all"]}},
            "a parameter": With({"refused": ["CHOWN"]}, {"capabilities": {"adds": ["CHOWN"]}}),
        },
        default={},
        default_violates=False,
        unknown={"adds": {"capabilities": {"adds": UNKNOWN}}, "all of it": {"capabilities": UNKNOWN}},
    ),
    Cases(
        isolation.DROPS,
        compliant={"all": {"capabilities": {"drops": ["ALL"]}}},
        violating={"one": {"capabilities": {"drops": ["CAP_NET_RAW"]}}},
        default={},
        default_violates=True,
        unknown={"drops": {"capabilities": {"drops": UNKNOWN}}},
    ),
    Cases(
        isolation.NEW_PRIVILEGES,
        compliant={"set": {"securityOpts": ["no-new-privileges:true"]}, "the short form": {"securityOpts": ["no-new-privileges"]}},
        violating={"switched off": {"securityOpts": ["no-new-privileges:false"]}},
        default={},
        default_violates=True,
        unknown={"options": {"securityOpts": UNKNOWN}},
    ),
    Cases(
        operation.PINNED,
        compliant={
            "a tag": {"name": "registry:3.1.2"},
            "a digest": {"name": "registry@sha256:" + "0" * 64},
            "another registry with a port": {"name": "registry.example.com:5000/base/registry:3.1.2"},
            "an id": resource("docker:index/container:Container", props={"image": "sha256:" + "0" * 64}),
        },
        violating={
            "no tag": Says(("name registry has no tag",), {"name": "registry"}),
            "latest": {"name": "registry:latest"},
            "a port is no tag": {"name": "registry.example.com:5000/registry"},
            "a container": Says(("image nginx",), resource("docker:index/container:Container", props={"image": "nginx"})),
        },
        default={},
        default_violates=False,
        unknown={"name": {"name": UNKNOWN}},
        ignored={"a container whose image another resource makes": resource("docker:index/container:Container", props={"image": UNKNOWN})},
    ),
    Cases(
        operation.HEALTH,
        compliant={"set": {"healthcheck": {"tests": ["CMD", "true"]}}},
        violating={"switched off": {"healthcheck": {"tests": ["NONE"]}}, "empty": {"healthcheck": {"tests": []}}},
        default={},
        default_violates=True,
        unknown={"tests": {"healthcheck": {"tests": UNKNOWN}}},
    ),
    Cases(
        operation.MEMORY,
        compliant={"set": {"memory": 512}},
        violating={"none": {"memory": 0}},
        default={},
        default_violates=True,
        unknown={"memory": {"memory": UNKNOWN}},
    ),
    Cases(
        operation.DEBUG_PORT,
        compliant={"another": {"ports": [{"internal": 8443, "external": 5001}]}},
        violating={
            "published": Says(("port 5001",), {"ports": [{"internal": 5001, "external": 5001}]}),
            "on loopback": {"ports": [{"internal": 5001, "ip": "127.0.0.1"}]},
            "a parameter": With({"ports": ["6001"]}, {"ports": [{"internal": 6001}]}),
        },
        default={},
        default_violates=False,
        unknown={"ports": {"ports": UNKNOWN}, "a port": {"ports": [{"internal": UNKNOWN}]}},
    ),
    Cases(
        operation.REDIS_PORT,
        compliant={"another": {"ports": [{"internal": 8443, "external": 6379}]}},
        violating={"published": Says(("port 6379",), {"ports": [{"internal": 6379, "external": 16379, "ip": "127.0.0.1"}]})},
        default={},
        default_violates=False,
        unknown={"ports": {"ports": UNKNOWN}},
    ),
    Cases(
        operation.MONITORING_PORT,
        compliant={"loopback": {"ports": [{"internal": 9090, "external": 9090, "ip": "127.0.0.1"}]}},
        violating={
            "published": Says(("port 9090",), {"ports": [{"internal": 9090, "external": 9090}]}),
            "a parameter": With({"allowLoopback": False}, {"ports": [{"internal": 9093, "ip": "::1"}]}),
        },
        default={},
        default_violates=False,
        unknown={"ports": {"ports": UNKNOWN}},
    ),
    Cases(
        operation.ENVIRONMENT,
        compliant={
            "no secret": registry("OTEL_TRACES_EXPORTER=none", "REGISTRY_AUTH_TOKEN_REALM=https://auth.example.com/token"),
            "a path": registry("REGISTRY_AUTH_HTPASSWD_PATH=/auth/htpasswd", "POSTGRES_PASSWORD_FILE=/run/secrets/db"),
            "empty": registry("REDIS_PASSWORD="),
            "a parameter": With({"allowed": ["CSRF_TOKEN"]}, registry("CSRF_TOKEN=off")),
        },
        violating={
            "a password": Says(("REDIS_PASSWORD",), registry("A=b", f"REDIS_PASSWORD={CANARY}")),
            "S3's key": registry(f"REGISTRY_STORAGE_S3_SECRETKEY={CANARY}"),
            "Azure's key": registry(f"REGISTRY_STORAGE_AZURE_ACCOUNTKEY={CANARY}"),
            "http.secret": registry(f"REGISTRY_HTTP_SECRET={CANARY}"),
            "in a URL": registry(f"REGISTRY_REDIS_ADDR=redis://:{CANARY}@redis:6379"),
            "a private key": registry(f"CERT=-----BEGIN EC PRIVATE KEY-----{CANARY}"),
            "an argument": Says(("command[1]",), {"command": ["redis-server", f"--requirepass={CANARY}"]}),
            "an argument and its value": {"entrypoints": ["redis-server", "--requirepass", CANARY]},
            "an argument beside a variable that is not known": {"envs": [UNKNOWN], "command": ["--password", CANARY]},
        },
        default={},
        default_violates=False,
        unknown={"a variable": registry(UNKNOWN), "an argument": {"command": ["a", UNKNOWN]}},
    ),
    Cases(
        operation.ENGINE,
        compliant={
            "SSH": {"host": "ssh://admin@registry.example.com"},
            "certificates": {"host": "tcp://registry.example.com:2376", "certMaterial": CANARY, "keyMaterial": CANARY},
            "a socket": {"host": "unix:///var/run/docker.sock"},
        },
        violating={"plain": Says(("tcp://",), {"host": "tcp://registry.example.com:2375"})},
        default={},
        default_violates=False,
        unknown={"host": {"host": UNKNOWN}},
    ),
]
