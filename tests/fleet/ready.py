"""The question that a load balancer asks every host."""

import http.client
import ssl

PATH = "/edge/ready"
SECONDS = 4.0


def ready_status(address: str, port: int, context: ssl.SSLContext) -> int:
    """The status of the answer; 0 where nobody answers."""
    connection = http.client.HTTPSConnection(address, port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", PATH)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
