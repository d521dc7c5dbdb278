"""Hypothesis strategies for repositories and rules: small, so that images often share ages, tags, parts and subjects."""

from hypothesis import strategies as st

from ops.retention.image import Image
from ops.retention.rules import Rule, parse

NOW = 1_800_000_000.0
DAY = 86_400
REPOSITORIES = ("apps/web", "apps/api", "base")


def digest(number: int) -> str:
    """A digest that is easy to tell apart."""
    return f"sha256:{number:064x}"


_pushes = st.one_of(st.none(), st.integers(0, 12).map(lambda days: NOW - days * 10.0 * DAY))
_ages = st.one_of(
    st.none(), st.sampled_from((NOW, NOW - 315_532_801.0)), st.integers(0, 12).map(lambda days: days * 10.0 * DAY), st.just(-30.0 * DAY)
)


@st.composite
def repositories(draw: st.DrawFn) -> list[Image]:
    """The images of one repository. Numbers 0-9 are plain images, 10-14 indexes of them, 20-27 things attached to any of these."""
    repository = draw(st.sampled_from(REPOSITORIES))
    plain = draw(st.lists(st.integers(0, 9), unique=True, min_size=draw(st.sampled_from((0, 5))), max_size=8))
    found: list[Image] = []
    created: dict[int, float | None] = {}
    for number in range(10):
        age = draw(_ages)
        created[number] = None if age is None else NOW - age
    for number in plain:
        tags = draw(st.lists(st.sampled_from((f"v{number}", f"build-{number}", f"keep-{number}")), min_size=1, unique=True))
        configs, pushed = frozenset({digest(100 + number)}), draw(_pushes)
        found.append(Image(repository, digest(number), tuple(tags), created[number], configs=configs, pushed=pushed))
    for number in draw(st.lists(st.integers(10, 14), unique=True, max_size=4)):
        parts = draw(st.lists(st.sampled_from(plain or range(10)), min_size=1, max_size=3, unique=True))
        known = [time for part in parts if (time := created[part]) is not None]
        tags = draw(st.lists(st.sampled_from((f"m{number}", f"keep-{number}")), min_size=1, unique=True))
        newest = max(known) if known else None
        below = frozenset(digest(part) for part in parts)
        found.append(Image(repository, digest(number), tuple(tags), newest, below, frozenset(digest(100 + part) for part in parts)))
    for number in draw(st.lists(st.integers(20, 27), unique=True, max_size=5)):
        subject = digest(draw(st.one_of(st.integers(0, 14), st.integers(20, 27), st.just(99))))
        form = draw(st.sampled_from(("sig", "att", "fallback", "field")))
        tag = "sha256-" + subject[7:] + {"sig": ".sig", "att": ".att"}.get(form, "")
        if form == "field":
            found.append(Image(repository, digest(number), (f"artifact-{number}",), None, subject=subject))
        elif not any(tag in image.tags for image in found):
            found.append(Image(repository, digest(number), (tag,), None))
    return found


@st.composite
def registries(draw: st.DrawFn) -> list[Image]:
    """The images of up to three repositories."""
    images: dict[str, list[Image]] = {}
    for found in draw(st.lists(repositories(), max_size=3)):
        if found:
            images[found[0].repository] = found
    return [image for found in images.values() for image in found]


_one_rule = st.fixed_dictionaries(
    {"repositories": st.sampled_from(("**", "apps/*", "base", "apps/web"))},
    optional={
        "keepLast": st.integers(1, 4),
        "keepWithin": st.sampled_from(("10d", "35d", "12w")),
        "keepTags": st.sampled_from(("keep-.*", "v[0-4]", "sha256-.*", "nothing")),
        "protect": st.booleans(),
    },
).filter(lambda rule: bool({"keepLast", "keepWithin", "keepTags"} & rule.keys()) or bool(rule.get("protect")))

rules: st.SearchStrategy[tuple[Rule, ...]] = st.lists(_one_rule, max_size=3).map(parse)
in_use: st.SearchStrategy[frozenset[str]] = st.frozensets(st.one_of(st.integers(0, 14), st.integers(100, 109)).map(digest), max_size=3)
