"""Cases of the rules on virtual machines."""

import base64
import gzip
from typing import Any

from policies.aws.machines import DISKS, IMDS_HOPS, IMDS_V2, PUBLIC_IP, USER_DATA
from policies.aws.types import LAUNCH_CONFIGURATIONS, LAUNCH_TEMPLATES, SUBNETS, VOLUMES
from policies.rule import Resource
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, With, resource


def template(**props: Any) -> Resource:  # noqa: ANN401 - inputs of a resource
    """A launch template."""
    return resource(LAUNCH_TEMPLATES[0], props=props)


def metadata(**options: object) -> dict[str, Any]:
    """Inputs with options of the metadata service."""
    return {"metadataOptions": options}


def coded(text: str) -> str:
    """As launch templates want it."""
    return base64.b64encode(text.encode()).decode()


CLOUD_INIT = """#cloud-config
ssh_pwauth: false
write_files:
  - path: /etc/registry/bootstrap.env
    content: |
      BUNDLE_URL=s3://example-config/bundle.tar.gz
      BUNDLE_SHA256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      SECRET_ARN=arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf
      SECRET_ID=registry/prod
      SECRET_NAME=registry-prod-2026-x7k9q2m4
      PASSWORD_FILE="registry1.txt"
  - path: /usr/local/bin/fetch
    content: |
      token = urlopen(Request(IMDS + "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "300"}))
      secret = json.loads(client.get_secret_value(SecretId=os.environ["SECRET_ID"])["SecretString"])
      password = secret["redis_password"]
      TOKEN=$(curl -X PUT "http://169.254.169.254/latest/api/token")
      REDIS_PASSWORD="$(jq -r .redis /run/secrets.json)"
      redis-cli -u "rediss://:${REDIS_PASSWORD}@cache:6379"
"""

ENCRYPTED = {"deviceName": "/dev/xvda", "ebs": {"encrypted": "true", "volumeType": "gp3"}}

