"""What a collection did, as plain data."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from ops.output import size, table


@dataclass
class Report:
    """One run. Times in seconds, sizes in bytes."""

    run: str
    dry_run: bool
    seconds: float = 0.0
    eligible: int = 0
    """Blobs that the collector calls garbage."""
    garbage: int = 0
    """Blobs that both keys call garbage."""
    ready: int = 0
    """Of these, garbage for the whole grace and untouched: what would be or was to be swept."""
    kept_back: dict[str, int] = field(default_factory=dict[str, int])
    """Why the others stay, with their number."""
    swept_blobs: int = 0
    swept_bytes: int = 0
    untagged_ready: int = 0
    untagged_deleted: int = 0
    expired_quarantines: int = 0
    gate_closings: int = 0
    gate_seconds: float = 0.0
    gate_longest: float = 0.0
    gate_share: float = 0.0
    """Part of the time between the first closing and the last opening that the gate was closed."""
    restored: list[str] = field(default_factory=list[str])
    """Digests that came back from quarantine because something needs them: worth an alert."""
    missing: list[str] = field(default_factory=list[str])
    """Digests that something needs and that are nowhere."""
    stopped: str = ""
    """Why nothing (more) was swept; empty when the run did all it could."""
    stopped_in_a_row: int = 0
    """So many runs were stopped, this one included."""

    _first_closing: float = field(default=float("inf"), repr=False)

    def keep(self, why: str, count: int) -> None:
        """Notes that some stay."""
        if count:
            self.kept_back[why] = self.kept_back.get(why, 0) + count

    def closed(self, seconds: float) -> None:
        """Notes one closing of the gate."""
        now = time.monotonic()
        self.gate_closings += 1
        self.gate_seconds += seconds
        self.gate_longest = max(self.gate_longest, seconds)
        self._first_closing = min(self._first_closing, now - seconds)
        self.gate_share = round(self.gate_seconds / max(now - self._first_closing, self.gate_seconds), 3)

    def data(self) -> Mapping[str, object]:
        """For JSON."""
        return {name: value for name, value in asdict(self).items() if not name.startswith("_")}

    def text(self) -> str:
        """For people."""
        rows: list[tuple[str, object]] = [
            ("blobs no image refers to", self.garbage),
            *((f"  kept: {reason}", count) for reason, count in sorted(self.kept_back.items())),
            ("  ready to go", self.ready),
            ("untagged manifests ready to go", self.untagged_ready),
        ]
        if not self.dry_run:
            rows += [
                ("blobs swept", f"{self.swept_blobs} ({size(self.swept_bytes)})"),
                ("untagged manifests deleted", self.untagged_deleted),
                ("quarantines emptied", self.expired_quarantines),
                (
                    "gate closed",
                    f"{self.gate_closings} times, {self.gate_longest:.2f} s at most, {self.gate_seconds:.2f} s in all, "
                    f"{self.gate_share:.0%} of the time from first to last",
                ),
            ]
        lines = [table(("garbage collection " + self.run + (" (dry run)" if self.dry_run else ""), ""), rows)]
        lines += [f"came back from quarantine: {digest}" for digest in self.restored]
        lines += [f"MISSING: {digest}" for digest in self.missing]
        if self.stopped:
            lines.append(f"stopped: {self.stopped}" + (f" ({self.stopped_in_a_row} runs in a row)" if self.stopped_in_a_row > 1 else ""))
        return "\n".join(lines)
