"""Run the language host; the engine starts it as `pulumi-language-python [options] <engine address>`."""

from __future__ import annotations

import sys

from offline.plugins.framework.process import new_server, run_until_asked_to_stop
from offline.plugins.framework.proto import language_pb2_grpc

from .service import LanguageService


def main() -> None:
    addresses = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    if not addresses:
        sys.exit("pulumi-language-python is started by `pulumi`, with the engine's address as its argument")
    service = LanguageService(addresses[-1])
    server = new_server()
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(service, server)
    run_until_asked_to_stop(server, before_stop=service.children.stop)


main()
