"""The connection to the engine: made when first needed, and every failure turned into one sentence that says what to do."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offline.plugins.docker.engine_errors import EngineRefusedError, EngineUnreachableError, unreachable_message
from offline.plugins.docker.provider_config import EngineSettings, TlsMaterial
from offline.plugins.docker.ssh_relay import SshRelay

if TYPE_CHECKING:
    from docker import APIClient
    from requests.adapters import HTTPAdapter

_CONNECT_SECONDS = 40  # ssh gives up after 30
_CALL_SECONDS = 1200  # pulls and stops take their time; the vendor's plugin gives them 20 minutes as well


class Engine:
    """One Docker engine. Safe to use from several threads; nothing is contacted before the first call."""

    def __init__(self, settings: EngineSettings) -> None:
        self.settings = settings
        self._lock = threading.Lock()
        self._api: APIClient | None = None
        self._relay: SshRelay | None = None

    @contextmanager
    def asked(self, what: str) -> Iterator[APIClient]:
        """The API client, to do `what` ("create container 'x'") with.

        Raises EngineUnreachableError when the engine does not answer and EngineRefusedError when it says no.
        """
        import docker.errors  # noqa: PLC0415  # heavy: not before it is needed
        import requests.exceptions  # noqa: PLC0415

        api = self._connected()
        try:
            yield api
        except docker.errors.APIError as error:
            status = error.status_code or 0
            raise EngineRefusedError(what, status, str(error.explanation or error)) from error
        except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
            raise EngineUnreachableError(self._unreachable(error) + f" (while trying to {what})") from error

    def post(self, what: str, path: str, part: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send `body` to an API path with one `{0}` for `part`, for calls that the `docker` package's own methods cannot make in full.

        Returns the engine's answer, empty when it has none. Raises as `asked` does.
        """
        with self.asked(what) as api:
            inside: Any = api  # the package has no public way to do this
            answer = inside._post_json(inside._url(path, part), data=body)
            inside._raise_for_status(answer)
            return answer.json() if answer.content else {}

    def _connected(self) -> APIClient:
        with self._lock:
            if self._api is None:
                self._api = self._connect()
            return self._api

    def _connect(self) -> APIClient:
        import docker.errors  # noqa: PLC0415
        import requests.exceptions  # noqa: PLC0415

        try:
            api = self._client()
        except (docker.errors.DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
            raise EngineUnreachableError(self._unreachable(error)) from error
        api.timeout = _CALL_SECONDS
        return api

    def _client(self) -> APIClient:
        """A client that has asked the engine for its version."""
        from docker import APIClient  # noqa: PLC0415

        host = self.settings.host
        if host.startswith("ssh://"):
            self._relay = self._relay or SshRelay(host, self.settings.ssh_options)
            return APIClient(base_url=f"unix://{self._relay.path}", version="auto", timeout=_CONNECT_SECONDS)
        if self.settings.tls is None or host.startswith("unix://"):
            return APIClient(base_url=host, version="auto", timeout=_CONNECT_SECONDS)
        secure = "https://" + host.split("://", 1)[1]
        api = APIClient(base_url=secure, version="1.41", timeout=_CONNECT_SECONDS)
        api.mount("https://", _tls_adapter(self.settings.tls))
        negotiated = str(api.version(api_version=False)["ApiVersion"])
        api = APIClient(base_url=secure, version=negotiated, timeout=_CONNECT_SECONDS)
        api.mount("https://", _tls_adapter(self.settings.tls))
        return api

    def _unreachable(self, error: BaseException) -> str:
        return unreachable_message(self.settings.host, error, self._relay.complaint if self._relay else "")


def _tls_adapter(material: TlsMaterial) -> HTTPAdapter:
    """A transport that trusts the given CA only (this machine's own when none is given) and shows the given certificate."""
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    context = _tls_context(material)

    class Adapter(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
            super().init_poolmanager(*args, ssl_context=context, **kwargs)

        def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:  # noqa: ANN401
            """Leave it to the context; the default would add public CAs to it."""

    return Adapter()


def _tls_context(material: TlsMaterial) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=material.ca or None)
    if material.certificate:
        # Python reads certificate and key from files only: they exist for this moment, for this user alone.
        with tempfile.TemporaryDirectory(prefix="docker-tls-") as folder:
            certificate, key = Path(folder) / "cert.pem", Path(folder) / "key.pem"
            for path, text in ((certificate, material.certificate), (key, material.key)):
                path.touch(mode=0o600)
                path.write_text(text)
            context.load_cert_chain(certificate, key)
    return context
