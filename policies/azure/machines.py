"""Virtual machines and scale sets."""

from collections.abc import Iterator

from policies.azure.types import EXTENSIONS, MACHINES, NETWORK_INTERFACES, SCALE_SETS, AnyVersion
from policies.rule import Finding, Level, Resource, Result, Rule, each
from policies.user_data import decoded, secrets_in
from policies.values import View, strings


def _machine(resource: Resource) -> View:
    """What describes the machine: the resource, or a scale set's profile."""
    return resource.props.view("virtualMachineProfile") if resource.type in SCALE_SETS else resource.props


def _password(resource: Resource, _: View) -> Iterator[Result]:
    """Unset disablePasswordAuthentication means that passwords are taken
    (https://learn.microsoft.com/rest/api/compute/virtual-machines/create-or-update, LinuxConfiguration). A machine from a prepared disk has
    no osProfile, and Windows has no other way in."""
    machine = _machine(resource)
    if not machine.has("osProfile"):
        return
    system = machine.view("osProfile")
    if system.has("windowsConfiguration"):
        return
    linux = system.view("linuxConfiguration")
    if linux.flag("disablePasswordAuthentication") is not True:
        yield Finding(f"{linux.at('disablePasswordAuthentication')} is not true")


PASSWORD_LOGIN = Rule(
    id="azure-password-login",
    title="Linux machines take no password for a login",
    why="A password is guessed or reused sooner or later, and SSH is scanned for all day.",
    fix="Set osProfile.linuxConfiguration.disablePasswordAuthentication to true and give an SSH key, or use Bastion with Entra ID.",
    types=AnyVersion((*MACHINES, *SCALE_SETS)),
    check=_password,
)


def _host_encryption(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means off. Managed disks are always encrypted, but not the host's caches and temporary disk
    (https://learn.microsoft.com/azure/virtual-machines/disk-encryption-overview)."""
    security = _machine(resource).view("securityProfile")
    if security.flag("encryptionAtHost") is not True:
        yield Finding(f"{security.at('encryptionAtHost')} is not true")


HOST_ENCRYPTION = Rule(
    id="azure-disk-encryption",
    title="Caches and temporary disks of the host are encrypted too",
    why="Images and logs pass through them. A subscription has to register the feature EncryptionAtHost first, so this is advice.",
    fix="Register Microsoft.Compute/EncryptionAtHost once, and set securityProfile.encryptionAtHost to true.",
    level=Level.ADVISORY,
    types=AnyVersion((*MACHINES, *SCALE_SETS)),
    check=_host_encryption,
)


def _public_ip(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means none (https://learn.microsoft.com/azure/virtual-network/ip-services/public-ip-addresses)."""
    if resource.type in NETWORK_INTERFACES:
        yield from each(resource.props.views("ipConfigurations"), lambda address: _public(address, "publicIPAddress"))
        return
    for interface in _machine(resource).view("networkProfile").views("networkInterfaceConfigurations"):
        yield from each(
            [interface],
            lambda view: each(view.views("ipConfigurations"), lambda address: _public(address, "publicIPAddressConfiguration")),
        )


def _public(address: View, key: str) -> Iterator[Result]:
    if address.has(key):
        yield Finding(f"{address.at(key)} is set")


PUBLIC_IP = Rule(
    id="azure-public-ip",
    title="Hosts have no public address",
    why="Only the load balancer has to be reached. A single host without a balancer needs one, so this is advice.",
    fix="Use a load balancer for what comes in and a NAT gateway for what goes out.",
    level=Level.ADVISORY,
    types=AnyVersion((*NETWORK_INTERFACES, *MACHINES, *SCALE_SETS)),
    check=_public_ip,
)


def _user_data(resource: Resource, _: View) -> Iterator[Result]:
    """Unset means none."""
    if resource.type in EXTENSIONS:
        settings = resource.props.value("settings")
        for text in strings(settings):
            for kind in secrets_in(decoded(text)):
                yield Finding(f"settings holds {kind}")
        return
    machine = _machine(resource)
    yield from each([machine], lambda view: _text(view, "userData"))
    yield from each([machine], lambda view: _text(view.view("osProfile"), "customData") if view.has("osProfile") else ())


def _text(view: View, key: str) -> Iterator[Result]:
    text = view.text(key)
    for kind in secrets_in(decoded(text)) if text else ():
        yield Finding(f"{view.at(key)} holds {kind}")


USER_DATA = Rule(
    id="azure-user-data-secret",
    title="User data, custom data and extension settings hold no secret",
    why="Every process on the host reads user data from the metadata service, and who may read the machine's description the rest.",
    fix="Keep the secret in Key Vault and let the host fetch it with its identity (for an extension: protectedSettings).",
    types=AnyVersion((*MACHINES, *SCALE_SETS, *EXTENSIONS)),
    check=_user_data,
)
