"""The instance metadata service of a test VM (IMDSv2): runs inside the VM, on the address that every EC2 instance has.

Standard library only. What it tells lies in the JSON file that is its argument: {"instance-id", "region", "zone", "role", "credentials"}.
Without a token every answer is 401, as with `HttpTokens: required`.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import json
import os
import secrets
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ADDRESS = ("169.254.169.254", 80)
LONGEST_TOKEN_SECONDS = 21600
CREDENTIALS_SECONDS = 6 * 3600

FACTS = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
TOKENS: dict[str, float] = {}


def _time(seconds_from_now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


def answer(path: str) -> str | None:
    """The text at a path, or None where there is nothing."""
    role = f"/latest/meta-data/iam/security-credentials/{FACTS['role']}"
    identity = {"instanceId": FACTS["instance-id"], "region": FACTS["region"], "availabilityZone": FACTS["zone"]}
    credentials = {"Code": "Success", "Type": "AWS-HMAC", "LastUpdated": _time(-60), "Expiration": _time(CREDENTIALS_SECONDS)}
    known = {
        "/latest/meta-data": "instance-id\nplacement/\niam/\n",
        "/latest/meta-data/instance-id": FACTS["instance-id"],
        "/latest/meta-data/placement/region": FACTS["region"],
        "/latest/meta-data/placement/availability-zone": FACTS["zone"],
        "/latest/meta-data/iam/security-credentials": FACTS["role"],
        role: json.dumps({**credentials, **FACTS["credentials"]}),
        "/latest/dynamic/instance-identity/document": json.dumps(identity),
    }
    return known.get(path.rstrip("/"))


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server_version = "EC2ws"
    sys_version = ""

    def do_PUT(self) -> None:
        """A token, for as long as the request asks."""
        try:
            seconds = int(self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", ""))
        except ValueError:
            seconds = 0
        if self.path != "/latest/api/token" or not 1 <= seconds <= LONGEST_TOKEN_SECONDS:
            self._send(400, "")
            return
        token = secrets.token_urlsafe(40)
        TOKENS[token] = time.monotonic() + seconds
        self._send(200, token, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": str(seconds)})

    def do_GET(self) -> None:
        """Facts about the instance, for those with a token."""
        if TOKENS.get(self.headers.get("X-aws-ec2-metadata-token", ""), 0.0) < time.monotonic():
            self._send(401, "")
            return
        found = answer(self.path)
        self._send(404 if found is None else 200, found or "")

    def _send(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Who asked for what: a path is no secret, and a token stands in no path."""
        print(f"{self.client_address[0]} {format % args}", file=sys.stderr)


def main() -> None:
    """Serves until the process is ended, and tells systemd when it listens."""
    server = ThreadingHTTPServer(ADDRESS, Handler)
    notify = os.environ.get("NOTIFY_SOCKET", "")
    if notify:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
            channel.connect(notify.replace("@", "\0", 1) if notify.startswith("@") else notify)
            channel.send(b"READY=1")
    server.serve_forever()


if __name__ == "__main__":
    main()
