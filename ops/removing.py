"""`delete` and `undo`: from what people name to what is done."""

import contextlib
import re
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass

from ops import in_use, output, recycle
from ops.context import Context
from ops.delete import Outcome, Target
from ops.errors import FAILED, OK, STOPPED, USAGE, OpsError
from ops.journal import JournalError
from ops.recycle_name import bin_of, is_bin
from ops.retention.collect import collect
from ops.retention.collect import image as read_image
from ops.retention.image import Image
from ops.retention.plan import attached_to
from ops.settings import DAY_SECONDS

_NAME = re.compile(r"(?P<repository>[a-z0-9._/-]+)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))?")
REASON = "deleted by hand"


@dataclass(frozen=True)
class Name:
    """repository, repository:tag or repository@digest."""

    repository: str
    tag: str | None = None
    digest: str | None = None

    def __str__(self) -> str:
        """As people write it."""
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse_name(text: str, *, whole: bool = False) -> Name:
    """Reads a name. With `whole` a repository alone is allowed too."""
    found = _NAME.fullmatch(text)
    if not found or (not whole and not found["tag"] and not found["digest"]):
        raise OpsError(f"{text!r} is not {'repository, ' if whole else ''}repository:tag or repository@sha256:...", USAGE)
    return Name(found["repository"], found["tag"], found["digest"])


def targets(images: Sequence[Image], names: Sequence[Name], major: int, *, all_tags: bool) -> list[Target]:
    """What goes for these names, with signatures and the like of images that lose their last tag. `images` are all of the repositories."""
    found: list[Target] = []
    by_image: dict[tuple[str, str], set[str]] = {}
    for name in names:
        here = [image for image in images if image.repository == name.repository]
        image = next((one for one in here if name.tag in one.tags or name.digest == one.digest), None)
        if image is None:
            raise OpsError(f"there is no image with a tag {name}")
        tags = {name.tag} if name.tag and not all_tags else set(image.tags)
        by_image.setdefault((image.repository, image.digest), set()).update(tags)
    for image in images:
        tags = by_image.get((image.repository, image.digest))
        if not tags:
            continue
        others = set(image.tags) - tags
        if others and major == 2:
            raise OpsError(
                f"{image.repository}@{image.digest} has the tags {', '.join(sorted(others))} too, and registry 2.8 deletes all of them "
                "together: name them or use --all-tags",
                USAGE,
            )
        found.append(Target(image.repository, image.digest, tuple(sorted(tags)), REASON, len(image.parts), image.digests))
    for repository in sorted({target.repository for target in found}):
        here = [image for image in images if image.repository == repository]
        going = frozenset(image.digest for image in here if by_image.get((repository, image.digest)) == set(image.tags))
        for image in attached_to(here, going):
            reason = "attached to what was deleted by hand"
            found.append(Target(repository, image.digest, tuple(sorted(image.tags)), reason, len(image.parts), image.digests))
    return found


def _show(outcomes: Sequence[Outcome], *, as_json: bool) -> int:
    if as_json:
        output.write(output.to_json([outcome.to_data() for outcome in outcomes]))
    else:
        rows = [
            ("deleted" if one.done else "kept", one.target.repository, ",".join(one.target.tags), one.target.digest[7:19], one.message)
            for one in outcomes
        ]
        output.write(output.table(("RESULT", "REPOSITORY", "TAGS", "DIGEST", "WHY"), rows))
    return OK if all(outcome.done for outcome in outcomes) else FAILED


def _refuse_in_use(wanted: Sequence[Target], used: frozenset[str]) -> None:
    for target in wanted:
        if target.runs_as & used:
            raise OpsError(f"{target.repository}@{target.digest} is on the list of images in use: nothing was deleted", STOPPED)


def delete(context: Context, options: Namespace) -> int:
    """The command `delete`."""
    if options.empty_bin:
        return empty_bin(context, options)
    names = [parse_name(text) for text in options.images]
    if not names:
        raise OpsError("say which images: repository:tag or repository@sha256:...", USAGE)
    if any(is_bin(name.repository) for name in names):
        raise OpsError("the recycle bin is emptied by --empty-bin", USAGE)
    in_use.load(context.settings)  # a list that cannot be read ends it before the long look at the registry
    wanted_repositories = {name.repository for name in names}

    def look() -> list[Target]:
        images = collect(context.registry, context.cache, lambda name: name in wanted_repositories, context.progress)
        found = targets(images, names, context.settings.registry_major, all_tags=options.all_tags)
        _refuse_in_use(found, in_use.load(context.settings))
        return found

    if options.dry_run:
        return _show([Outcome(target, True, f"would be: {target.reason}") for target in look()], as_json=options.json)
    with context.changing("delete", options.wait) as (_, moments):
        found = look()
        deleter = context.deleter(moments, permanently=options.permanently)
        return _show(deleter.delete(found), as_json=options.json)


