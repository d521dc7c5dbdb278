"""The gate's file on this host, which its edge looks for, and the record of the fleet that says whether it should be there."""

import contextlib
import json
import os
import threading
from pathlib import Path

from ops.fleet.agreement import GateRecord, object_of


class LocalGate:
    """Does what the record says. Closing needs any record; opening needs one that is newer than what the gate was closed for.

    So a Redis that lost its data, or came back with older data, opens no gate in the middle of a sweep.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._guard = threading.Lock()

    def closed_for(self) -> GateRecord | None:
        """What the gate is closed for by the fleet; None when it is open, or closed by somebody on this host alone."""
        try:
            content = object_of(self.file.read_text())
        except FileNotFoundError:
            return None
        epoch = content.get("epoch")
        if not isinstance(epoch, int):
            return None
        by_hand, since = content.get("by_hand") is True, content.get("since")
        at = float(since) if isinstance(since, int | float) else 0.0
        return GateRecord(epoch, True, "" if by_hand else "?", str(content.get("reason", "")), at, 0)

    def apply(self, record: GateRecord | None) -> None:
        """Closes or opens the gate as the record says; without a record it stays as it is.

        Closing is done whatever came before: an answer that took longer, or older data, costs a moment without writes until the next look.
        """
        if record is None:
            return
        with self._guard:
            now = self.closed_for()
            if record.closed:
                if not self.file.exists() or (now is not None and now.epoch < record.epoch):
                    self._close(record)
            elif now is not None and now.epoch <= record.epoch:
                with contextlib.suppress(FileNotFoundError):
                    self.file.unlink()

    def _close(self, record: GateRecord) -> None:
        # No token: a job on this host that knows nothing of the fleet must not take the file for its own and open it.
        content = {"reason": record.reason, "token": "", "since": record.since, "epoch": record.epoch, "by_hand": not record.token}
        new = self.file.with_name(f"closing.{os.getpid()}.{threading.get_ident()}")
        new.write_text(json.dumps(content) + "\n")
        new.replace(self.file)
