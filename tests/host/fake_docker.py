"""Stands in for the docker command where no engine may be had: containers are entries of a JSON file, and every call is noted.

It does what the agent relies on: compose replaces a container whose service has changed, and starts one that was stopped. The real thing
runs in tests/fleet.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import yaml

FILE = Path(os.environ["FAKE_DOCKER"])


def _merged(files: list[str]) -> dict[str, dict[str, Any]]:
    services: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, service in yaml.safe_load(Path(file).read_text())["services"].items():
            known = services.setdefault(name, {})
            known.update({**service, "labels": {**known.get("labels", {}), **service.get("labels", {})}})
    return services


class Engine:
    """The state between two calls."""

    def __init__(self) -> None:
        self.state: dict[str, Any] = json.loads(FILE.read_text())

    def save(self) -> None:
        FILE.write_text(json.dumps(self.state, indent=1))

    def run(self, words: list[str]) -> tuple[int, str]:  # noqa: PLR0911 - one a command
        self.state["calls"].append(words)
        self.state["environment"] = dict(os.environ)
        match words:
            case ["version", *_]:
                return (1, "Cannot connect to the Docker daemon") if self.state["down"] else (0, "26.1.5")
            case ["image", "inspect", *_, image]:
                return (0, "sha256:1") if image in self.state["images"] else (1, "No such image")
            case ["pull", *_, image]:
                if image in self.state["unknown"]:
                    return 1, f"manifest for {image} not found"
                self.state["images"].append(image)
                return 0, image
            case ["ps", *_]:
                return 0, "".join(f"{name} {found['label']}\n" for name, found in self.state["containers"].items())
            case ["logs", *_, name]:
                return 0, self.state["logs"].get(name, "")
            case ["rm", "--force", name]:
                del self.state["containers"][name.removeprefix("private-registry-")]
                self.state["events"].append(f"rm {name}")
                return 0, name
            case ["compose", *rest]:
                return self._compose(rest)
            case _:
                return 64, f"the fake does not know docker {' '.join(words)}"

    def _compose(self, words: list[str]) -> tuple[int, str]:
        files: list[str] = []
        while words[0].startswith("-"):
            option, value, *words = words
            if option == "-f":
                files.append(value)
        services = _merged(files)
        match words:
            case ["config", "--services"]:
                return 0, "".join(f"{name}\n" for name in services)
            case ["stop", *names]:
                for name in names:
                    self.state["containers"][name]["running"] = False
                self.state["events"].append(f"stop {' '.join(names)}")
                return (1, "cannot stop container: tried to kill container") if names[0] in self.state["stuck"] else (0, "")
            case ["up", *_, name]:
                return self._up(name, services[name])
            case _:
                return 64, f"the fake does not know docker compose {' '.join(words)}"

    def _up(self, name: str, service: dict[str, Any]) -> tuple[int, str]:
        containers = self.state["containers"]
        config = hashlib.sha256(json.dumps(service, sort_keys=True).encode()).hexdigest()
        known = containers.get(name)
        if known is None or known["config"] != config:
            self.state["events"].append(f"{'replace' if known else 'create'} {name}")
            containers[name] = {"config": config, "label": service["labels"].get("private-registry.files", ""), "running": True}
        elif not known["running"]:
            self.state["events"].append(f"start {name}")
            known["running"] = True
        if name in self.state["sick"]:
            return 1, f" Container private-registry-{name}  Error\ncontainer private-registry-{name} is unhealthy\n"
        return 0, ""


def main() -> int:
    """One call."""
    engine = Engine()
    code, text = engine.run(sys.argv[1:])
    engine.save()
    print(text, end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