def _show_entries(entries: Sequence[recycle.Entry], *, as_json: bool) -> None:
    if as_json:
        output.write(output.to_json([entry.to_data() for entry in entries]))
        return
    rows = [
        (time.strftime("%Y-%m-%d %H:%M", time.gmtime(one.deleted)), one.repository, ",".join(one.tags), one.digest[7:19], one.reason)
        for one in entries
    ]
    output.write(output.table(("DELETED (UTC)", "REPOSITORY", "TAGS", "DIGEST", "WHY"), rows))


def empty_bin(context: Context, options: Namespace) -> int:
    """`delete --empty-bin`: what was deleted longer than undoDays ago goes for good."""
    days = context.settings.retention.undo_days
    if options.dry_run:
        _show_entries(recycle.empty(context.registry, days, dry_run=True, cache=context.cache), as_json=options.json)
        return OK
    with context.changing("empty the recycle bin", options.wait):
        journal = context.journal
        with contextlib.suppress(JournalError):  # here it only tells of the clock
            journal.collect()
        if journal.clock_was_set(DAY_SECONDS):
            raise OpsError("the machine's clock was set within the last day, so what looks old may be new: nothing was removed", STOPPED)
        _show_entries(recycle.empty(context.registry, days, cache=context.cache), as_json=options.json)
    return OK


def _chosen(entries: Sequence[recycle.Entry], name: Name) -> list[recycle.Entry]:
    """The deletions that `undo NAME` means: of a tag only its latest, of a digest all, of a repository all that had tags.

    What the collection took had none, and nobody asks for hundreds of those together.
    """
    if name.tag:
        return [entry for entry in entries if name.tag in entry.tags][:1]
    if name.digest:
        return [entry for entry in entries if entry.digest == name.digest]
    return [entry for entry in entries if entry.tags]


def _with_attached(context: Context, chosen: Sequence[recycle.Entry], entries: Sequence[recycle.Entry]) -> list[recycle.Entry]:
    """`chosen` and what went with it as attached to it: its signatures and the like. `entries` are all of the repository.

    Only what was deleted in the same run: a signature that somebody deleted at another time was meant to go.
    """
    times = {entry.deleted for entry in chosen}
    images = {
        entry: read_image(context.registry, context.cache, bin_of(entry.repository), entry.digest, entry.tags)
        for entry in entries
        if entry.deleted in times
    }
    found = [entry for entry in chosen if entry in images]
    for entry in found:  # it grows: a signature may itself have one
        below = {entry.digest} | images[entry].parts
        found += [
            other
            for other, facts in images.items()
            if other.deleted == entry.deleted and other not in found and facts.is_companion and facts.subjects & below
        ]
    return found


def undo(context: Context, options: Namespace) -> int:
    """The command `undo`; without a name it shows what could be undone."""
    if not options.images:
        _show_entries(recycle.entries(context.registry, context.cache), as_json=options.json)
        return OK
    names = [parse_name(text, whole=True) for text in options.images]
    with context.changing("undo", options.wait) as (_, moments):
        chosen: dict[tuple[str, str], recycle.Entry] = {}
        for name in names:
            entries = recycle.entries(context.registry, context.cache, name.repository)
            found = _with_attached(context, _chosen(entries, name), entries)
            if not found:
                raise OpsError(f"the recycle bin has nothing for {name}")
            chosen.update({(entry.repository, entry.name): entry for entry in found})
        # Newest first: where a tag was deleted twice, it gets the image that had it last.
        ordered = sorted(chosen.values(), key=lambda entry: -entry.deleted)
        results = [
            recycle.restore(context.registry, entry, moments, overwrite=options.overwrite, dry_run=options.dry_run) for entry in ordered
        ]
        for entry in () if options.dry_run else ordered:
            context.pushes.record(entry.repository, entry.digest)
    if options.json:
        data = [{**one.entry.to_data(), "restored": list(one.tags), "taken": list(one.taken)} for one in results]
        output.write(output.to_json(data))
    else:
        rows = [(one.entry.repository, one.entry.digest[7:19], ",".join(one.tags), ",".join(one.taken)) for one in results]
        output.write(output.table(("REPOSITORY", "DIGEST", "RESTORED", "LEFT (NAMES ANOTHER IMAGE)"), rows))
    return FAILED if any(one.taken for one in results) else OK
