"""A plugin served in this process, and calls to it as the engine makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

import grpc

from offline.plugins.framework.codec import Decoded, decode, encode
from offline.plugins.framework.proto import provider_pb2, provider_pb2_grpc, status_pb2
from offline.plugins.framework.provider_service import ProviderService
from offline.plugins.framework.resource import Plugin
from offline.plugins.framework.values import Path, Properties


class CallError(Protocol):
    """What a failed call raises: a grpc.RpcError that is a grpc.Call too, which the types don't say."""

    def code(self) -> grpc.StatusCode: ...
    def details(self) -> str: ...
    def trailing_metadata(self) -> tuple[tuple[str, str | bytes], ...]: ...


@dataclass(frozen=True)
class Client:
    """Calls one resource type of a plugin."""

    stub: provider_pb2_grpc.ResourceProviderStub
    type: str

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::project::{self.type}::it"

    def check(self, news: Properties, secrets: tuple[Path, ...] = ()) -> provider_pb2.CheckResponse:
        return self.stub.Check(provider_pb2.CheckRequest(urn=self.urn, news=encode(news, secrets)))

    def failures(self, news: Properties) -> dict[str, str]:
        return {failure.property: failure.reason for failure in self.check(news).failures}

    def create(self, inputs: Properties, secrets: tuple[Path, ...] = (), *, preview: bool = False) -> tuple[str, Decoded]:
        answer = self.stub.Create(provider_pb2.CreateRequest(urn=self.urn, properties=encode(inputs, secrets), preview=preview))
        return answer.id, decode(answer.properties)

    def diff(self, olds: Properties, old_inputs: Properties, news: Properties) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(urn=self.urn, id="1", olds=encode(olds), old_inputs=encode(old_inputs), news=encode(news))
        return self.stub.Diff(request)

    def read(self, resource_id: str, inputs: Properties, outputs: Properties, secrets: tuple[Path, ...] = ()) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(urn=self.urn, id=resource_id, inputs=encode(inputs), properties=encode(outputs, secrets))
        return self.stub.Read(request)

    def update(self, olds: Properties, news: Properties) -> Decoded:
        request = provider_pb2.UpdateRequest(urn=self.urn, id="1", olds=encode(olds), news=encode(news))
        return decode(self.stub.Update(request).properties)

    def delete(self, outputs: Properties) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(urn=self.urn, id="1", properties=encode(outputs)))


@contextmanager
def served(plugin: Plugin) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Serve `plugin` on a local port for the length of the block; give its stub."""
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(ProviderService(plugin), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    try:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        channel.close()
        server.stop(None)


def init_failed_detail(error: CallError) -> provider_pb2.ErrorResourceInitFailed:
    """Return the ErrorResourceInitFailed that an error carries, as the engine would find it."""
    details = next(value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
    assert isinstance(details, bytes)
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(details).details[0].Unpack(detail)
    return detail


def call_error(call: Callable[[], object]) -> CallError:
    """Make a call that has to fail; return its error."""
    try:
        call()
    except grpc.RpcError as error:
        return cast(CallError, cast(object, error))
    raise AssertionError("the call did not fail")
