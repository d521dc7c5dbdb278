"""The metadata service of an instance (IMDSv2) with a role, as boto3 and the agent ask it."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

INSTANCE_ID = "i-0123456789abcdef0"
ACCESS_KEY_ID = "ASIAROLE"
_TOKEN = "a-token"
_ROLE = "/latest/meta-data/iam/security-credentials/"


class _Handler(BaseHTTPRequestHandler):
    def _send(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_PUT(self) -> None:
        known = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self._send(200, _TOKEN) if known else self._send(400)

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != _TOKEN:
            # IMDSv2 is required: questions without a token are refused.
            return self._send(401)
        credentials = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "AccessKeyId": ACCESS_KEY_ID,
            "SecretAccessKey": "canary-role-key",
            "Token": "canary-role-token",
            "Expiration": "2099-01-01T00:00:00Z",
        }
        answers = {"/latest/meta-data/instance-id": INSTANCE_ID, _ROLE: "host", f"{_ROLE}host": json.dumps(credentials)}
        return self._send(200, answers[self.path]) if self.path in answers else self._send(404)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parameter's name is the library's
        """Says nothing."""


@contextmanager
def metadata_server() -> Iterator[str]:
    """Runs it while the block does; gives its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
