"""Accounts and the secrets that the services share."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_random as random

from bundle.operations import OPS_ACCOUNT
from components.settings.model import UserSettings

PASSWORD_LENGTH = 32
"""Letters and digits: 32 of 62 are 190 bits."""
GENERATED_COST = 5
"""bcrypt cost for generated passwords. The registry hashes at every request, and 190 bits need no slow hash to be out of reach."""
SUPPLIED_COST = 10
"""bcrypt cost for passwords that a person chose."""

_STANDARD = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def bcrypt_hash(password: str, salt_base64: str, cost: int) -> str:
    """The htpasswd hash for a password: the same for the same salt (16 bytes, base64), so a second `pulumi up` changes nothing."""
    import bcrypt  # noqa: PLC0415 - a compiled module that previews of unknown values do without

    salt = base64.b64encode(base64.b64decode(salt_base64)[:16]).decode().rstrip("=").translate(str.maketrans(_STANDARD, _BCRYPT))
    # $2y$ is what htpasswd writes; the algorithm is the same as $2b$ (golang.org/x/crypto/bcrypt takes both).
    return bcrypt.hashpw(password.encode(), f"$2b${cost:02d}${salt}".encode()).decode().replace("$2b$", "$2y$", 1)


def htpasswd(hashes: Mapping[str, str]) -> str:
    """The htpasswd file for these accounts' hashes, in the accounts' order."""
    return "".join(f"{name}:{value}\n" for name, value in hashes.items())


@dataclass(frozen=True)
class CredentialsArgs:
    """`users` are the accounts; `redis` says whether a Redis password is needed."""

    users: tuple[UserSettings, ...]
    redis: bool


class Credentials(pulumi.ComponentResource):
    """A random password (where none is supplied) and a random salt an account, `http.secret`, and a Redis password."""

    passwords: Mapping[str, pulumi.Output[str]]
    """Password an account; each secret."""
    ops_password: pulumi.Output[str]
    """Of the account that the `ops` service uses; secret."""
    htpasswd: pulumi.Output[str]
    """The registry's htpasswd file; secret."""
    http_secret: pulumi.Output[str]
    """What the replicas sign upload states with; secret."""
    redis_password: pulumi.Output[str]
    """Secret; empty without Redis."""

    def __init__(self, name: str, args: CredentialsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("private-registry:index:Credentials", name, None, opts)
        self._child = pulumi.ResourceOptions(parent=self)
        passwords: dict[str, pulumi.Output[str]] = {}
        hashes: dict[str, pulumi.Output[str]] = {}
        for user in args.users:
            passwords[user.name] = self._password_of(name, user)
            cost = SUPPLIED_COST if user.password else GENERATED_COST
            hashes[user.name] = self._hash(name, user.name, passwords[user.name], cost, user.rotation)
        self.passwords = passwords
        self.ops_password = self._generated(f"{name}-ops", None)
        hashes[OPS_ACCOUNT] = self._hash(name, OPS_ACCOUNT, self.ops_password, GENERATED_COST, None)
        self.htpasswd = pulumi.Output.secret(pulumi.Output.all(**hashes).apply(htpasswd))
        self.http_secret = self._generated(f"{name}-http-secret", None)
        self.redis_password = self._generated(f"{name}-redis", None) if args.redis else pulumi.Output.secret("")
        self.register_outputs({})

    def _generated(self, name: str, rotation: str | None) -> pulumi.Output[str]:
        made = random.RandomPassword(
            name, length=PASSWORD_LENGTH, special=False, keepers={"rotation": rotation} if rotation else None, opts=self._child
        )
        return pulumi.Output.secret(made.result)

    def _hash(self, name: str, account: str, password: pulumi.Output[str], cost: int, rotation: str | None) -> pulumi.Output[str]:
        salt = random.RandomBytes(
            f"{name}-{account}-salt", length=16, keepers={"rotation": rotation} if rotation else None, opts=self._child
        )
        return pulumi.Output.all(password, salt.base64, cost).apply(lambda all_: bcrypt_hash(*all_))

    def _password_of(self, name: str, user: UserSettings) -> pulumi.Output[str]:
        if user.password:
            return pulumi.Output.secret(user.password.get_secret_value())
        return self._generated(f"{name}-{user.name}", user.rotation)
