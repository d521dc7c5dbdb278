"""Cases of policies/stacks."""

from typing import Any

from policies.containers.facts import CONTAINER
from policies.containers.operation import REMOTE_IMAGE
from policies.rule import Resource
from policies.stacks import exposure
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, resource
from tests.policies.containers import AUTH, AUTH_MOUNT, PUBLISHED, TLS, TLS_SERVER, config, filled, nginx, registry, server, upload

IMAGE = resource(REMOTE_IMAGE, "registry-image", {"name": "registry:3.1.2"})
OTHER_IMAGE = resource(REMOTE_IMAGE, "edge-image", {"name": "nginx:1.28.0"})
FILES = {"mounts": [{"type": "volume", "source": "files", "target": "/etc/distribution"}]}
PLAIN = "listen 80; location / { proxy_pass http://registry; }"
LISTENER = "aws:lb/listener:Listener"


def container(name: str, props: dict[str, Any], *, image: Resource | None = None) -> Resource:
    """A container; with `image`, its image comes from that resource and is not known."""
    if image is None:
        return resource(CONTAINER, name, props)
    return resource(CONTAINER, name, {**props, "image": UNKNOWN}, property_dependencies={"image": (image.urn,)})


REPLICA = container("registry", registry(**FILES))
BY_IMAGE = container("registry", dict(FILES), image=IMAGE)
GOOD_EDGE = container("edge", nginx(server(TLS_SERVER)))
PLAIN_EDGE = container("edge", nginx(server(PLAIN)))
FILLER = container("config", filled(config()))

CASES = [
    Cases(
        exposure.TLS_EDGE,
        compliant={
            "nginx": [REPLICA, GOOD_EDGE],
            "nginx's file given to another container": [
                REPLICA,
                container("config", nginx(server(TLS_SERVER), "/bundle/edge/nginx.conf")),
                container("edge", {"image": "nginx:1", "ports": [{"internal": 8443, "external": 443}]}),
            ],
            "TLS of its own": [container("registry", registry(*TLS, **PUBLISHED))],
            "nothing is published": [REPLICA],
            "only loopback is published": [
                REPLICA,
                container("edge", {"image": "nginx:1", "ports": [{"internal": 80, "ip": "127.0.0.1"}]}),
            ],
            "another proxy": [REPLICA, container("edge", {"image": "traefik:v3.5", "ports": [{"internal": 443, "external": 443}]})],
            "a load balancer": [container("registry", registry(**PUBLISHED)), resource(LISTENER, "lb", {"protocol": "TLS"})],
        },
        violating={
            "plain nginx": Says(("anything in front of it",), [REPLICA, PLAIN_EDGE]),
            "published itself": Says(("speaks TLS",), [container("registry", registry(**AUTH_MOUNT, **PUBLISHED))]),
            "by its image resource": [IMAGE, BY_IMAGE, PLAIN_EDGE],
            "the host's network": [container("registry", registry(networkMode="host"))],
            "a plain load balancer": [REPLICA, resource(LISTENER, "lb", {"protocol": "TCP"})],
            "a proxy without TLS": [REPLICA, container("edge", {"image": "traefik:v3.5", "ports": [{"internal": 80, "external": 80}]})],
        },
        default=[container("registry", registry())],
        default_violates=False,
        unknown={
            "nginx's file": [REPLICA, container("edge", nginx(UNKNOWN))],
            "the ports": [container("registry", registry(ports=UNKNOWN))],
            "the image": [container("app", {"image": UNKNOWN, **PUBLISHED})],
        },
        ignored={
            "no registry": [PLAIN_EDGE],
            "an image resource of another program": [OTHER_IMAGE, container("edge", {**PUBLISHED}, image=OTHER_IMAGE)],
        },
    ),
    Cases(
        exposure.VISIBLE_AUTH,
        compliant={
            "another container fills the volume": [REPLICA, GOOD_EDGE, FILLER],
            "with what is not known yet": [REPLICA, GOOD_EDGE, container("config", filled(UNKNOWN))],
            "variables over a file on the host": [container("registry", registry(*AUTH, **FILES, **PUBLISHED))],
            "its own file": [container("registry", registry(uploads=[upload("/etc/distribution/config.yml", config())], **PUBLISHED))],
            "nothing is published": [REPLICA],
        },
        violating={
            "a file on the host": Says(("/etc/distribution",), [REPLICA, GOOD_EDGE]),
            "another kind of file fills the volume": [REPLICA, GOOD_EDGE, container("config", filled("global: {}", "/x/prometheus.yml"))],
            "by its image resource": [IMAGE, BY_IMAGE, GOOD_EDGE],
            "no file at all": Says(("nothing",), [container("registry", registry(**PUBLISHED))]),
        },
        default=[container("registry", registry())],
        default_violates=False,
        unknown={
            "the ports": [container("registry", registry(ports=UNKNOWN))],
            "variables": [container("registry", registry(UNKNOWN, **PUBLISHED))],
        },
        ignored={"no registry": [PLAIN_EDGE]},
    ),
]
