"""What the program would have put into the cloud: a bundle, a secret, and the user data that points to both."""

import io
import json
import secrets
import tarfile
from dataclasses import dataclass, field, replace

import bcrypt

from bundle.build import build
from bundle.fleet_archive import FleetArchive, fleet_archive
from bundle.markers import secret_values
from bundle.model import BundleSpec, FleetSpec, Images, OperationsSpec, RegistryMajor, StorageSpec, SweeperSpec, Values
from bundle.operations import OPS_ACCOUNT
from bundle.user_data import UserData, user_data
from tests.blackbox.oci import Account
from tests.certificates import Pair, make_pair
from tests.fleet.cloud import CONFIG_BUCKET, IMAGES_BUCKET, Cloud
from tests.images import TestImages

PREFIX = "registry/fleet"
LEASE_SECONDS = 15


def storage(cloud: Cloud) -> StorageSpec:
    """S3 by the host's role: no key anywhere. The endpoint is the test's: in AWS there is none."""
    section = {"type": "s3", "provider": "Other", "env_auth": "true", "region": cloud.region, "no_check_bucket": "true"}
    section |= {"endpoint": cloud.s3.endpoint, "force_path_style": "true"}
    parameters: dict[str, object] = {
        "bucket": IMAGES_BUCKET,
        "region": cloud.region,
        "rootdirectory": f"/{PREFIX}",
        "chunksize": 32 * 1024 * 1024,
        "regionendpoint": cloud.s3.endpoint,
        "secure": False,
        "forcepathstyle": True,
    }
    return StorageSpec(driver="s3", parameters=parameters, sweeper=SweeperSpec(section, f"{IMAGES_BUCKET}/{PREFIX}", {}), redirect=False)


@dataclass
class Registry:
    """One registry in a cloud: its settings, accounts and keys, and how a new host of it is born."""

    cloud: Cloud
    images: TestImages
    ca: Pair
    port: int
    gc: dict[str, object] = field(default_factory=dict[str, object])
    replicas: int = 2
    names: tuple[str, ...] = ()
    """Names and addresses that the certificate covers."""
    accounts: dict[str, Account] = field(default_factory=lambda: {name: Account(name, secrets.token_hex(16)) for name in ("admin", "ci")})

    def __post_init__(self) -> None:
        ops = Account(OPS_ACCOUNT, secrets.token_hex(16))
        everybody = [*self.accounts.values(), ops]
        hashes = {one.name: bcrypt.hashpw(one.password.encode(), bcrypt.gensalt(5)).decode() for one in everybody}
        pair = self.certificate()
        self.values = Values(
            certificate_pem=pair.certificate,
            private_key_pem=pair.key,
            htpasswd="".join(f"{name}:{hashed}\n" for name, hashed in hashes.items()),
            http_secret=secrets.token_hex(16),
            redis_password=self.cloud.redis.password,
            ops_password=ops.password,
            redis_host=self.cloud.redis.address,
        )
        self.secret = self.cloud.make_secret(f"registry-{secrets.token_hex(4)}", self.secret_text())
        self.archive = self.publish(self.spec())

    @property
    def hostname(self) -> str:
        return self.names[0]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must show up nowhere. Of the private key it is a line out of its middle, because PEM text is escaped in many ways."""
        hashes = [line.partition(":")[2] for line in self.values.htpasswd.split()]
        key = self.values.private_key_pem.splitlines()[1]
        passwords = [account.password for account in self.accounts.values()]
        return (*self.cloud.secrets, *passwords, *hashes, key, self.values.http_secret, self.values.ops_password)

    def certificate(self) -> Pair:
        """A new certificate of the registry's."""
        return make_pair(*self.names, ca=self.ca)

    def secret_text(self) -> str:
        """What the secret in the cloud holds."""
        return json.dumps(secret_values(self.values))

    def rotate_certificate(self) -> Pair:
        """Puts a new certificate into the secret, as `pulumi up` does before the old one ends."""
        pair = self.certificate()
        self.values = replace(self.values, certificate_pem=pair.certificate, private_key_pem=pair.key)
        self.cloud.change_secret(self.secret, self.secret_text())
        return pair

    def spec(self, *, log_level: str = "info") -> BundleSpec:
        """The bundle's settings. Another `log_level` makes another bundle of the same registry."""
        found = self.images
        return BundleSpec(
            hostname=self.hostname,
            port=self.port,
            bind_address="0.0.0.0",  # noqa: S104 - the VM's own addresses
            images=Images(found.registry, found.edge, found.redis, found.config, found.ops, found.sweeper),
            registry_major=RegistryMajor.V3,
            storage=storage(self.cloud),
            replicas=self.replicas,
            log_level=log_level,
            # Without a recycle bin, whose images are kept for days, blobs can be swept while a test waits.
            operations=OperationsSpec(gc=self.gc, retention={"undoDays": 0}),
            fleet=FleetSpec(
                redis_port=self.cloud.redis.port, redis_ca_certificate=self.cloud.redis_ca.certificate, lease_seconds=LEASE_SECONDS
            ),
        )

    def publish(self, spec: BundleSpec) -> FleetArchive:
        """Puts a bundle into the config bucket."""
        archive = fleet_archive(build(spec))
        self.cloud.put_object(CONFIG_BUCKET, archive.key, archive.content)
        return archive

    def archive_text(self) -> str:
        """Everything in the newest bundle, one file after the other."""
        with tarfile.open(fileobj=io.BytesIO(self.archive.content)) as tar:
            members = [tar.extractfile(member) for member in tar if member.isfile()]
            return "\n".join(member.read().decode(errors="replace") for member in members if member)

    def user_data(self, archive: FleetArchive | None = None, **other: str) -> str:
        """The user data of a host with the newest bundle, or another one. `other`: fields to falsify."""
        wanted = archive or self.archive
        right = UserData(CONFIG_BUCKET, wanted.key, wanted.sha256, self.secret, self.cloud.region)
        return user_data(replace(right, **other))
