"""Rules on what a registry and its edge are told: TLS, authentication, passwords, certificates."""

from policies.registry import auth, certificates, edge, passwords, tls
from policies.rule import AnyRule

RULES: tuple[AnyRule, ...] = (*tls.RULES, *edge.RULES, *auth.RULES, *certificates.RULES, *passwords.RULES)
