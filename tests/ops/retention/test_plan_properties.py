"""What holds for every plan."""

import json
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.retention.image import Image
from ops.retention.plan import FIRST_IMAGE, Plan, deletions_of, make, to_data
from ops.retention.rules import Rule, matching
from tests.ops.retention.strategies import NOW, in_use, registries, rules


def _gone(plan: Plan) -> set[tuple[str, str]]:
    return {(decision.repository, decision.digest) for decision in plan.deletions}


def _left(images: list[Image], plan: Plan) -> list[Image]:
    gone = _gone(plan)
    return [image for image in images if (image.repository, image.digest) not in gone]


@given(registries(), rules, in_use)
def test_every_image_has_one_decision_with_a_reason(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    plan = make(images, policy, NOW, used)
    assert sorted((one.repository, one.digest) for one in plan.decisions) == sorted((one.repository, one.digest) for one in images)
    assert all(decision.reason for decision in plan.decisions)


@given(registries(), rules, in_use)
def test_no_tag_that_a_rule_keeps_goes(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    """Judged anew here, from each rule's words alone."""
    by_key = {(image.repository, image.digest): image for image in images}
    for decision in make(images, policy, NOW, used).deletions:
        image = by_key[decision.repository, decision.digest]
        here = matching(policy, image.repository)
        assert here, "deleted without a rule"
        for rule in here:
            assert not rule.protect
            assert rule.keep_tags is None or not any(rule.keep_tags.fullmatch(tag) for tag in image.tags)
            if not image.is_companion:
                assert image.created is not None
                assert image.created >= FIRST_IMAGE
                for since in (image.created, image.pushed):
                    assert rule.keep_within is None or since is None or NOW - since > rule.keep_within
                if rule.keep_last is not None:
                    newer = [
                        other
                        for other in images
                        if other.repository == image.repository and not other.is_companion and (other.created or 0) > image.created
                    ]
                    assert len(newer) >= rule.keep_last


@given(registries(), rules, in_use)
def test_no_repository_is_emptied(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    left = _left(images, make(images, policy, NOW, used))
    with_images = {image.repository for image in images if not image.is_companion}
    assert with_images == {image.repository for image in left if not image.is_companion}


@given(registries(), rules, in_use)
def test_nothing_in_use_goes(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    by_key = {(image.repository, image.digest): image for image in images}
    for key in _gone(make(images, policy, NOW, used)):
        assert not by_key[key].digests & used


@given(registries(), rules, in_use)
def test_no_part_of_a_kept_index_goes(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    plan = make(images, policy, NOW, used)
    gone = _gone(plan)
    for image in _left(images, plan):
        assert not gone & {(image.repository, part) for part in image.parts}


@given(registries(), rules, in_use)
def test_what_is_attached_goes_only_with_all_its_subjects(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    plan = make(images, policy, NOW, used)
    stays = {(image.repository, digest) for image in _left(images, plan) for digest in (image.digest, *image.parts)}
    by_key = {(image.repository, image.digest): image for image in images}
    for decision in plan.deletions:
        image = by_key[decision.repository, decision.digest]
        assert not {(image.repository, subject) for subject in image.subjects} & stays


@given(registries(), rules, in_use)
def test_a_plan_carried_out_leaves_nothing_to_do(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    plan = make(images, policy, NOW, used)
    again = make(_left(images, plan), policy, NOW, used)
    assert again.deletions == ()


@given(registries(), rules, in_use, st.randoms(use_true_random=False))
def test_order_makes_no_difference(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str], chance: random.Random) -> None:
    shuffled = [Image(**{**vars(image), "tags": tuple(chance.sample(image.tags, len(image.tags)))}) for image in images]
    chance.shuffle(shuffled)
    assert make(shuffled, policy, NOW, used) == make(images, policy, NOW, used)


@given(registries(), rules)
@settings(max_examples=50)
def test_a_plan_survives_json(images: list[Image], policy: tuple[Rule, ...]) -> None:
    plan = make(images, policy, NOW)
    assert deletions_of(json.loads(json.dumps(to_data(plan)))) == _gone(plan)


@given(registries(), rules, in_use)
def test_more_rules_and_more_in_use_only_keep_more(images: list[Image], policy: tuple[Rule, ...], used: frozenset[str]) -> None:
    """A further rule for the same repositories can save images, never cost one."""
    fewer = _gone(make(images, policy, NOW, used))
    assert fewer <= _gone(make(images, policy, NOW))
    for image in images:
        if matching(policy[:1], image.repository) and matching(policy, image.repository):
            assert ((image.repository, image.digest) in fewer) <= (
                (image.repository, image.digest) in _gone(make(images, policy[:1], NOW, used))
            )
