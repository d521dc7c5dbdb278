"""The copy of the stack file that pulumi works with."""

import pytest
import yaml

from offline.kit.errors import KitError
from stack.config_copy import has, merge, provider_of, salt_of

TRACKED = """
# a comment
config:
  private-registry:port: 5443
  private-registry:at: 12:30
  private-registry:word: yes
  private-registry:number: "007"
  private-registry:octal: 0755
  private-registry:name: größe
  private-registry:images: {edge: "nginx:own"}
"""
IMAGES = {"registry": "offline/registry:3.1.2", "edge": "offline/edge:nginx-1"}


def test_images_fill_only_what_the_user_left_open() -> None:
    merged = yaml.safe_load(merge(TRACKED, "", IMAGES, "dev"))
    assert merged["config"]["private-registry:images"] == {"edge": "nginx:own", "registry": "offline/registry:3.1.2"}


def test_every_value_stays_spelled_as_it_was() -> None:
    text = merge(TRACKED, "", IMAGES, "dev")
    for line in ("port: 5443", "at: 12:30", "word: yes", 'number: "007"', "octal: 0755", "name: größe"):
        assert f"private-registry:{line}\n" in text
    assert text.startswith("# Written by `make up` at each run, from Pulumi.dev.yaml: change that file instead.\n")


def test_the_salt_of_the_last_copy_is_kept() -> None:
    before = merge(TRACKED, "", {}, "dev") + "encryptionsalt: v1:a:v1:b:c\n"
    after = merge(TRACKED, before, IMAGES, "dev")
    assert salt_of(after) == "v1:a:v1:b:c"
    assert merge(TRACKED, after, IMAGES, "dev") == after


def test_a_salt_in_the_tracked_file_wins() -> None:
    tracked = f"{TRACKED}encryptionsalt: v1:own:v1:b:c\n"
    assert salt_of(merge(tracked, "encryptionsalt: v1:old:v1:b:c\nsecretsprovider: passphrase\n", {}, "dev")) == "v1:own:v1:b:c"
    assert "secretsprovider" not in merge(tracked, "secretsprovider: passphrase\n", {}, "dev")


def test_the_secrets_provider_is_read() -> None:
    assert provider_of("secretsprovider: azurekeyvault://v.vault.azure.net/keys/k\n") == "azurekeyvault://v.vault.azure.net/keys/k"
    assert provider_of("secretsprovider:\n") is None
    assert provider_of(TRACKED) is None


def test_values_of_the_last_copy_do_not_survive() -> None:
    before = merge(TRACKED, "", IMAGES, "dev")
    after = yaml.safe_load(merge("config: {a: 1}", before, {}, "dev"))
    assert after == {"config": {"a": 1}}


@pytest.mark.parametrize("tracked", ["", "# only a comment\n", "config:\n", "config:\n  private-registry:images:\n"])
def test_empty_places_are_filled(tracked: str) -> None:
    merged = yaml.safe_load(merge(tracked, "", {"edge": "offline/edge:1"}, "dev"))
    assert merged == {"config": {"private-registry:images": {"edge": "offline/edge:1"}}}


def test_encrypted_values_pass_through() -> None:
    tracked = "config:\n  private-registry:tls:\n    privateKey:\n      secure: v1:abc:def==\n"
    assert yaml.safe_load(merge(tracked, "", {}, "dev")) == yaml.safe_load(tracked)


def test_files_that_are_no_stack_files_are_refused() -> None:
    with pytest.raises(KitError, match=r"Pulumi\.dev\.yaml is no valid YAML"):
        merge("config: [", "", {}, "dev")
    with pytest.raises(KitError, match=r"Pulumi\.dev\.yaml must hold `key: value` lines"):
        merge("- a\n", "", {}, "dev")
    with pytest.raises(KitError, match="private-registry:images must be a mapping"):
        merge("config:\n  private-registry:images: text\n", "", IMAGES, "dev")


LOCAL = {"s3.endpoint": "http://192.0.2.1:7070", "s3.accessKeyId": "local"}


def test_settings_of_this_machine_fill_what_the_user_left_open() -> None:
    tracked = "config:\n  private-registry:s3: {bucket: images, accessKeyId: own}\n"
    merged = yaml.safe_load(merge(tracked, "", {}, "dev", LOCAL))
    assert merged["config"]["private-registry:s3"] == {"bucket": "images", "accessKeyId": "own", "endpoint": "http://192.0.2.1:7070"}


def test_it_can_be_asked_whether_a_setting_is_there() -> None:
    text = merge(TRACKED, "", {}, "dev", LOCAL)
    assert has(text, "s3.endpoint")
    assert not has(text, "s3.secretAccessKey")
    assert not has(TRACKED, "s3.endpoint")
