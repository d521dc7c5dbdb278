"""The ResourceProvider gRPC service over a `Plugin`: turns messages into plain values, and exceptions into one-line errors."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from .codec import Decoded, decode, encode, redact, secret_paths
from .proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from .resource import Change, DiffResult, InitFailedError, Plugin, ResourceError, ResourceKind
from .values import Properties

_Rpc = TypeVar("_Rpc", bound=Callable[..., Any])


def _answers_errors(rpc: _Rpc) -> _Rpc:
    """Answer a ResourceError with its message, and anything unforeseen with its type, message and a traceback on stderr."""

    @wraps(rpc)
    def answer(self: ProviderService, request: Any, context: grpc.ServicerContext) -> object:  # noqa: ANN401 - any request message
        try:
            return rpc(self, request, context)
        except InitFailedError as error:
            _abort_init_failed(error, _message(error, request), self.encode_partial(request, error), context)
        except ResourceError as error:
            # Not UNKNOWN: after that code the engine believes the resource may exist and keeps a pending operation.
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, _message(error, request))
        except Exception as error:  # noqa: BLE001 - the edge of the process: the engine must get an answer
            print(redact(traceback.format_exc(), _sources(request)), file=sys.stderr)
            context.abort(grpc.StatusCode.UNKNOWN, f"{self.plugin.name} plugin: {type(error).__name__}: {_message(error, request)}")

    return answer  # pyright: ignore[reportReturnType] - same signature as `rpc`


def _sources(request: Any) -> list[Decoded]:  # noqa: ANN401 - any request message
    """Decode whatever properties a request carries."""
    return [decode(value) for _, value in request.ListFields() if isinstance(value, Struct)]


def _message(error: Exception, request: Any) -> str:  # noqa: ANN401 - any request message
    """Return an exception's message on one line, without the secrets that came with the request."""
    return redact(" ".join(str(error).split()), _sources(request))


def _abort_init_failed(error: InitFailedError, message: str, properties: Struct, context: grpc.ServicerContext) -> NoReturn:
    """Answer with a status that carries the half-made resource, so that the engine records it."""
    detail = AnyMessage()
    detail.Pack(provider_pb2.ErrorResourceInitFailed(id=error.resource_id, properties=properties, reasons=[message]))
    # The status's code and text must agree with those that grpc itself sends.
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


