"""What uv is told of pip's settings, and when pip has to do it."""

from pathlib import Path

import pytest

from offline.kit import uv
from offline.kit.places import REPO

QUIET = {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def test_pips_settings_are_read_and_those_of_the_environment_win() -> None:
    listed = ":env:.cert='/env.pem'\nglobal.cert='/global.pem'\nglobal.index-url='https://mirror.example/simple?a=b'\n"
    assert uv.pip_settings(listed) == {"cert": "/env.pem", "index-url": "https://mirror.example/simple?a=b"}
    assert uv.pip_settings("") == {}


def test_mirrors_of_a_closed_network_are_passed_on(tmp_path: Path) -> None:
    told = uv.environment(
        {
            "index-url": "https://mirror.example/simple",
            "extra-index-url": "https://one.example https://two.example",
            "find-links": f"{tmp_path} /no/such/folder https://links.example",
            "cert": "/ca.pem",
            "timeout": "180",
        },
        {},
    )
    assert told == {
        **QUIET,
        "UV_DEFAULT_INDEX": "https://mirror.example/simple",
        "UV_INDEX": "https://one.example https://two.example",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": f"{tmp_path},https://links.example",
        "SSL_CERT_FILE": "/ca.pem",
    }


def test_a_folder_of_files_that_is_not_there_is_passed_over_as_pip_does() -> None:
    assert uv.environment({"find-links": "/no/such/folder"}, {}) == QUIET


def test_what_the_user_has_told_uv_stays() -> None:
    told = uv.environment({"index-url": "https://mirror.example"}, {"UV_DEFAULT_INDEX": "https://own.example"})
    assert told == QUIET


@pytest.mark.parametrize("name", ["proxy", "trusted-host", "no-index", "client-cert", "something-new"])
def test_a_setting_that_uv_cannot_be_told_leaves_it_to_pip(name: str) -> None:
    assert uv.environment({name: "x"}, {}) is None


def test_uv_is_pinned_by_the_hashes_of_its_files() -> None:
    lines = (REPO / "offline" / "uv" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith("uv==") for line in lines) == 1
    assert sum("--hash=sha256:" in line for line in lines) >= 10
