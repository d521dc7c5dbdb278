"""Cases of policies/registry/tls.py."""

from policies.registry import tls
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With
from tests.policies.containers import AUTH, PUBLISHED, TLS, config, filled, registry, upload

LOOPBACK = {"ports": [{"internal": 5000, "external": 5000, "ip": "127.0.0.1"}]}
UNKNOWN_FILE = filled(UNKNOWN)

CASES = [
    Cases(
        tls.PORT_PUBLISHED,
        compliant={
            "TLS of its own": registry(*TLS, **PUBLISHED),
            "TLS in its file": registry(
                uploads=[upload("/etc/distribution/config.yml", config(http={"tls": {"certificate": "/c", "key": "/k"}}))], **PUBLISHED
            ),
            "let's encrypt": registry("REGISTRY_HTTP_TLS_LETSENCRYPT_EMAIL=a@example.com", **PUBLISHED),
            "loopback, where that is allowed": With({"allowLoopback": True}, registry(**LOOPBACK)),
            "another port": registry(ports=[{"internal": 9999, "external": 9999}]),
        },
        violating={
            "plain": Says(("port 5000 is published on 0.0.0.0:5000 (ports[0])", "plain HTTP"), registry(*AUTH, **PUBLISHED)),
            "every address by name": registry(ports=[{"internal": 5000, "external": 80, "ip": "0.0.0.0"}]),  # noqa: S104
            "half of TLS": registry(TLS[0], **PUBLISHED),
            "loopback": Says(("127.0.0.1",), registry(**LOOPBACK)),
            "a port of its own choice": registry("REGISTRY_HTTP_ADDR=:6000", ports=[{"internal": 6000, "external": 443}]),
            "a file that nobody sees": registry(mounts=[{"type": "bind", "source": "/srv", "target": "/etc/distribution"}], **PUBLISHED),
            "the second port": registry(ports=[{"internal": UNKNOWN}, {"internal": 5000, "external": 5000}]),
            "an image that is not known, by its command": registry(image=UNKNOWN, command=["registry", "serve", "/x.yml"], **PUBLISHED),
        },
        default=registry(*AUTH),
        default_violates=False,
        unknown={
            "ports": registry(ports=UNKNOWN),
            "a port": registry(ports=[{"internal": UNKNOWN}]),
            "the image": {"image": UNKNOWN, **PUBLISHED},
        },
        ignored={"an edge": {"image": "nginx:1.28.0", "ports": [{"internal": 5000, "external": 443}]}},
    ),
    Cases(
        tls.MINIMUM,
        compliant={"1.3": filled(config(http={"tls": {"minimumtls": "tls1.3"}}))},
        violating={
            "1.0": Says(("tls1.0",), filled(config(http={"tls": {"minimumtls": "tls1.0"}}))),
            "by variable": registry("REGISTRY_HTTP_TLS_MINIMUMTLS=tls1.1"),
        },
        default=filled(config()),
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
    Cases(
        tls.STORAGE,
        compliant={
            "AWS": filled(config(storage={"s3": {"region": "eu-central-1", "bucket": "b"}})),
            "an endpoint with TLS": filled(config(storage={"s3": {"regionendpoint": "https://s3.example.com", "secure": True}})),
            "a private address": filled(config(storage={"s3": {"regionendpoint": "http://172.17.0.1:9000", "secure": False}})),
            "a name of the Docker network": filled(config(storage={"s3": {"regionendpoint": "http://minio:9000"}})),
            "Azurite": filled(config(storage={"azure": {"serviceurl": "http://127.0.0.1:10000/account"}})),
        },
        violating={
            "skipverify": Says(
                ("skipverify",), filled(config(storage={"s3": {"regionendpoint": "https://s3.example.com", "skipverify": True}}))
            ),
            "http": filled(config(storage={"s3": {"regionendpoint": "http://s3.example.com"}})),
            "not secure": filled(config(storage={"s3": {"regionendpoint": "s3.example.com:9000", "secure": False}})),
            "AWS without TLS": filled(config(storage={"s3": {"region": "eu-central-1", "secure": False}})),
            "Azure": filled(config(storage={"azure": {"serviceurl": "http://account.blob.core.windows.net"}})),
            "private addresses refused": With(
                {"allowPrivateAddresses": False}, filled(config(storage={"s3": {"regionendpoint": "http://172.17.0.1:9000"}}))
            ),
        },
        default=filled(config()),
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
    Cases(
        tls.OUTGOING,
        compliant={
            "https": filled(
                config(proxy={"remoteurl": "https://registry-1.docker.io"}, notifications={"endpoints": [{"url": "https://x"}]})
            )
        },
        violating={
            "a mirror": Says(("proxy.remoteurl",), filled(config(proxy={"remoteurl": "http://mirror.example.com"}))),
            "a listener": Says(("endpoints[1]",), filled(config(notifications={"endpoints": [{"url": "https://x"}, {"url": "http://y"}]}))),
        },
        default=filled(config()),
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
]
