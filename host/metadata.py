"""The instance's own id, from its metadata service (IMDSv2)."""

import os
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from host.boot import HostError

ENDPOINT = "http://169.254.169.254"
_TOKEN_SECONDS = "60"  # noqa: S105 - how long the token lasts
PAUSES = (1, 2, 4, 8)
"""Seconds between tries."""
_ANSWER_SECONDS = 3.0


def endpoint() -> str:
    """Where the metadata service is: AWS's address, or the one that its SDKs are told to use, too."""
    return os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", ENDPOINT).rstrip("/")


def _ask(url: str, headers: dict[str, str], method: str) -> str:
    request = urllib.request.Request(url, headers=headers, method=method)  # noqa: S310 - always http
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_ANSWER_SECONDS) as answer:
        return answer.read().decode("ascii").strip()


def instance_id(pauses: Sequence[int] = PAUSES) -> str:
    """The instance's id, e.g. i-0123456789abcdef0. HostError when the metadata service does not answer."""
    why = ""
    for pause in (*pauses, None):
        try:
            token = _ask(f"{endpoint()}/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_SECONDS}, "PUT")
            return _ask(f"{endpoint()}/latest/meta-data/instance-id", {"X-aws-ec2-metadata-token": token}, "GET")
        except (urllib.error.URLError, OSError, ValueError) as error:
            why = str(error)
        if pause is not None:
            time.sleep(pause)
    raise HostError(f"the metadata service {endpoint()} does not say which instance this is: {why}. Is it switched on for the instance?")
