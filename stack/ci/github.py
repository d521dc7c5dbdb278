"""The few calls of GitHub's REST API that reporting needs, with nothing but Python's library."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from offline.kit.errors import KitError

_SECONDS = 30.0
_PAGE = 100
_PAGES = 30
"""More pages than that hold no comment of ours."""
_API_VERSION = "2022-11-28"


@dataclass(frozen=True)
class GitHub:
    """One repository, with the token of a workflow's job."""

    api: str
    repository: str
    token: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "GitHub":
        """Reads what GitHub Actions sets, and GITHUB_TOKEN, which the workflow sets. Raises KitError for what is missing."""
        absent = [name for name in ("GITHUB_API_URL", "GITHUB_REPOSITORY", "GITHUB_TOKEN") if not environment.get(name)]
        if absent:
            raise KitError(f"not set: {', '.join(absent)}; this runs in GitHub Actions, with GITHUB_TOKEN: ${{{{ github.token }}}}")
        return cls(environment["GITHUB_API_URL"].rstrip("/"), environment["GITHUB_REPOSITORY"], environment["GITHUB_TOKEN"])

    def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> object:
        """Sends one request below the repository; returns the decoded answer. Raises KitError with what GitHub says."""
        request = urllib.request.Request(  # noqa: S310 - the address comes from GitHub Actions
            f"{self.api}/repos/{self.repository}/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "private-registry-ci",
                "X-GitHub-Api-Version": _API_VERSION,
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - see above
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", errors="replace")
            raise KitError(f"GitHub answers {method} {path} with {error.code}: {said}; does the job have the permission for it?") from error
        except (OSError, ValueError) as error:
            raise KitError(f"GitHub could not be asked ({method} {path}): {error}") from error

    def entries(self, path: str, query: Mapping[str, str] | None = None, pages: int = _PAGES) -> list[Mapping[str, object]]:
        """The entries of a list, page by page, at most `pages` pages of 100."""
        found: list[Mapping[str, object]] = []
        for page in range(1, pages + 1):
            parameters = urlencode({**(query or {}), "per_page": str(_PAGE), "page": str(page)})
            answer = self.call("GET", f"{path}?{parameters}")
            if not isinstance(answer, list):
                raise KitError(f"GitHub answers GET {path} with something that is no list")
            found += [entry for entry in answer if isinstance(entry, dict)]
            if len(answer) < _PAGE:
                break
        return found
