"""The command line.

Exit codes, the same for every command:
  0  done; everything is well
  1  failed, or something could not be done (the output says what)
  2  the command line or a setting is wrong
  3  `verify` found images with something missing or wrong
  4  somebody else holds the lock; --wait waits for it
  5  stopped on purpose before anything unsafe: a plan over maxDeletePercent, an image in use, a closed gate, writes that don't end
  6  the registry, Redis or the list of images in use does not answer, or refuses the account
  130, 143  ended by Ctrl-C or SIGTERM: the gate is open again, the lock is free, and the next run goes on from there
"""

import argparse
import contextlib
import sqlite3
import sys
import time
from collections.abc import Callable, Sequence

from ops import listing, output, removing, retaining, schedule, termination, verify
from ops.context import Context
from ops.errors import BUSY, DAMAGED, FAILED, OK, STOPPED, OpsError
from ops.gate import GateError
from ops.gc.run import GarbageCollection, watch
from ops.lock import LEASE_SECONDS, LockHeldError, LockLostError

WATCH_SECONDS = 15
RELEARN_SECONDS = 45
"""Less than the container's health check waits for the main loop."""
GATE_SECONDS = 5
"""For all hosts to close their gates."""
WAIT_SECONDS = 10
"""Long enough for the moments that the main loop's own work takes."""

Command = Callable[[Context, argparse.Namespace], int]


def _status(context: Context, options: argparse.Namespace) -> int:
    return listing.show_status(context, as_json=options.json)


def _list(context: Context, options: argparse.Namespace) -> int:
    return listing.show_list(context, options.repository, as_json=options.json)


def _verify(context: Context, options: argparse.Namespace) -> int:
    verifier = verify.Verifier(context.registry, deep=options.deep, progress=context.progress)
    report = verifier.run(options.repositories or None)
    if not options.repositories:
        name = "verify-deep.prom" if options.deep else "verify.prom"
        verify.write_prometheus(report, context.places.state / "metrics" / name)
    if options.json:
        output.write(output.to_json(report.to_data()))
    else:
        if report.damage:
            rows = [(one.kind, one.digest, ", ".join(one.images), one.message) for one in report.damage]
            output.write(output.table(("KIND", "DIGEST", "IMAGES", "WHAT"), rows))
        read = f", {output.size(report.read_bytes)} read" if report.deep else ""
        output.write(
            f"{report.tags} tags, {report.manifests} manifests, {report.blobs} blobs in {report.repositories} repositories{read}: "
            f"{len(report.damage) or 'nothing'} damaged, {report.seconds:.1f} s"
        )
    return DAMAGED if report.damage else OK


def _gate(context: Context, options: argparse.Namespace) -> int:
    state = context.gate.state()
    changed = (state is not None) == (options.action == "open")
    if options.action == "close" and not options.dry_run:
        context.gate.close_by_hand(options.reason)
    elif options.action == "open" and not options.dry_run:
        changed = context.gate.open_by_hand()
    now = "open" if context.gate.state() is None else "closed"
    missing = context.gate.missing(GATE_SECONDS) if options.action == "close" and now == "closed" and not options.dry_run else []
    would = " (dry run)" if options.dry_run else ""
    text = f"the gate is {now}{'' if changed else ', as it was before'}{would}" + "".join(f"\nnot yet on {one}" for one in missing)
    data = {"gate": now, "changed": changed, "dryRun": options.dry_run, **({"missing": missing} if missing else {})}
    output.write(output.to_json(data) if options.json else text)
    return STOPPED if missing else OK


def _supervisor(context: Context) -> Callable[[], None]:
    """What the main loop does every few seconds beside its jobs: reopens a gate whose job died, and reads the journal."""
    watched, knows = float("-inf"), False

    def supervise() -> None:
        nonlocal watched, knows
        if context.gate.supervise():
            output.log("gate reopened", why="the job that had closed it is gone")
        if time.monotonic() - watched < WATCH_SECONDS or context.gate.waits():
            return
        watched = time.monotonic()
        if context.claims and not context.claims.leads():
            knows = False
            context.journal.rotate_if_large()
            _settle(context)
            return
        parts = context.gc_parts()
        if context.claims and not knows:
            # What other hosts swept while they led is on their record only.
            try:
                parts.sweeper.relearn(RELEARN_SECONDS)
                knows = True
            except OpsError as error:
                # Not watched meanwhile: what is looked at once is not looked at again.
                output.log("not all that is in quarantine is known here", error=str(error), then="tried again")
                context.journal.rotate_if_large()
                return
        try:
            back = watch(parts)
        except LockHeldError:
            return  # a job has just started; it does the same work itself
        context.pushes.collect()
        if back:
            output.log("came back from quarantine", alert=True, digests=back)

    return supervise


def _settle(context: Context) -> None:
    """Ends what this host's last collection left half done, where another host leads by now."""
    sweeper = context.gc_parts().sweeper
    if sweeper.moving() or sweeper.flush_due():
        with contextlib.suppress(LockHeldError), context.gate.job("settle"):
            pass


def _schedule(context: Context, options: argparse.Namespace) -> int:
    try:
        work = schedule.jobs(context.settings)
    except OpsError:
        # A gate that the last life of this container left closed must not wait until somebody corrects the settings.
        context.gate.reopen(0)
        raise
    if options.dry_run:
        output.write(output.to_json([{"job": job.name, "arguments": list(job.arguments)} for job in work]))
        return OK
    loop = schedule.Loop(work, _supervisor(context), context.places.state / "reports")
    claims = context.claims
    if claims:
        loop.claim = lambda job, due: claims.claim(job.name, due, locks=job.locks)
        loop.ended = lambda job, code: claims.ended(job.name, code)
    if context.host:
        context.host.start()
    loop.run()
    try:
        _end_jobs(context)
    except OpsError as error:
        output.log("whether a job still runs is not known", error=str(error))
    finally:
        if context.host:
            context.host.leave()
    return OK


