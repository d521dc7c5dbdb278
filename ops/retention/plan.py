"""The plan: for each image whether it stays, and why. Plain data, made by one pure function from what is there, the rules and the time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from ops import output
from ops.errors import STOPPED, USAGE, OpsError
from ops.recycle_name import is_bin
from ops.retention import durations
from ops.retention.image import Image
from ops.retention.rules import Rule, matching

CLOCK_SLACK_SECONDS = 86_400
"""A creation time further ahead than this says nothing: as if unknown."""
FIRST_IMAGE = datetime(2013, 3, 1, tzinfo=UTC).timestamp()
"""Nor does one before this: Docker was first shown in March 2013. Reproducible builds write such times into every image: 1970-01-01 (the
epoch), 1980-01-01 (the first that zip files know; Cloud Native Buildpacks), 1985-10-26 (npm)."""

_NEWEST = 0
"""Among rules, which are numbered from 1: no plan empties a repository, such as one that was not built for longer than keepWithin."""


@dataclass(frozen=True)
class Decision:
    """What happens to one image. `created` is in Unix seconds; `parts` counts the manifests below it; `runs_as` are all its digests."""

    repository: str
    digest: str
    tags: tuple[str, ...]
    created: float | None
    delete: bool
    reason: str
    companion: bool = False
    parts: int = 0
    runs_as: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """All decisions, sorted by repository and digest. `time` is the Unix time that ages were counted at.

    `considered` counts the images (without signatures and the like) in repositories that some rule is for.
    """

    time: float
    decisions: tuple[Decision, ...]
    considered: int

    @property
    def deletions(self) -> tuple[Decision, ...]:
        """What goes."""
        return tuple(decision for decision in self.decisions if decision.delete)

    @property
    def percent(self) -> float:
        """How much of the considered images goes."""
        gone = sum(1 for decision in self.deletions if not decision.companion)
        return 100 * gone / self.considered if self.considered else 0.0

    def check(self, max_delete_percent: int) -> None:
        """Raises OpsError when more goes than is allowed at once."""
        if self.percent > max_delete_percent:
            raise OpsError(
                f"the plan deletes {self.percent:.1f} % of {self.considered} images, more than maxDeletePercent {max_delete_percent}: "
                "nothing was deleted. Look at `retention plan`; raise the limit for one run with --max-delete-percent",
                STOPPED,
            )


def _known_age(image: Image, now: float) -> float | None:
    """Unix seconds, None where the time says nothing: missing, before there were images (reproducible builds), or far ahead."""
    if image.created is None or image.created < FIRST_IMAGE or image.created > now + CLOCK_SLACK_SECONDS:
        return None
    return image.created


def _cutoffs(images: Sequence[Image], rules: Sequence[Rule], now: float) -> dict[int, float]:
    """Per rule with keepLast, the creation time of the last image that it keeps; under _NEWEST that of the newest image.

    Images that are parts of an index with a tag don't count beside it. Images of the same age as the last one stay too: nothing
    says which of them is newer.
    """
    parts = {part for image in images if not image.is_companion for part in image.parts}
    times = [_known_age(image, now) for image in images if not image.is_companion and image.digest not in parts]
    ranked = sorted((time for time in times if time is not None), reverse=True)
    cutoffs = {_NEWEST: ranked[0] if ranked else float("-inf")}
    for rule in rules:
        if rule.keep_last is not None:
            cutoffs[rule.number] = ranked[rule.keep_last - 1] if len(ranked) >= rule.keep_last else float("-inf")
    return cutoffs


def _tag_reason(image: Image, rules: Sequence[Rule]) -> str | None:
    """Why a rule keeps it whatever its age."""
    for rule in rules:
        if rule.protect:
            return f"rule {rule.number} protects the repository"
        if rule.keep_tags is not None:
            kept = sorted(tag for tag in image.tags if rule.keep_tags.fullmatch(tag))
            if kept:
                return f"rule {rule.number} keeps tag {kept[0]}"
    return None


def _age_reason(image: Image, rules: Sequence[Rule], cutoffs: Mapping[int, float], now: float) -> tuple[bool, str]:
    """Whether it goes by number and age, and why."""
    created = _known_age(image, now)
    if created is None:
        return False, "its age is unknown"
    missed: list[str] = []
    for rule in rules:
        if rule.keep_last is not None:
            if created >= cutoffs[rule.number]:
                return False, f"rule {rule.number} keeps the last {rule.keep_last}"
            missed.append(f"not among the last {rule.keep_last}")
        if rule.keep_within is not None:
            if now - created <= rule.keep_within:
                return False, f"rule {rule.number} keeps {durations.text(rule.keep_within)}"
            if image.pushed is not None and now - image.pushed <= rule.keep_within:
                return False, f"rule {rule.number} keeps {durations.text(rule.keep_within)}, counted from its push"
            missed.append(f"older than {durations.text(rule.keep_within)}")
        if rule.keep_tags is not None:
            missed.append(f"no tag matches {rule.keep_tags.pattern}")
    if created >= cutoffs[_NEWEST]:
        return False, "the newest image of a repository always stays"
    return True, "; ".join(missed)


def _repository(images: Sequence[Image], rules: Sequence[Rule], now: float, in_use: frozenset[str]) -> dict[str, tuple[bool, str]]:
    """Per digest whether it goes, and why."""
    cutoffs = _cutoffs(images, rules, now)
    decided: dict[str, tuple[bool, str]] = {}
    for image in images:
        used = sorted(image.digests & in_use)
        by_tag = _tag_reason(image, rules)
        if used:
            decided[image.digest] = (False, "it is in use" + ("" if used[0] == image.digest else f" (as {used[0]})"))
        elif by_tag:
            decided[image.digest] = (False, by_tag)
        elif image.is_companion:
            decided[image.digest] = (True, "")
        else:
            decided[image.digest] = _age_reason(image, rules, cutoffs, now)
    _keep_what_belongs(images, decided)
    return decided


def _owners(images: Sequence[Image], decided: Mapping[str, tuple[bool, str]]) -> dict[str, str]:
    """Every manifest that stays, with the image that it stays for."""
    owners: dict[str, str] = {}
    for image in images:
        if not decided[image.digest][0]:
            owners.setdefault(image.digest, image.digest)
            for part in sorted(image.parts):
                owners.setdefault(part, image.digest)
    return owners


def _belongs(image: Image, owners: Mapping[str, str], present: frozenset[str]) -> str | None:
    """Why an image must stay for another one's sake."""
    if image.digest in owners:
        return f"part of {owners[image.digest]}, which stays"
    attached = sorted(image.subjects & owners.keys())
    if attached:
        return f"attached to {attached[0]}, which stays"
    unseen = sorted(image.subjects - present)
    if unseen and image.is_companion:
        # It may be about an image that no tag of this repository reaches; that can't be known, so it stays.
        return f"attached to {unseen[0]}, which no tag here reaches"
    return None


