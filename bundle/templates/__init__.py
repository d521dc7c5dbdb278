"""Templates for the formats that have no serialiser: nginx.conf and shell scripts."""

from functools import cache
from pathlib import Path

import jinja2


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - nginx and shell, not HTML; the values are validated settings
    )


def render(template: str, **values: object) -> str:
    """The template with its values filled in. A value that the template needs and does not get is an error."""
    return _environment().get_template(template).render(**values)
