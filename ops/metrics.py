"""How many writes a replica is working on, from the Prometheus metrics on its debug port."""

import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence

TIMEOUT_SECONDS = 1.0
_IN_FLIGHT = re.compile(
    rb'^registry_http_in_flight_requests\{handler="(?:blob_upload|blob_upload_chunk|manifest)"\} ([0-9.e+]+)$', re.MULTILINE
)
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""The replicas are neighbours: never through a proxy that the environment may name."""


def in_flight(text: bytes) -> int:
    """The writes in flight in one scrape. The handler `manifest` counts reads too; they are short.

    A handler that was never used has no line yet: nothing of it is in flight.
    """
    return round(sum(float(value) for value in _IN_FLIGHT.findall(text)))


def fetch(url: str) -> bytes:
    """The metrics at this debug address. Raises OSError when it does not answer, or not in HTTP."""
    try:
        with _OPENER.open(f"{url}/metrics", timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"{url}/metrics: {error!r}") from error
    return body


def scrape(url: str) -> int:
    """Writes in flight at the replica with this debug address. Raises OSError when it does not answer."""
    body = fetch(url)
    if b"registry_http_in_flight_requests" not in body and b"go_goroutines" not in body:
        raise OSError(f"{url}/metrics holds no metrics of a registry")
    return in_flight(body)


def drained(urls: Sequence[str], deadline: float, scrape_one: Callable[[str], int] = scrape, pause: float = 0.02) -> list[str]:
    """Waits until each replica was seen without a write in flight, up to `deadline` (monotonic).

    With the gate closed a replica that was idle once stays idle. Looks every `pause` seconds. Returns the replicas that still wrote or did
    not answer.
    """
    waiting = list(urls)
    while True:
        still: list[str] = []
        for url in waiting:
            try:
                busy = scrape_one(url)
            except (OSError, urllib.error.URLError) as error:
                still.append(f"{url} does not answer: {error}")
                continue
            if busy:
                still.append(f"{url} has {busy} writes in flight")
        if not still or time.monotonic() >= deadline:
            return still
        waiting = [line.split(" ", 1)[0] for line in still]
        time.sleep(pause)