def _end_jobs(context: Context) -> None:
    """Ends what runs in this container, and opens the gate behind it."""
    # The gate of a job that is killed with this container would stay closed until the container starts again.
    if not termination.end_holder(context.lock, schedule.STOP_SECONDS):
        output.log("a job did not end in time", holder=str(context.lock.owner()))
    # One that had to be killed keeps its lease for a while.
    context.gate.reopen(LEASE_SECONDS + 3)


def _gc(context: Context, options: argparse.Namespace) -> int:
    report = GarbageCollection(context.gc_parts()).run(dry_run=options.dry_run, wait_seconds=options.wait)
    output.write(output.to_json(dict(report.data())) if options.json else report.text())
    if report.missing:
        return DAMAGED
    return STOPPED if report.stopped else OK


def _changing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would be done and change nothing")
    parser.add_argument(
        "--wait", type=float, default=WAIT_SECONDS, metavar="SECONDS", help="wait so long for the lock (default: %(default)s)"
    )


def _retention_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--max-delete-percent", type=int, metavar="N", help="instead of the setting, for this run")
    parser.add_argument("--deletions", action="store_true", help="leave out of the table what stays")


def build_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    _, _, codes = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="ops",
        description="Operations of the registry that never lose an image.",
        epilog=codes,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, text: str, run: Command) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--json", action="store_true", help="print JSON")
        command.set_defaults(run=run)
        return command

    add("status", "replicas, gate, lock, recycle bin and the last jobs", _status)
    add("list", "repositories, or the images of one", _list).add_argument("repository", nargs="?")
    _changing(add("gc", "collect garbage: blobs and manifests that nothing needs any more", _gc))

    retention = commands.add_parser("retention", help="delete images by the rules of the settings")
    parts = retention.add_subparsers(dest="action", required=True, metavar="plan|apply")
    plan = parts.add_parser("plan", help="show which images would go, and why each goes or stays")
    plan.set_defaults(run=retaining.plan, dry_run=True)
    apply = parts.add_parser("apply", help="make the plan and carry it out")
    _changing(apply)
    apply.add_argument("--permanently", action="store_true", help="without the recycle bin: cannot be undone")
    apply.add_argument("--plan", metavar="FILE", help="delete only what this plan (from `plan --json`) deletes too")
    apply.set_defaults(run=retaining.carry_out)
    for part in (plan, apply):
        part.add_argument("--json", action="store_true", help="print JSON")
        _retention_options(part)

    delete = add("delete", "delete images by name; `undo` brings them back until undoDays are over", removing.delete)
    delete.add_argument("images", nargs="*", metavar="REPOSITORY:TAG|REPOSITORY@DIGEST")
    delete.add_argument("--all-tags", action="store_true", help="every tag of the image that a tag names")
    delete.add_argument("--permanently", action="store_true", help="without the recycle bin: cannot be undone")
    delete.add_argument("--empty-bin", action="store_true", help="remove from the recycle bin what is older than undoDays")
    _changing(delete)

    undo = add("undo", "bring deleted images back with their tags; without a name show which could be", removing.undo)
    undo.add_argument("images", nargs="*", metavar="REPOSITORY[:TAG|@DIGEST]")
    undo.add_argument("--overwrite", action="store_true", help="also tags that name another image by now")
    _changing(undo)

    check = add("verify", "check that every image is complete", _verify)
    check.add_argument("repositories", nargs="*", metavar="REPOSITORY")
    check.add_argument("--deep", action="store_true", help="read every blob and check its digest")

    gate = add("gate", "open or close the gate that writes go through", _gate)
    gate.add_argument("action", choices=["open", "close"])
    gate.add_argument("--reason", default="by hand", help="shown by `status`")
    gate.add_argument("--dry-run", action="store_true", help="show what would be done and change nothing")

    loop = add("schedule", "run the jobs of the settings at their times (what the container does)", _schedule)
    loop.add_argument("--dry-run", action="store_true", help="show the jobs and end")
    return parser


def _ended(context: Context, options: argparse.Namespace, interrupt: KeyboardInterrupt) -> int:
    """Reports that a signal ended the command. Its blocks have already opened the gate and let go of the lock."""
    name, code = ("SIGTERM", termination.EXIT_CODE) if isinstance(interrupt, termination.Terminated) else ("Ctrl-C", 130)
    context.gate.reopen(0)
    if options.json:
        output.write(output.to_json({"error": f"ended by {name}", "exitCode": code}))
    sys.stderr.write(f"ops: ended by {name} before it was done\n")
    return code


def _code(error: Exception) -> int:
    if isinstance(error, LockHeldError):
        return BUSY
    if isinstance(error, GateError | LockLostError):
        return STOPPED
    # Else the machine's fault: a full disk, a database that is locked.
    return error.exit_code if isinstance(error, OpsError) else FAILED


def main(arguments: Sequence[str], context: Context | None = None) -> int:
    """Runs one command; returns its exit code."""
    options = build_parser().parse_args(arguments)
    context = context or Context()
    try:
        return options.run(context, options)
    except (OpsError, OSError, sqlite3.Error) as error:
        code = _code(error)
        if options.json:
            output.write(output.to_json({"error": str(error), "exitCode": code}))
        sys.stderr.write(f"ops: {error}\n")
        return code
    except KeyboardInterrupt as interrupt:
        return _ended(context, options, interrupt)
    finally:
        context.close()
