"""redis.conf: a cache and nothing else. Losing it costs speed, never an image."""

from bundle.model import Values

MAX_MEMORY_MIB = 64


def render(values: Values) -> str:
    """redis.conf as text. Holds the password: secret."""
    return "\n".join(
        [
            "bind * -::*",
            "port 6379",
            "protected-mode yes",
            f"requirepass {values.redis_password}",
            f"maxmemory {MAX_MEMORY_MIB}mb",
            # Any descriptor can be read again from storage, so any key may go.
            "maxmemory-policy allkeys-lru",
            'save ""',
            "appendonly no",
            "dir /tmp",
            # How often a second it looks for idle clients and expired keys, of which there are none: ten times would cost a third of a
            # percent of a processor for ever.
            "hz 1",
            "",
        ]
    )