CASES = [
    Cases(
        IMDS_V2,
        compliant={
            "required": metadata(httpTokens="required", httpPutResponseHopLimit=2),
            "off": metadata(httpEndpoint="disabled"),
            "a template's": template(**metadata(httpTokens="required")),
            "from the template": {"launchTemplate": {"id": UNKNOWN}},
        },
        violating={
            "optional": Says(("httpTokens is optional",), metadata(httpTokens="optional")),
            "a template's": template(imageId="ami-1"),
            "a configuration's": resource(LAUNCH_CONFIGURATIONS[0], props=metadata(httpEndpoint="enabled")),
            "against the template": {"launchTemplate": {"id": UNKNOWN}, **metadata(httpTokens="optional")},
        },
        default={"ami": "ami-1"},
        default_violates=True,
        unknown={"tokens": metadata(httpTokens=UNKNOWN), "options": {"metadataOptions": UNKNOWN}},
    ),
    Cases(
        IMDS_HOPS,
        compliant={"one": metadata(httpPutResponseHopLimit=1), "two": template(**metadata(httpPutResponseHopLimit=2.0))},
        violating={
            "three": Says(("is 3, more than 2",), metadata(httpPutResponseHopLimit=3)),
            "two where one is wanted": With({"most": 1}, metadata(httpPutResponseHopLimit=2)),
            "a template's": template(**metadata(httpPutResponseHopLimit=64)),
        },
        default={"ami": "ami-1"},
        default_violates=False,
        unknown={"hops": metadata(httpPutResponseHopLimit=UNKNOWN)},
    ),
    Cases(
        DISKS,
        compliant={
            "an instance's": {"rootBlockDevice": {"encrypted": True}, "ebsBlockDevices": [{"encrypted": True}]},
            "a template's": template(blockDeviceMappings=[ENCRYPTED, {"deviceName": "/dev/sdb", "virtualName": "ephemeral0"}]),
            "from the template": {"launchTemplate": {"id": UNKNOWN}},
            "a volume": resource(VOLUMES[0], props={"encrypted": True}),
            "the account's default": With({"encryptedByDefault": True}, template()),
        },
        violating={
            "root disk": Says(("rootBlockDevice.encrypted",), {"rootBlockDevice": {"encrypted": False}}),
            "second disk": Says(("ebsBlockDevices[0]",), {"rootBlockDevice": {"encrypted": True}, "ebsBlockDevices": [{"volumeSize": 8}]}),
            "a template's": Says(
                ("blockDeviceMappings[1].ebs.encrypted",), template(blockDeviceMappings=[ENCRYPTED, {"ebs": {"encrypted": "false"}}])
            ),
            "a template without disks": template(),
            "a volume": resource(VOLUMES[0], props={"size": 8}),
        },
        default={"ami": "ami-1"},
        default_violates=True,
        unknown={
            "root disk": {"rootBlockDevice": {"encrypted": UNKNOWN}},
            "disks": template(blockDeviceMappings=UNKNOWN),
            "a disk": template(blockDeviceMappings=[ENCRYPTED, {"ebs": UNKNOWN}]),
        },
    ),
    Cases(
        PUBLIC_IP,
        compliant={
            "without": {"associatePublicIpAddress": False},
            "a template's": template(networkInterfaces=[{"associatePublicIpAddress": "false"}]),
            "a subnet": resource(SUBNETS[0], props={"mapPublicIpOnLaunch": False}),
        },
        violating={
            "with": {"associatePublicIpAddress": True},
            "a template's": Says(
                ("networkInterfaces[0].associatePublicIpAddress",), template(networkInterfaces=[{"associatePublicIpAddress": "true"}])
            ),
            "a subnet": Says(("mapPublicIpOnLaunch",), resource(SUBNETS[0], props={"mapPublicIpOnLaunch": True})),
        },
        default={"ami": "ami-1"},
        default_violates=False,
        unknown={
            "instance": {"associatePublicIpAddress": UNKNOWN},
            "a template's": template(networkInterfaces=[{"associatePublicIpAddress": UNKNOWN}]),
            "a subnet": resource(SUBNETS[0], props={"mapPublicIpOnLaunch": UNKNOWN}),
        },
    ),
    Cases(
        USER_DATA,
        compliant={
            "references only": {"userData": CLOUD_INIT},
            "a template's": template(userData=coded(CLOUD_INIT)),
            "compressed": {"userDataBase64": base64.b64encode(gzip.compress(CLOUD_INIT.encode())).decode()},
            "a script that looks for keys": {"userData": 'grep -q "-----BEGIN PRIVATE KEY-----" "$1"'},
            "binary": {"userDataBase64": base64.b64encode(b"\xff\xfe\x00").decode()},
        },
        violating={
            "key": Says(("a private key",), {"userData": f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n-----END RSA PRIVATE KEY-----"}),
            "AWS key": Says(("an AWS access key",), {"userData": "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"}),
            "secret key": Says(
                ("a value for AWS_SECRET_ACCESS_KEY",), {"userData": f"AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfi{CANARY}"}
            ),
            "password": Says(("a value for REDIS_PASSWORD",), template(userData=coded(f"REDIS_PASSWORD={CANARY}"))),
            "in YAML": Says(("a value for password",), {"userData": f"password: '{CANARY}'"}),
            "hash": Says(("a password hash",), {"userData": f"admin:$2y$12${'a' * 53}"}),
            "URL": Says(("a password in a URL",), {"userData": f"redis://:{CANARY}@cache:6379"}),
            "token": {"userData": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2ln"},
            "in a file of cloud-init": template(
                userData=coded(f"write_files:\n- encoding: b64\n  content: {coded('password=' + CANARY + ' and more text around')}")
            ),
            "compressed": {"userDataBase64": base64.b64encode(gzip.compress(f"password={CANARY}".encode())).decode()},
            "a configuration's": resource(LAUNCH_CONFIGURATIONS[0], props={"userData": f"passwd={CANARY}"}),
        },
        default={"ami": "ami-1"},
        default_violates=False,
        unknown={"text": {"userData": UNKNOWN}, "a template's": template(userData=UNKNOWN)},
    ),
]
