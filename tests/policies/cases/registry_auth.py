"""Cases of policies/registry/auth.py."""

from policies.registry import auth
from policies.values import UNKNOWN
from tests.policies.case import CANARY, Cases, Says, With
from tests.policies.containers import AUTH, AUTH_MOUNT, BCRYPT, HTPASSWD, config, filled, registry, upload

TOKEN = {"realm": "https://auth.example.com/token", "service": "registry", "issuer": "auth", "rootcertbundle": "/etc/auth.crt"}
UNKNOWN_FILE = filled(UNKNOWN)
OTHER = {"image": "busybox:1.37.0", "envs": []}


def token(**changed: str | bool | None) -> dict[str, object]:
    """A container with a configuration for tokens."""
    return filled(config(auth={"token": {key: value for key, value in {**TOKEN, **changed}.items() if value is not None}}))


CASES = [
    Cases(
        auth.CONFIGURED,
        compliant={
            "htpasswd in a file for another container": filled(config()),
            "token": token(),
            "variables": registry(*AUTH, **AUTH_MOUNT),
            "variables over a file": registry(
                *AUTH,
                uploads=[upload("/etc/docker/registry/config.yml", config(auth=None))],
                image="ghcr.io/distribution/distribution:3.1.2",
            ),
            "its file comes out of a volume": registry(mounts=[{"type": "volume", "source": "files", "target": "/etc/distribution"}]),
            "a file that is named on the command line, in a volume": registry(
                command=["serve", "/conf/mine.yml"], mounts=[{"type": "volume", "source": "files", "target": "/conf"}]
            ),
        },
        violating={
            "a file without auth": Says(
                ("auth in /bundle/registry/config.yml (uploads[0].content) is not set",), filled(config(auth=None))
            ),
            "auth is empty": filled(config(auth={})),
            "auth is null": filled({**config(), "auth": None}),
            "silly": Says(("silly",), filled(config(auth={"silly": {"realm": "r", "service": "s"}}))),
            "none": filled(config(auth="none")),
            "silly by variable": registry("REGISTRY_AUTH=silly"),
            "other variables only": registry("REGISTRY_STORAGE_DELETE_ENABLED=true"),
            "Docker's official image as it is": Says(("image's own",), registry(image="docker.io/library/registry:2")),
            "a digest": registry(image="registry@sha256:" + "0" * 64),
            "base64": {
                **registry(),
                "uploads": [{"file": "/etc/distribution/config.yml", "contentBase64": "dmVyc2lvbjogMC4xCnN0b3JhZ2U6IHt9Cg=="}],
            },
            "an image that is not known, by its command": registry(image=UNKNOWN, entrypoints=["registry", "serve", "/x.yml"]),
        },
        default=registry(),
        default_violates=True,
        unknown={
            "content": UNKNOWN_FILE,
            "the files": registry(uploads=UNKNOWN),
            "the image": {"image": UNKNOWN},
            "a variable": registry(UNKNOWN),
        },
        ignored={
            "another program": OTHER,
            "another YAML file": filled({"global": {"scrape_interval": "15s"}}, "/etc/prometheus/prometheus.yml"),
            "no YAML at all": filled("{{ not yaml", "/x/config.yml"),
            "an image that is not known and a command that is": {"image": UNKNOWN, "entrypoints": ["sh", "/etc/edge/run.sh"]},
        },
    ),
    Cases(
        auth.TOKEN_REALM,
        compliant={"https": token(), "by variable": registry("REGISTRY_AUTH_TOKEN_REALM=https://auth.example.com/token")},
        violating={
            "http": Says(("auth.token.realm",), token(realm="http://auth.example.com/token")),
            "none": token(realm=None),
            "autoredirect": Says(("autoredirect",), token(autoredirect=True)),
            "by variable, with the file in a volume": registry(
                "REGISTRY_AUTH_TOKEN_REALM=http://auth.example.com/token",
                mounts=[{"type": "volume", "source": "files", "target": "/etc/distribution"}],
            ),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
        ignored={"htpasswd": filled(config())},
    ),
    Cases(
        auth.TOKEN_VERIFIED,
        compliant={"a certificate": token(), "a key set": token(rootcertbundle=None, jwks="/etc/keys.json")},
        violating={
            "no issuer": Says(("issuer",), token(issuer=None)),
            "no service": token(service=None),
            "no key": Says(("rootcertbundle or jwks",), token(rootcertbundle=None)),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
        ignored={"htpasswd": filled(config())},
    ),
    Cases(
        auth.HTPASSWD_HASHES,
        compliant={
            "bcrypt": filled(HTPASSWD, "/bundle/registry/htpasswd"),
            "a comment": filled(f"# accounts\n\n{HTPASSWD}", "/htpasswd"),
            "another cost": With({"minimumCost": 10}, filled("a:" + BCRYPT.replace("$05$", "$12$"), "/htpasswd")),
        },
        violating={
            "plain text": Says(("line 2", "not hashed with bcrypt"), filled(f"{HTPASSWD}admin:{CANARY}\n", "/auth/htpasswd")),
            "MD5": filled("admin:$apr1$abc$def\n", "/auth/htpasswd"),
            "SHA-1": filled("admin:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n", "/auth/registry.htpasswd"),
            "no hash": filled("admin:\n", "/auth/htpasswd"),
            "no account": Says(("no account",), filled("\n", "/auth/htpasswd")),
            "a low cost": Says(("cost 4",), filled("admin:" + BCRYPT.replace("$05$", "$04$"), "/auth/htpasswd")),
            "a cost below the parameter": With({"minimumCost": 10}, filled(HTPASSWD, "/auth/htpasswd")),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": filled(UNKNOWN, "/auth/htpasswd"), "path": {"uploads": [{"file": UNKNOWN, "content": "x"}]}},
        ignored={"another file": filled("admin:plain\n", "/etc/users")},
    ),
    Cases(
        auth.HTPASSWD_PRESENT,
        compliant={
            "mounted folder": registry(*AUTH, **AUTH_MOUNT),
            "mounted file": registry(*AUTH, mounts=[{"type": "bind", "source": "/srv/x", "target": "/auth/htpasswd"}]),
            "uploaded": registry(*AUTH, uploads=[upload("/auth/htpasswd", HTPASSWD)]),
        },
        violating={
            "nowhere": Says(("/auth/htpasswd",), registry(*AUTH)),
            "mounted elsewhere": registry(*AUTH, volumes=[{"hostPath": "/srv/auth", "containerPath": "/authentic"}]),
            "no path": Says(("auth.htpasswd.path",), registry("REGISTRY_AUTH=htpasswd")),
        },
        default=registry(),
        default_violates=False,
        unknown={"variables": registry(UNKNOWN)},
        ignored={"a file for another container": filled(config())},
    ),
    Cases(
        auth.HTTP_SECRET,
        compliant={"long": filled(config())},
        violating={
            "short": Says(("has 15 characters",), filled(config(http={"secret": f"{CANARY}-abc"}))),
            "by variable": registry(f"REGISTRY_HTTP_SECRET={CANARY}"),
            "a parameter": With({"minimumLength": 100}, filled(config())),
        },
        default=filled(config(http={"addr": ":5000"})),
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
    Cases(
        auth.REDIS_PASSWORD,
        compliant={"a password": filled(config())},
        violating={
            "none": Says(("redis.password",), filled(config(redis={"addrs": ["redis:6379"]}))),
            "empty": filled(config(redis={"addr": "redis:6379", "password": ""})),
            "by variable": registry("REGISTRY_REDIS_ADDR=redis:6379"),
        },
        default=filled(config(redis=None)),
        default_violates=False,
        unknown={"content": UNKNOWN_FILE},
    ),
    Cases(
        auth.REDIS_SERVER,
        compliant={
            "a password": filled(f"port 6379\nrequirepass {CANARY}\n", "/etc/redis/redis.conf"),
            "users": filled(f"user default on >{CANARY} ~* +@all\n", "/etc/redis/redis.conf"),
        },
        violating={
            "none": Says(("requirepass",), filled("port 6379\n", "/etc/redis/redis.conf")),
            "commented out": filled(f"# requirepass {CANARY}\n", "/etc/redis/redis.conf"),
            "empty": filled('requirepass ""\n', "/etc/redis/redis.conf"),
        },
        default=OTHER,
        default_violates=False,
        unknown={"content": filled(UNKNOWN, "/etc/redis/redis.conf")},
    ),
]
