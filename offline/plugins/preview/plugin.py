"""A preview plugin for a vendor's package."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from offline.plugins.framework import CheckFailure, FunctionResult, Plugin, Properties, ResourceError, ResourceKind, serve

from .check import check_properties
from .facts import Seed
from .kind import PreviewKind
from .permission import installed_vendor_plugin, is_test, require_request
from .plausible import complete, filler
from .typing_hints import Field, variants
from .vendor import Vendor


def run(vendor: Vendor) -> None:
    """Serve the plugin; unless a test asks, hand over to the vendor's plugin where that is installed."""
    sdk = vendor.sdk
    real = None if is_test(os.environ) else installed_vendor_plugin(sdk.package, version(sdk.distribution), os.environ)
    if real:
        os.execv(real, [str(real), *sys.argv[1:]])  # noqa: S606 - the plugin that the CLI installed
    serve(preview_plugin(vendor))


def preview_plugin(vendor: Vendor) -> Plugin:
    """Make the plugin; whatever it is asked, it first makes sure that it may answer."""
    sdk = vendor.sdk

    def permitted() -> None:
        require_request(sdk.package, version(sdk.distribution))

    def check_config(settings: Properties) -> Iterable[CheckFailure]:
        permitted()
        typed = _typed_settings(sdk.provider(), settings)
        return check_properties(sdk.provider(), typed, strict=False) or vendor.check_settings(typed)

    def configure(settings: Properties) -> None:
        permitted()
        vendor.configure(_typed_settings(sdk.provider(), settings))

    def kind_for(token: str, urn: str) -> ResourceKind:
        permitted()
        shape = sdk.resource(token)
        secret = vendor.secret_names & shape.outputs.keys()
        # The framework asks the class for what is always secret.
        cls = type(shape.kind, (PreviewKind,), {"secret_outputs": secret})
        return cls(vendor, shape, urn)

    def invoke(token: str, arguments: Properties) -> FunctionResult:
        permitted()
        return _call(vendor, token, arguments)

    return Plugin(
        name=sdk.package,
        distribution=sdk.distribution,
        kinds={},
        configure=configure,
        check_config=check_config,
        kind_for=kind_for,
        invoke=invoke,
    )


def _typed_settings(known: dict[str, Field] | Any, settings: Properties) -> Properties:  # noqa: ANN401 - a read-only mapping too
    """Read the settings that SDK and CLI send as text though they are numbers or booleans."""
    typed = dict(settings)
    for name, value in settings.items():
        options = set(variants(known[name].hint)) if name in known else set()
        if isinstance(value, str) and options & {bool, int, float} and str not in options:
            try:
                typed[name] = json.loads(value)
            except json.JSONDecodeError:
                continue  # the check says what is wrong with it
    return typed


def _call(vendor: Vendor, token: str, arguments: Properties) -> FunctionResult:
    """Check a function's arguments and make up its result. Raises ResourceError."""
    function = vendor.function(token)
    shape = vendor.sdk.function(token)
    failures = check_properties(shape.arguments, arguments, strict=vendor.strict_enums)
    failures += [CheckFailure(name, "is required") for name in function.required if arguments.get(name) is None]
    if failures:
        raise ResourceError(f"{token}: " + "; ".join(f"{failure.property}: {failure.reason}" for failure in failures))
    fill = filler(Seed(token + json.dumps(arguments, sort_keys=True)), lambda _name: None)
    values = {name: fill(field.hint, name) for name, field in shape.result.items() if not field.optional}
    for name, value in (arguments | function.values(arguments, vendor.settings)).items():
        if name in shape.result:
            values[name] = complete(shape.result[name].hint, value, name, fill)
    return FunctionResult(values, function.secrets)