def _keep_what_belongs(images: Sequence[Image], decided: dict[str, tuple[bool, str]]) -> None:
    """Changes deletions into keeping: parts of what stays, and what is attached to what stays; until nothing changes any more."""
    present = frozenset(digest for image in images for digest in (image.digest, *image.parts))
    changed = True
    while changed:
        owners = _owners(images, decided)
        kept = {image.digest: _belongs(image, owners, present) for image in images if decided[image.digest][0]}
        changed = any(kept.values())
        decided.update({digest: (False, reason) for digest, reason in kept.items() if reason})
    for image in images:
        if decided[image.digest][0] and image.is_companion:
            decided[image.digest] = (True, f"attached to {min(image.subjects)}, which goes")


def attached_to(images: Sequence[Image], going: frozenset[str]) -> list[Image]:
    """The signatures and the like that lose all their subjects when these digests of one repository go."""
    decided = {image.digest: (image.digest in going or image.is_companion, "") for image in images}
    _keep_what_belongs(images, decided)
    gone = going | {part for image in images if image.digest in going for part in image.parts}
    found: list[Image] = []
    changed = True
    while changed:  # a signature may itself have one
        more = [image for image in images if image.digest not in gone and decided[image.digest][0] and image.subjects & gone]
        changed = bool(more)
        found += more
        gone |= {digest for image in more for digest in (image.digest, *image.parts)}
    return found


def make(images: Iterable[Image], rules: Sequence[Rule], now: float, in_use: frozenset[str] = frozenset()) -> Plan:
    """Decides about every image. The order of `images` makes no difference; tags of one digest must be in one Image."""
    per_repository: defaultdict[str, list[Image]] = defaultdict(list)
    for image in images:
        if not is_bin(image.repository):
            per_repository[image.repository].append(image)
    decisions: list[Decision] = []
    considered = 0
    for repository in sorted(per_repository):
        entries = sorted(per_repository[repository], key=lambda image: image.digest)
        rules_here = matching(rules, repository)
        decided = _repository(entries, rules_here, now, in_use) if rules_here else {}
        considered += sum(1 for image in entries if rules_here and not image.is_companion)
        for image in entries:
            goes, reason = decided.get(image.digest, (False, "no rule is for this repository"))
            tags = tuple(sorted(image.tags))
            decisions.append(
                Decision(repository, image.digest, tags, image.created, goes, reason, image.is_companion, len(image.parts), image.digests)
            )
    return Plan(now, tuple(decisions), considered)


def _time(value: float | None) -> str | None:
    return None if value is None else datetime.fromtimestamp(value, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def to_data(plan: Plan) -> dict[str, object]:
    """The plan as JSON data."""
    return {
        "time": _time(plan.time),
        "considered": plan.considered,
        "deletes": len(plan.deletions),
        "percent": round(plan.percent, 1),
        "images": [
            {
                "repository": decision.repository,
                "digest": decision.digest,
                "tags": list(decision.tags),
                "created": _time(decision.created),
                "action": "delete" if decision.delete else "keep",
                "reason": decision.reason,
                "companion": decision.companion,
                "parts": decision.parts,
            }
            for decision in plan.decisions
        ],
    }


def deletions_of(data: object) -> frozenset[tuple[str, str]]:
    """Repository and digest of everything that a plan in JSON deletes. Raises OpsError when it is no plan."""
    try:
        images = cast(list[dict[str, object]], cast(dict[str, object], data)["images"])
        return frozenset((str(image["repository"]), str(image["digest"])) for image in images if image["action"] == "delete")
    except (KeyError, TypeError) as error:
        raise OpsError(f"this is no retention plan: {error!r}", USAGE) from error


def to_table(plan: Plan, *, everything: bool = True) -> str:
    """The plan for people; with `everything` also what stays."""
    rows = [
        (
            "delete" if decision.delete else "keep",
            decision.repository,
            ",".join(decision.tags),
            decision.digest[7:19],
            (_time(decision.created) or "unknown")[:10],
            decision.reason,
        )
        for decision in plan.decisions
        if everything or decision.delete
    ]
    summary = f"{len(plan.deletions)} of {len(plan.decisions)} images go, {plan.percent:.1f} % of {plan.considered} that rules are for"
    return output.table(("ACTION", "REPOSITORY", "TAGS", "DIGEST", "CREATED", "REASON"), rows) + "\n" + summary
