"""Who gets a plan from the kit's own cloud plugins: a stack for a cloud that has nothing there yet, and it is told."""

import pytest

from offline.kit.prepared import Prepared
from offline.plugins.preview import PLAN, REQUEST
from stack.cloud_plan import clouds, plan_environment


class _Config:
    def __init__(self, text: str) -> None:
        self._text = text

    def read_text(self, encoding: str) -> str:
        assert encoding == "utf-8"
        return self._text


class _Session:
    """As much of a session as is asked for."""

    def __init__(self, text: str, *types: str, kit_cli: bool = True) -> None:
        self.config = _Config(text)
        self.prepared = Prepared(kit_cli=kit_cli)
        self._types = types

    def resources(self) -> list[dict[str, str]]:
        return [{"type": kind} for kind in self._types]


FLEET = "config:\n  private-registry:platform: aws\n  private-registry:storage: s3\n  private-registry:s3:\n    bucket: b\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", []),
        ("config:\n  private-registry:hostname: localhost\n", []),
        (FLEET, ["platform: aws", "storage: s3"]),
        (FLEET + "    endpoint: https://s3.example.com\n", ["platform: aws"]),
        ("config:\n  private-registry:storage: azure\n  private-registry:azureBlob:\n    account: a\n", ["storage: azure"]),
    ],
)
def test_what_of_a_stack_is_in_a_cloud(text: str, wanted: list[str]) -> None:
    assert clouds(text) == wanted


def test_a_stack_that_has_nothing_in_the_cloud_gets_a_plan_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_environment(_Session(FLEET, "pulumi:pulumi:Stack"), {}) == {REQUEST: PLAN}  # pyright: ignore[reportArgumentType]
    assert "asks no cloud anything, and can't deploy" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("session", "environment", "why"),
    [
        (_Session(FLEET, "aws:s3/bucket:Bucket"), {}, "only the vendor's plugin can tell what is there"),
        (_Session(FLEET, kit_cli=False), {}, "the vendor's plugins are fetched"),
        (_Session("config: {}\n"), {}, "nothing of it is in a cloud"),
        (_Session(FLEET), {REQUEST: "1"}, "tests say themselves what they want"),
    ],
)
def test_others_get_none(session: _Session, environment: dict[str, str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_environment(session, environment) == {}, why  # pyright: ignore[reportArgumentType]
    assert capsys.readouterr() == ("", ""), why
