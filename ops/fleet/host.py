"""This host as a member of the fleet: what runs beside the main loop of ops."""

import sqlite3
import threading
from pathlib import Path

from ops.errors import OpsError
from ops.fleet.follower import Follower
from ops.fleet.heart import Heart
from ops.fleet.publisher import Publisher
from ops.output import log

LEAVE_SECONDS = 3.0


class Host:
    """Threads of their own, so that neither a running job nor a slow journal holds up a heartbeat."""

    def __init__(self, heart: Heart, follower: Follower, publisher: Publisher, lease: Path, lease_seconds: float) -> None:
        self.heart = heart
        self._lease = lease
        self._follower = follower
        self._publisher = publisher
        self._pause = lease_seconds / 10
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begins; returns at once. The edge takes no writes before this host has joined."""
        self._threads = [threading.Thread(target=self._live, name="heart", daemon=True)]
        self._threads[0].start()

    def _live(self) -> None:
        failing = ""
        while not self._stop.is_set():
            try:
                self._publisher.join()
                break
            except (OpsError, OSError, sqlite3.Error) as error:
                if self._publisher.begin_anew(error):
                    continue
                if str(error) != failing:
                    log("this host cannot join the fleet yet", error=str(error))
                failing = str(error)
            self._stop.wait(self._pause)
        follow = threading.Thread(target=self._follower.run, args=(self._stop,), name="follower", daemon=True)
        self._threads.append(follow)
        follow.start()
        self.heart.run(self._stop)

    def leave(self) -> None:
        """Ends. When the edge has ended too, with everything written down, nobody will miss this host; else others wait its lease out."""
        self._stop.set()
        for thread in list(self._threads):
            thread.join(10)
        try:
            left = self._publisher.leave(LEAVE_SECONDS, lambda: self._lease.unlink(missing_ok=True))
        except (OpsError, OSError, sqlite3.Error) as error:
            log("this host could not leave the fleet", error=str(error))
            return
        log("left the fleet" if left else "ops ends, the edge goes on: it takes no writes until ops is back")
