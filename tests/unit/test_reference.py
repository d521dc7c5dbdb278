"""Generated files say what the models say."""

import yaml

from components.settings import reference
from components.settings.model import Settings

RENEW = "run `python -m components.settings.reference` and commit what it writes"


def test_the_config_reference_has_not_drifted() -> None:
    assert reference.CONFIG_DOC.read_text() == reference.config_markdown(), RENEW


def test_the_project_file_has_not_drifted() -> None:
    assert reference.PROJECT_FILE.read_text() == reference.project_yaml(), RENEW


def test_every_key_is_explained() -> None:
    text = reference.config_markdown()
    for name, field in Settings.model_fields.items():
        assert f"`{field.alias or name}" in text
    assert "None" not in text, "a description or default is missing"


def test_defaults_in_the_project_file_are_the_models_own() -> None:
    declared = yaml.safe_load(reference.PROJECT_FILE.read_text())["config"]
    values = {key.split(":")[1]: entry["default"] for key, entry in declared.items()}
    settings = Settings.model_validate({"hostname": "registry.example.com", **values})
    assert settings == Settings(hostname="registry.example.com"), "a default that says something else would change stacks silently"
