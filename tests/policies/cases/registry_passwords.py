"""Cases of policies/registry/passwords.py."""

from policies.registry import passwords
from policies.values import UNKNOWN
from tests.policies.case import Cases, Says, With, resource

CASES = [
    Cases(
        passwords.LONG,
        compliant={
            "32 letters and digits": {"length": 32, "special": False},
            "21 of every kind": {"length": 21},
            "a parameter": With({"minimumBits": 60}, {"length": 12}),
        },
        violating={
            "short": Says(("length 12",), {"length": 12}),
            "digits only": {"length": 32, "upper": False, "lower": False, "special": False},
            "few special characters only": {"length": 64, "upper": False, "lower": False, "numeric": False, "overrideSpecial": "!!?"},
            "a parameter": With({"minimumBits": 256}, {"length": 32}),
        },
        default={},
        default_violates=True,
        unknown={"length": {"length": UNKNOWN}, "kinds": {"length": 32, "upper": UNKNOWN}},
    ),
    Cases(
        passwords.NO_STRING,
        compliant={"a suffix": resource(passwords.STRING, "bucket-suffix", {"length": 8})},
        violating={
            "a password": Says(("RandomString",), resource(passwords.STRING, "admin-password", {"length": 32})),
            "a token": resource(passwords.STRING, "ci-Token", {"length": 32}),
        },
        default=resource(passwords.STRING, "suffix"),
        default_violates=False,
        unknown={},
        reads_names_only=True,
    ),
]
