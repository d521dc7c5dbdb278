"""The LanguageRuntime gRPC service. RPCs not defined here (GenerateProgram, Pack, Template, ...) answer UNIMPLEMENTED."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import grpc
from google.protobuf.empty_pb2 import Empty

from offline.plugins.framework.proto import language_pb2, language_pb2_grpc, plugin_pb2

from .children import Children
from .interpreter import Interpreter, MissingVirtualenvError, find_interpreter, virtualenv_option
from .packages import installed, required_plugins
from .run_program import EXIT_REPORTED

_RUNNER = Path(__file__).with_name("run_program.py")


class LanguageService(language_pb2_grpc.LanguageRuntimeServicer):
    """Serves one engine."""

    def __init__(self, engine_address: str) -> None:
        self.engine_address = engine_address
        self.children = Children()

    def Handshake(  # noqa: N802 - gRPC names
        self, request: language_pb2.LanguageHandshakeRequest, context: grpc.ServicerContext
    ) -> language_pb2.LanguageHandshakeResponse:
        self.engine_address = request.engine_address or self.engine_address
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=version("pulumi"))

    def GetRequiredPlugins(  # noqa: N802
        self, request: language_pb2.GetRequiredPluginsRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPluginsResponse:
        needs = required_plugins(_interpreter(request.info, context))
        return language_pb2.GetRequiredPluginsResponse(
            plugins=[plugin_pb2.PluginDependency(name=need.name, kind="resource", version=need.version) for need in needs]
        )

    def GetRequiredPackages(  # noqa: N802
        self, request: language_pb2.GetRequiredPackagesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetRequiredPackagesResponse:
        needs = required_plugins(_interpreter(request.info, context))
        return language_pb2.GetRequiredPackagesResponse(
            packages=[plugin_pb2.PackageDependency(name=need.name, kind="resource", version=need.version) for need in needs]
        )

    def Run(self, request: language_pb2.RunRequest, context: grpc.ServicerContext) -> language_pb2.RunResponse:  # noqa: N802
        """Run a program to its end. `bail` in the answer means that the user has been told what went wrong."""
        try:
            interpreter = find_interpreter(request.info)
        except MissingVirtualenvError as error:
            return language_pb2.RunResponse(error=str(error))
        code = self.children.run(
            [interpreter.executable, "-u", _RUNNER],
            cwd=request.pwd or request.info.program_directory,
            env=interpreter.environment(),
            stdin=json.dumps(self._settings(request)).encode(),
            on_start=context.add_callback,
        )
        if code == 0:
            return language_pb2.RunResponse()
        if code == EXIT_REPORTED:
            return language_pb2.RunResponse(bail=True)
        if code < 0:
            return language_pb2.RunResponse(error=f"the program was ended by signal {-code}")
        return language_pb2.RunResponse(error=f"the program ended with exit code {code}")

    def _settings(self, request: language_pb2.RunRequest) -> dict[str, object]:
        """Collect what `run_program` needs. It goes through a pipe: configuration may hold secrets, and may be large."""
        return {
            "program": str(Path(request.info.program_directory, request.info.entry_point or ".")),
            "arguments": list(request.args),
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
            "config": dict(request.config),
            "config_secret_keys": list(request.configSecretKeys),
            "dry_run": request.dryRun,
            "parallel": request.parallel,
            "monitor": request.monitor_address,
            "engine": self.engine_address,
        }

    def RunPlugin(  # noqa: N802
        self, request: language_pb2.RunPluginRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.RunPluginResponse]:
        """Run a policy pack (kind `analyzer`); its output is streamed, the exit code comes last."""
        if request.kind != "analyzer":
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the offline language host runs policy packs, no plugin of kind {request.kind!r}")
        interpreter = _interpreter(request.info, context)
        command = [interpreter.executable, "-u", "-m", "pulumi.policy", *request.args, request.info.program_directory]
        given = dict(entry.split("=", 1) for entry in request.env if "=" in entry)
        environment = interpreter.environment(given or None)
        for piece in self.children.stream(
            command, cwd=request.pwd or request.info.program_directory, env=environment, on_start=context.add_callback
        ):
            if isinstance(piece, int):
                yield language_pb2.RunPluginResponse(exitcode=piece)
            elif piece[0] == "stdout":
                yield language_pb2.RunPluginResponse(stdout=piece[1])
            else:
                yield language_pb2.RunPluginResponse(stderr=piece[1])

    def InstallDependencies(  # noqa: N802
        self, request: language_pb2.InstallDependenciesRequest, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        """Make the project's virtual environment if it has one, and install requirements.txt into it."""
        folder = Path(request.info.program_directory or request.info.root_directory)
        virtualenv = virtualenv_option(request.info)
        if virtualenv and not (virtualenv / "bin" / "python").exists():
            yield from self._install_step([sys.executable, "-m", "venv", virtualenv], folder, context)
        interpreter = _interpreter(request.info, context)
        if (folder / "requirements.txt").exists():
            yield from self._install_step([interpreter.executable, "-m", "pip", "install", "-r", "requirements.txt"], folder, context)

    def _install_step(
        self, command: list[str | Path], folder: Path, context: grpc.ServicerContext
    ) -> Iterator[language_pb2.InstallDependenciesResponse]:
        env = Interpreter(Path(sys.executable), None).environment()
        for piece in self.children.stream(command, cwd=folder, env=env, on_start=context.add_callback):
            if isinstance(piece, int):
                if piece != 0:
                    shown = " ".join(str(part) for part in command)
                    context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"`{shown}` failed with exit code {piece}")
            elif piece[0] == "stdout":
                yield language_pb2.InstallDependenciesResponse(stdout=piece[1])
            else:
                yield language_pb2.InstallDependenciesResponse(stderr=piece[1])

    def RuntimeOptionsPrompts(  # noqa: N802
        self, request: language_pb2.RuntimeOptionsRequest, context: grpc.ServicerContext
    ) -> language_pb2.RuntimeOptionsResponse:
        return language_pb2.RuntimeOptionsResponse()

    def About(self, request: language_pb2.AboutRequest, context: grpc.ServicerContext) -> language_pb2.AboutResponse:  # noqa: N802
        interpreter = _interpreter(request.info, context)
        said = subprocess.run([interpreter.executable, "--version"], capture_output=True, text=True, check=False).stdout
        return language_pb2.AboutResponse(
            executable=str(interpreter.executable), version=said.removeprefix("Python ").strip(), metadata={"language host": "offline kit"}
        )

    def GetProgramDependencies(  # noqa: N802
        self, request: language_pb2.GetProgramDependenciesRequest, context: grpc.ServicerContext
    ) -> language_pb2.GetProgramDependenciesResponse:
        """List every installed package: which of them are transitive is not told apart."""
        return language_pb2.GetProgramDependenciesResponse(
            dependencies=[
                language_pb2.DependencyInfo(name=name, version=number) for name, number in installed(_interpreter(request.info, context))
            ]
        )

    def Cancel(self, request: Empty, context: grpc.ServicerContext) -> Empty:  # noqa: N802
        self.children.stop()
        return Empty()


def _interpreter(info: language_pb2.ProgramInfo, context: grpc.ServicerContext) -> Interpreter:
    """Find the interpreter, or answer the call with an error."""
    fail: Callable[[grpc.StatusCode, str], None] = context.abort
    try:
        return find_interpreter(info)
    except MissingVirtualenvError as error:
        fail(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        raise
