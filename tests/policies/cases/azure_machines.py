"""Cases of the rules on virtual machines and scale sets of Azure."""

from typing import Any

from policies.azure.machines import HOST_ENCRYPTION, PASSWORD_LOGIN, PUBLIC_IP, USER_DATA
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, resource
from tests.policies.cases.aws_machines import CLOUD_INIT, coded

SCALE_SET = "azure-native:compute:VirtualMachineScaleSet"
INTERFACE = "azure-native:network:NetworkInterface"
EXTENSION = "azure-native:compute:VirtualMachineExtension"


def system(**linux: object) -> dict[str, Any]:
    """A part of a machine's inputs."""
    return {"osProfile": {"adminUsername": "admin", "linuxConfiguration": linux}}


def scale_set(**profile: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A scale set whose machines are so."""
    return resource(SCALE_SET, props={"virtualMachineProfile": profile})


def addresses(*configurations: object) -> dict[str, Any]:
    """The network of a scale set."""
    return {"networkProfile": {"networkInterfaceConfigurations": [{"ipConfigurations": list(configurations)}]}}


CASES = [
    Cases(
        PASSWORD_LOGIN,
        compliant={
            "keys only": system(disablePasswordAuthentication=True),
            "a scale set": scale_set(**system(disablePasswordAuthentication=True)),
            "Windows": {"osProfile": {"adminPassword": CANARY, "windowsConfiguration": {}}},
        },
        violating={
            "passwords": Says(("osProfile.linuxConfiguration.disablePasswordAuthentication",), system(disablePasswordAuthentication=False)),
            "default of a system": {"osProfile": {"adminPassword": CANARY}},
            "a scale set": Says(("virtualMachineProfile.osProfile",), scale_set(**system())),
            "of a version": resource("azure-native:compute/v20230301:VirtualMachine", props=system()),
        },
        default={"hardwareProfile": {"vmSize": "Standard_B1s"}},
        default_violates=False,
        unknown={
            "passwords": system(disablePasswordAuthentication=UNKNOWN),
            "system": {"osProfile": UNKNOWN},
            "scale set": resource(SCALE_SET, props={"virtualMachineProfile": UNKNOWN}),
        },
    ),
    Cases(
        HOST_ENCRYPTION,
        compliant={
            "on": {"securityProfile": {"encryptionAtHost": True}},
            "a scale set": scale_set(securityProfile={"encryptionAtHost": True}),
        },
        violating={
            "off": Says(("securityProfile.encryptionAtHost",), {"securityProfile": {"encryptionAtHost": False}}),
            "a scale set": scale_set(securityProfile={}),
        },
        default={"hardwareProfile": {"vmSize": "Standard_B1s"}},
        default_violates=True,
        unknown={"on": {"securityProfile": {"encryptionAtHost": UNKNOWN}}, "profile": {"securityProfile": UNKNOWN}},
    ),
    Cases(
        PUBLIC_IP,
        compliant={
            "an interface": {"ipConfigurations": [{"subnet": {"id": "s"}}]},
            "a scale set": scale_set(**addresses({"subnet": {"id": "s"}})),
            "a machine": resource(
                "azure-native:compute:VirtualMachine", props={"networkProfile": {"networkInterfaces": [{"id": UNKNOWN}]}}
            ),
        },
        violating={
            "an interface": Says(("ipConfigurations[0].publicIPAddress",), {"ipConfigurations": [{"publicIPAddress": UNKNOWN}]}),
            "a scale set": Says(
                ("publicIPAddressConfiguration",), scale_set(**addresses({}, {"publicIPAddressConfiguration": {"name": "ip"}}))
            ),
            "a machine": resource("azure-native:compute:VirtualMachine", props=addresses({"publicIPAddressConfiguration": {"name": "ip"}})),
        },
        default={"location": "westeurope"},
        default_violates=False,
        unknown={
            "an interface": {"ipConfigurations": UNKNOWN},
            "a scale set": scale_set(networkProfile=UNKNOWN),
            "an address": scale_set(**addresses(UNKNOWN)),
        },
    ),
    Cases(
        USER_DATA,
        compliant={
            "references only": {"userData": coded(CLOUD_INIT)},
            "a scale set": scale_set(osProfile={"customData": coded(CLOUD_INIT)}),
            "an extension": resource(
                EXTENSION, props={"settings": {"commandToExecute": "systemctl restart registry"}, "protectedSettings": {"key": CANARY}}
            ),
        },
        violating={
            "user data": Says(("userData holds a value for password",), {"userData": coded(f"password={CANARY}")}),
            "custom data": Says(("osProfile.customData",), {"osProfile": {"customData": coded(f"redis://:{CANARY}@cache:6379")}}),
            "a scale set": Says(
                ("virtualMachineProfile.osProfile.customData holds a private key",),
                scale_set(osProfile={"customData": coded(f"-----BEGIN PRIVATE KEY-----\n{CANARY}")}),
            ),
            "a scale set's user data": scale_set(userData=coded(f"AccountKey='{CANARY}q9Zx4KwB7vLm2TfRj5NhYc8PdE3sGuA6=='")),
            "an extension": Says(
                ("settings holds",), resource(EXTENSION, props={"settings": {"commandToExecute": f"login --password={CANARY}"}})
            ),
        },
        default={"location": "westeurope"},
        default_violates=False,
        unknown={
            "user data": {"userData": UNKNOWN},
            "custom data": {"osProfile": {"customData": UNKNOWN}},
            "a scale set": resource(SCALE_SET, props={"virtualMachineProfile": UNKNOWN}),
            "an extension": resource(EXTENSION, props={"settings": UNKNOWN}),
        },
    ),
]
