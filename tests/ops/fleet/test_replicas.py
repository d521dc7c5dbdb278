"""A replica whose debug port answers with something else than HTTP."""

import socket
import threading

import pytest

from ops import metrics
from ops.drain import manifests_in_flight


@pytest.mark.parametrize("look", [metrics.scrape, manifests_in_flight])
def test_it_does_not_answer(look: object) -> None:
    assert callable(look)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"no HTTP\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(OSError, match="BadStatusLine"):
            look(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