class ProviderService(provider_pb2_grpc.ResourceProviderServicer):
    """Serves one plugin to one engine. RPCs not defined here (Construct, Call, Parameterize, Attach, ...) answer UNIMPLEMENTED."""

    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    # The plugin itself

    def Handshake(  # noqa: N802 - gRPC names
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False, accept_outputs=False)

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=version(self.plugin.distribution))

    def GetSchema(self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext) -> provider_pb2.GetSchemaResponse:  # noqa: N802
        """Answer with a schema that names the package and nothing else: a Python program brings its SDK along."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self.plugin.name, "version": version(self.plugin.distribution)}))

    @_answers_errors
    def CheckConfig(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:  # noqa: N802
        failures = self.plugin.check_config(_settings(decode(request.news).values))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures],
        )

    @_answers_errors
    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:  # noqa: N802
        """Report changed settings, none of which replaces the provider: that would replace every resource it made."""
        changed = _settings(decode(request.olds).values) != _settings(decode(request.news).values)
        return provider_pb2.DiffResponse(changes=_changes(changed))

    @_answers_errors
    def Configure(self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:  # noqa: N802
        self.plugin.configure(_settings(decode(request.args).values))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False, acceptOutputs=False)

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        self.plugin.cancelled.set()
        return Empty()

    @_answers_errors
    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:  # noqa: N802
        if self.plugin.invoke is None:
            raise ResourceError(f"{request.tok}: the offline {self.plugin.name} plugin has no functions; use the vendor's plugin for them")
        arguments = decode(request.args)
        values, secrets = self.plugin.invoke(request.tok, arguments.values)
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(encode(values, secret_paths(values, [arguments], secrets)))  # a field with a keyword's name
        return answer

    # Resources

    @_answers_errors
    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:  # noqa: N802
        news = decode(request.news)
        inputs, failures = self._kind(request).check(decode(request.olds).values, news.values)
        return provider_pb2.CheckResponse(
            inputs=_encode_or_echo(inputs, news, request.news),
            failures=[
                provider_pb2.CheckFailure(property=failure.property, reason=redact(failure.reason, [news], subject=_top(failure.property)))
                for failure in failures
            ],
        )

    @_answers_errors
    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:  # noqa: N802
        olds, old_inputs, news = decode(request.olds), decode(request.old_inputs), decode(request.news)
        return _diff_response(self._kind(request).diff(request.id, olds.values, old_inputs.values, news.values))

    @_answers_errors
    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:  # noqa: N802
        kind, inputs = self._kind(request), decode(request.properties)
        resource_id, outputs = kind.create(inputs.values, timeout=request.timeout, preview=request.preview)
        return provider_pb2.CreateResponse(
            id="" if request.preview else resource_id, properties=encode(outputs, secret_paths(outputs, [inputs], kind.secret_outputs))
        )

    @_answers_errors
    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:  # noqa: N802
        kind, inputs, outputs = self._kind(request), decode(request.inputs), decode(request.properties)
        found = kind.read(request.id, inputs.values, outputs.values)
        if found is None:
            return provider_pb2.ReadResponse()  # an empty id: it is gone
        resource_id, new_inputs, new_outputs = found
        sources = [inputs, outputs]
        new_outputs = {**outputs.internal, **new_outputs}
        return provider_pb2.ReadResponse(
            id=resource_id,
            inputs=_encode_or_echo(new_inputs, inputs, request.inputs),
            properties=encode(new_outputs, secret_paths(new_outputs, sources, kind.secret_outputs)),
        )

    @_answers_errors
    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:  # noqa: N802
        kind, olds, news = self._kind(request), decode(request.olds), decode(request.news)
        outputs = kind.update(request.id, olds.values, news.values, timeout=request.timeout, preview=request.preview)
        outputs = {**olds.internal, **outputs}
        return provider_pb2.UpdateResponse(properties=encode(outputs, secret_paths(outputs, [news], kind.secret_outputs)))

    @_answers_errors
    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        self._kind(request).delete(request.id, decode(request.properties).values, timeout=request.timeout)
        return Empty()

    def encode_partial(self, request: Any, error: InitFailedError) -> Struct:  # noqa: ANN401 - any request message
        """Encode the outputs of a half-made resource, secrets marked as for a whole one."""
        inputs = decode(request.news if isinstance(request, provider_pb2.UpdateRequest) else request.properties)
        return encode(error.outputs, secret_paths(error.outputs, [inputs], self._kind(request).secret_outputs))

    def _kind(self, request: Any) -> ResourceKind:  # noqa: ANN401 - any request about a resource
        """Find what serves the resource's type. Raises ResourceError for a type that the kit does not provide."""
        token = request.type or request.urn.split("::")[2].rpartition("$")[2]
        if self.plugin.kind_for is not None:
            return self.plugin.kind_for(token, request.urn)
        kind = self.plugin.kinds.get(token)
        if kind is None:
            provided = ", ".join(sorted(name.rpartition(":")[2] for name in self.plugin.kinds))
            raise ResourceError(f"the offline {self.plugin.name} plugin does not provide {token}, only: {provided}")
        return kind


def _encode_or_echo(values: Properties, source: Decoded, message: Struct) -> Struct:
    """Encode inputs; unchanged ones go back exactly as they came, so that the bridge's bookkeeping in them survives."""
    if values == source.values:
        return message
    return encode(values, secret_paths(values, [source]))


def _settings(values: Properties) -> Properties:
    """Decode a provider's settings: SDKs send lists and objects as JSON text. `version` and the like are the engine's own."""
    settings: Properties = {}
    for name, value in values.items():
        if name in {"version", "pluginDownloadURL"}:
            continue
        if isinstance(value, str) and value[:1] in {"[", "{"}:
            try:
                settings[name] = json.loads(value)
            except json.JSONDecodeError as error:
                raise ResourceError(f"provider setting {name} is not valid JSON: {error}") from error
        else:
            settings[name] = value
    return settings


def _diff_response(result: DiffResult) -> provider_pb2.DiffResponse:
    detailed = {
        path: provider_pb2.PropertyDiff(kind=_kind(path, change, result.replaces), inputDiff=path not in result.drifted)
        for path, change in result.changes.items()
    }
    return provider_pb2.DiffResponse(
        changes=_changes(bool(result.changes)),
        replaces=sorted(result.replaces),
        deleteBeforeReplace=result.delete_before_replace and bool(result.replaces),
        diffs=sorted({_top(path) for path in result.changes}),
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _top(path: str) -> str:
    """Return the property that a path begins with: `ports` of `ports[0].external`."""
    return path.partition("[")[0].partition(".")[0]


def _kind(path: str, change: Change, replaces: frozenset[str]) -> provider_pb2.PropertyDiff.Kind.ValueType:
    replacing = path in replaces or _top(path) in replaces
    return provider_pb2.PropertyDiff.Kind.Value(f"{change.value}_REPLACE" if replacing else change.value)


def _changes(some: bool) -> provider_pb2.DiffResponse.DiffChanges.ValueType:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE
