"""A registry and what stands in front of it, seen together."""

from collections.abc import Iterator
from dataclasses import replace

from policies.containers.facts import CONTAINER, File, image_name, is_registry, mount_targets, ports
from policies.containers.operation import REMOTE_IMAGE
from policies.registry.auth import has_auth
from policies.registry.config_file import YAML_FILE, RegistryConfig, each_config, takes_file_from_elsewhere
from policies.registry.edge import each_nginx
from policies.registry.nginx import Directive, servers
from policies.registry.tls import has_tls
from policies.rule import AnyRule, Finding, Resource, Result, Stack, StackResult, StackRule, Undecided, about
from policies.values import Unknown, View

_TLS_PROXIES = frozenset(("traefik", "caddy", "haproxy", "envoy", "nginx-proxy", "httpd"))
_TLS_PORTS = frozenset((443, 8443))
_LISTENERS = ("aws:lb/listener:Listener", "aws:alb/listener:Listener", "aws:elasticloadbalancingv2/listener:Listener")


def _registry(stack: Stack, container: Resource) -> Resource | None:
    """The container if it runs the registry, with its image's name where the image comes from a resource of its own; otherwise None."""
    sources = [image for image in stack.of(REMOTE_IMAGE) if image.identity in container.property_dependencies.get("image", ())]
    names = [name for image in sources if (name := image.props.text("name"))]
    if names and not isinstance(container.props.data, Unknown):
        container = replace(container, props=View({**container.props.data, "image": names[0]}))
    return container if is_registry(container.props) else None


def _is_published(container: View) -> bool:
    return container.text("networkMode") == "host" or any(not port.is_loopback for port in ports(container))


def _configs(container: Resource) -> tuple[list[RegistryConfig], list[Undecided]]:
    """The registry configurations that a container is given, and what can't be seen of them."""
    found: list[RegistryConfig] = []

    def collect(config: RegistryConfig) -> Iterator[Result]:
        found.append(config)
        return iter(())

    hidden = [result for result in each_config(container, collect) if isinstance(result, Undecided)]
    return found, hidden


def _edges(stack: Stack) -> Iterator[bool | Undecided]:
    """For everything that can stand in front of a registry: whether it speaks TLS."""
    for container in stack.of(CONTAINER):
        seen: list[bool] = []

        def look(_file: File, config: Directive, seen: list[bool] = seen) -> Iterator[Result]:
            seen.append(any(server.has_tls for server in servers(config)))
            return iter(())

        yield from (result for result in each_nginx(container, look) if isinstance(result, Undecided))
        yield from seen
        name = container.props.known("image")
        if isinstance(name, str) and image_name(name) in _TLS_PROXIES:
            yield any(port.internal in _TLS_PORTS for port in ports(container.props))
    for listener in stack.of(*_LISTENERS):
        yield listener.props.text("protocol") in ("TLS", "HTTPS")


def _tls_edge(stack: Stack, _parameters: View) -> Iterator[StackResult]:
    def check(candidate: Resource) -> Iterator[Result]:
        container = _registry(stack, candidate)
        if container is None:
            return
        if not any(_is_published(other.props) for other in stack.of(CONTAINER)) and not stack.of(*_LISTENERS):
            return
        configs, hidden = _configs(container)
        if any(has_tls(config.data) for config in configs):
            return
        edges = list(_edges(stack))
        if True in edges:
            return
        unseen = [*hidden, *(edge for edge in edges if isinstance(edge, Undecided))]
        if unseen:
            yield from unseen
        else:
            yield Finding("ports are published in this stack, and neither the registry nor anything in front of it speaks TLS")

    for container in stack.of(CONTAINER):
        yield from about(container, lambda container=container: check(container))


TLS_EDGE = StackRule(
    id="registry-has-tls-edge",
    title="A registry that can be reached has TLS in front of it",
    why="Passwords and images cross the network in the clear, and Docker refuses such a registry unless it is declared insecure.",
    fix="Add an edge: nginx with `listen 8443 ssl` and its port published, or set http.tls in the registry's config.yml.",
    types=(CONTAINER, REMOTE_IMAGE, *_LISTENERS),
    check=_tls_edge,
)


def _visible_auth(stack: Stack, _parameters: View) -> Iterator[StackResult]:
    def fills_a_volume(container: Resource) -> bool:
        """Whether it is given a registry configuration for another one; its own auth is looked at where it is."""
        if any(
            YAML_FILE.search(upload.text("file") or "") and not isinstance(upload.known("content"), str)
            for upload in container.props.views("uploads")
        ):
            return True
        return any(not config.own for config in _configs(container)[0])

    def check(candidate: Resource) -> Iterator[Result]:
        container = _registry(stack, candidate)
        if container is None or not any(_is_published(other.props) for other in stack.of(CONTAINER)):
            return
        configs, _ = _configs(container)
        if any(has_auth(config.data) for config in configs):
            return
        if takes_file_from_elsewhere(container.props) and any(fills_a_volume(other) for other in stack.of(CONTAINER)):
            return
        folders = ", ".join(sorted(target for target in mount_targets(container.props) if target)) or "nothing"
        yield Finding(
            f"no configuration with an auth section is seen for it: not in envs, not in uploads, and nobody fills its mounts ({folders})"
        )

    for container in stack.of(CONTAINER):
        yield from about(container, lambda container=container: check(container))


VISIBLE_AUTH = StackRule(
    id="published-registry-authenticates",
    title="A registry that can be reached asks for an account, and the stack shows it",
    why="A configuration that lies on the host can lose its auth section and nobody sees it in a preview.",
    fix="Upload config.yml with an auth section (uploads), or set REGISTRY_AUTH and REGISTRY_AUTH_HTPASSWD_PATH in envs.",
    types=(CONTAINER, REMOTE_IMAGE),
    check=_visible_auth,
)

RULES: tuple[AnyRule, ...] = (TLS_EDGE, VISIBLE_AUTH)
