"""TLS of the registry itself: its own listener, and what it connects to."""

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from policies.containers.facts import CONTAINER, Port, each_port, is_registry
from policies.registry.config_file import DEFAULT_PORT, RegistryConfig, each_config
from policies.rule import AnyRule, Finding, Parameter, Resource, Result, Rule
from policies.values import View

_OLD = frozenset(("tls1.0", "tls1.1"))


def has_tls(config: View) -> bool:
    """Whether the registry's own listener speaks TLS."""
    tls = config.view("http").view("tls")
    return bool((tls.text("certificate") and tls.text("key")) or tls.view("letsencrypt").keys())


def http_port(config: View) -> int:
    """The port of the registry's listener."""
    port = (config.view("http").text("addr") or "").rpartition(":")[2]
    return int(port) if port.isdigit() else DEFAULT_PORT


def _published(resource: Resource, parameters: View) -> Iterator[Result]:
    container = resource.props
    if not container.count("ports") or not is_registry(container):
        return
    secured: list[bool] = []
    http_ports: list[int] = []

    def look(config: RegistryConfig) -> Iterator[Result]:
        secured.append(has_tls(config.data))
        http_ports.append(http_port(config.data))
        return iter(())

    yield from each_config(resource, look)
    if any(secured):
        return

    def check(port: Port) -> Iterator[Result]:
        if port.internal in (http_ports or [DEFAULT_PORT]) and not (port.is_loopback and parameters.flag("allowLoopback")):
            yield Finding(f"{port.label} and the registry speaks plain HTTP there: passwords and images cross the network in the clear")

    yield from each_port(container, check)


PORT_PUBLISHED = Rule(
    id="registry-port-not-published",
    title="A registry's plain HTTP port is not published",
    why="It goes around the edge: around TLS, the write gate and the journal that garbage collection relies on.",
    fix="Remove the port from the registry's container and publish an edge with TLS, or set http.tls.certificate and http.tls.key.",
    types=(CONTAINER,),
    parameters={"allowLoopback": Parameter(False, "Whether 127.0.0.1 is acceptable.")},
    check=_published,
)


def _minimum(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        lowest = config.data.view("http").view("tls").text("minimumtls")
        if lowest in _OLD:
            yield Finding(f"{config.at('http.tls.minimumtls')} is {lowest}")

    yield from each_config(resource, check)


MINIMUM = Rule(
    id="registry-tls-version",
    title="A registry with TLS of its own speaks TLS 1.2 or newer",
    why="TLS 1.0 and 1.1 are broken and no container client needs them.",
    fix="Set http.tls.minimumtls to tls1.2 or tls1.3.",
    types=(CONTAINER,),
    check=_minimum,
)


def _is_private(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or "." not in host  # a name of the Docker network


def _storage(resource: Resource, parameters: View) -> Iterator[Result]:
    private_allowed = parameters.flag("allowPrivateAddresses")

    def check(config: RegistryConfig) -> Iterator[Result]:
        s3 = config.data.view("storage").view("s3")
        if s3.flag("skipverify"):
            yield Finding(f"{config.at('storage.s3.skipverify')} is true: any server can pose as the storage")
        endpoint = s3.text("regionendpoint") or ""
        plain = endpoint.startswith("http://") or s3.flag("secure") is False
        if plain and not (private_allowed and endpoint and _is_private(endpoint if "//" in endpoint else f"//{endpoint}")):
            yield Finding(f"{config.at('storage.s3')} is used without TLS")
        azure = config.data.view("storage").view("azure").text("serviceurl") or ""
        if azure.startswith("http://") and not (private_allowed and _is_private(azure)):
            yield Finding(f"{config.at('storage.azure.serviceurl')} is used without TLS")

    yield from each_config(resource, check)


STORAGE = Rule(
    id="registry-storage-tls",
    title="A registry talks to its object storage over TLS",
    why="Keys' signatures and every layer go over this connection.",
    fix="Use an https:// endpoint, set secure to true and remove skipverify; give the registry the storage's CA instead.",
    types=(CONTAINER,),
    parameters={"allowPrivateAddresses": Parameter(True, "Whether private addresses and names of the Docker network may be plain HTTP.")},
    check=_storage,
)


def _outgoing(resource: Resource, _parameters: View) -> Iterator[Result]:
    def check(config: RegistryConfig) -> Iterator[Result]:
        if (config.data.view("proxy").text("remoteurl") or "").startswith("http://"):
            yield Finding(f"{config.at('proxy.remoteurl')} is plain HTTP")
        for number, target in enumerate(config.data.view("notifications").views("endpoints")):
            if (target.text("url") or "").startswith("http://"):
                yield Finding(f"{config.at(f'notifications.endpoints[{number}].url')} is plain HTTP")

    yield from each_config(resource, check)


OUTGOING = Rule(
    id="registry-outgoing-tls",
    title="A registry mirrors and notifies over https",
    why="Mirrored images could be changed on their way, and notifications say who pulls what.",
    fix="Use https:// in proxy.remoteurl and in notifications.endpoints.",
    types=(CONTAINER,),
    check=_outgoing,
)

RULES: tuple[AnyRule, ...] = (PORT_PUBLISHED, MINIMUM, STORAGE, OUTGOING)
