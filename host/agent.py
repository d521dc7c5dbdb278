"""Keeps a host in step with its bundle and its secret: start, refresh, stop."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from host import metadata, secret_values
from host.boot import Boot, HostError, Places, client, say
from host.containers import Containers
from host.files import Groups, HostFile, hash_of, make_data_folders, remove_other_groups, write_files
from host.manifest import Manifest
from host.markers import fill


@dataclass(frozen=True)
class Wanted:
    """What the host should have: its files, and the hash of each service's files that it reads only at its start."""

    groups: Groups
    hashes: Mapping[str, str]


def finished(bundle: Path, manifest: Manifest, values: Mapping[str, str]) -> Wanted:
    """The bundle's files with the host's values in place of markers. HostError when one does not fit; nothing is written."""
    groups: dict[str, dict[str, HostFile]] = {}
    for group, names in manifest.groups.items():
        for name, mode in names.items():
            path = f"{group}/{name}"
            content = (bundle / "files" / path).read_bytes()
            if path in manifest.filled:
                content = fill(path, content.decode(), values).encode()
            groups.setdefault(group, {})[name] = HostFile(content, mode)
    return Wanted(groups, {service.name: hash_of(service.restarts_with, groups) for service in manifest.services if service.restarts_with})


class Agent:
    """One host. Secret values stay in memory and in files that only the services can read."""

    def __init__(self, places: Places, boot: Boot, manifest: Manifest, bundle: Path) -> None:
        self._places = places
        self._boot = boot
        self._manifest = manifest
        self._bundle = bundle

    @property
    def _up(self) -> Path:
        """There while the services are meant to run: the timer's unit asks for it."""
        return self._places.run / "up"

    def _containers(self, secrets: tuple[str, ...] = ()) -> Containers:
        return Containers(self._bundle, self._places.home / "labels.json", secrets)

    def _values(self) -> dict[str, str]:
        """The checked values of the secret, and the host's own id."""
        arn = self._boot.secret
        secrets_manager = cast(secret_values.SecretsManager, client("secretsmanager", self._boot.region))
        values = secret_values.parse(secret_values.fetch(arn, secrets_manager), arn)
        secret_values.check(values, arn, self._places.run)
        return {**values, "host": metadata.instance_id()}

    def _write(self, wanted: Wanted) -> list[str]:
        changed = write_files(self._places.home / "files", wanted.groups, self._manifest.uid)
        if changed:
            say(f"new or changed: {', '.join(changed)}")
        return changed

    def _bring_up(self, containers: Containers) -> None:
        # Each healthy before the next is touched, also where only a later one changes: two replicas are never away at once.
        for service in self._manifest.services:
            containers.up(service)

    def start(self) -> None:
        """Brings everything up; where all is up already, nothing changes."""
        values = self._values()
        wanted = finished(self._bundle, self._manifest, values)
        containers = self._containers(tuple(values.values()))
        containers.wait_for_engine()
        for image in dict.fromkeys(service.image for service in self._manifest.services):
            containers.pull(image)
        make_data_folders(self._places.home / "data", self._manifest.data, self._manifest.uid)
        self._write(wanted)
        containers.label(wanted.hashes)
        self._bring_up(containers)
        containers.remove_orphans()
        remove_other_groups(self._places.home / "files", wanted.groups)
        self._remove_old_bundles()
        self._up.touch()
        say(f"all {len(self._manifest.services)} services are healthy, as {values['host']} with bundle {self._boot.sha256[:12]}")

    def refresh(self) -> None:
        """Applies a secret that has changed. Says nothing where nothing has."""
        try:
            values = self._values()
            wanted = finished(self._bundle, self._manifest, values)
        except HostError as error:
            raise HostError(f"{error}. Nothing was changed: the host goes on with the values that it has") from error
        containers = self._containers(tuple(values.values()))
        self._write(wanted)
        there = containers.hashes()
        if all(there.get(service.name) == wanted.hashes.get(service.name, "") for service in self._manifest.services):
            return
        containers.label(wanted.hashes)
        self._bring_up(containers)
        say("the services run with the new values")

    def stop(self) -> None:
        """Ends the services in the bundle's order. One that does not end keeps none of the others from it."""
        self._up.unlink(missing_ok=True)
        containers = self._containers()
        seconds = {service.name: service.stop_seconds for service in self._manifest.services}
        failed: list[str] = []
        for services in self._manifest.stop_order:
            try:
                containers.stop(services, max(seconds[name] for name in services))
            except HostError as error:
                failed.append(str(error))
        if failed:
            raise HostError("; ".join(failed))
        say("all services have ended")

    def _remove_old_bundles(self) -> None:
        """Keeps this bundle and the one before it."""
        others = [folder for folder in self._bundle.parent.iterdir() if folder != self._bundle and folder.is_dir()]
        for folder in sorted(others, key=lambda found: found.stat().st_mtime, reverse=True)[1:]:
            shutil.rmtree(folder)
