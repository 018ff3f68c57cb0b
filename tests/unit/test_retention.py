"""What retention rules take, worked out from what is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controlplane.domain import patterns
from controlplane.domain.retention import Content, Item, Plan, Rule, TagItem, plan
from controlplane.services import retention_rules

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
EVERYTHING = Rule(tagged=True, untagged=True, grace=timedelta())


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def item(number: int, *, age: float = 10, children: Sequence[int] = (), **more: object) -> Item:
    """A manifest, pushed and without a tag for so many days."""
    facts: dict[str, object] = {
        "untagged_at": NOW - age * DAY,
        "pulled_at": None,
        "locked": False,
        "subject": None,
        "artifact_type": "image",
        "children": tuple(digest(child) for child in children),
    }
    return Item(number, digest(number), 100, NOW - age * DAY, **{**facts, **more})  # type: ignore[arg-type] # a table of facts


def tag(
    name: str, number: int, *, age: float = 10, pulled: float | None = None, locked: bool = False
) -> TagItem:
    return TagItem(name, number, NOW - age * DAY, None if pulled is None else NOW - pulled * DAY, locked)


def gone(found: Plan) -> list[int]:
    return sorted(one.id for one in found.items)


def test_the_newest_are_left_and_the_rest_must_be_old_enough() -> None:
    content = Content(
        [item(number) for number in range(5)], [tag(f"v{number}", number, age=number) for number in range(5)]
    )
    assert gone(plan(Rule(keep_newest=2), content, NOW)) == [2, 3, 4]
    assert gone(plan(Rule(keep_newest=2, older_than=3 * DAY), content, NOW)) == [3, 4]
    assert gone(plan(Rule(older_than=3 * DAY, keep_at_least=4), content, NOW)) == [4]
    assert gone(plan(Rule(older_than=3 * DAY, keep_at_least=9), content, NOW)) == []


def test_a_pull_counts_from_the_last_one_and_else_from_the_tag() -> None:
    tags = [tag("used", 0, age=90, pulled=1), tag("unused", 1, age=90, pulled=50), tag("never", 2, age=90)]
    content = Content([item(number) for number in range(3)], [*tags, tag("new", 2, age=5)])
    found = plan(Rule(not_pulled_for=30 * DAY), content, NOW)
    assert gone(found) == [1]
    assert found.tag_names == ["never", "unused"]  # the manifest that it named is still named


def test_tags_and_types_narrow_a_rule() -> None:
    content = Content(
        [item(0), item(1, artifact_type="chart"), item(2)],
        [tag("pr-1", 0), tag("pr-2", 1), tag("main", 2)],
    )
    assert gone(plan(Rule(tags=patterns.whole_match("pr-[0-9]+")), content, NOW)) == [0, 1]
    assert gone(plan(Rule(artifact_type=lambda kind: kind == "chart"), content, NOW)) == [1]


def test_an_index_takes_along_what_only_it_names() -> None:
    content = Content(
        [item(1), item(2), item(3), item(10, children=(1, 2, 99)), item(11, children=(2,))],
        [tag("old", 10, age=20), tag("new", 11, age=1), tag("child", 3)],
    )
    found = plan(Rule(tags=lambda name: name == "old"), content, NOW)
    assert [one.id for one in found.items] == [10, 1]
    assert plan(Rule(tagged=False, untagged=True), content, NOW) == Plan()


def test_a_child_of_an_index_that_stays_loses_its_tag_at_most() -> None:
    content = Content([item(1), item(10, children=(1,))], [tag("child", 1), tag("index", 10)])
    found = plan(Rule(tags=lambda name: name == "child"), content, NOW)
    assert gone(found) == []
    assert [one.name for one in found.untagged] == ["child"]


def test_referrers_stay_and_go_with_their_subject() -> None:
    content = Content(
        [
            item(1),
            item(2, subject=digest(1)),
            item(3, subject=digest(2)),
            item(4, subject=digest(77)),
            item(5, subject=digest(1)),
        ],
        [tag("v1", 1), tag("sbom", 5)],
    )
    assert gone(plan(Rule(tagged=False, untagged=True), content, NOW)) == [4]
    assert gone(plan(Rule(tags=lambda name: name == "sbom"), content, NOW)) == []
    found = plan(Rule(tags=lambda name: name == "v1"), content, NOW)
    assert [one.id for one in found.items] == [1, 2, 3]


def test_signatures_known_by_a_tag_follow_their_subject() -> None:
    signature = "sha256-" + digest(1).removeprefix("sha256:") + ".sig"
    content = Content([item(1), item(2)], [tag("v1", 1, age=1), tag(signature, 2, age=50)])
    assert plan(Rule(older_than=30 * DAY), content, NOW) == Plan()
    found = plan(Rule(tags=lambda name: name == "v1"), content, NOW)
    assert gone(found) == [1, 2]
    assert found.tag_names == sorted([signature, "v1"])


def test_what_is_locked_stays_and_holds_what_it_names() -> None:
    content = Content(
        [item(1), item(10, children=(1,), locked=True), item(2), item(3)],
        [tag("index", 10), tag("locked", 2, locked=True), tag("v3", 3)],
    )
    found = plan(EVERYTHING, content, NOW)
    assert gone(found) == [3]
    assert found.tag_names == ["v3"]


def test_an_untagged_manifest_of_a_push_under_way_is_left_alone() -> None:
    content = Content([item(1, age=0.01), item(2, age=0.1)], [])
    assert gone(plan(Rule(tagged=False, untagged=True), content, NOW)) == [2]


@st.composite
def contents(draw: st.DrawFn) -> Content:
    count = draw(st.integers(1, 12))
    items, tags = [], []
    for number in range(count):
        below = st.integers(0, number - 1) if number else st.nothing()
        items.append(
            item(
                number,
                age=draw(st.integers(0, 30)),
                children=draw(st.lists(below, max_size=3, unique=True)) if number else [],
                locked=draw(st.booleans()) and draw(st.booleans()),
                subject=digest(draw(below)) if number and draw(st.booleans()) else None,
            )
        )
    for name in draw(st.lists(st.integers(0, 9), max_size=8, unique=True)):
        target = draw(st.integers(0, count - 1))
        tags.append(tag(f"t{name}", target, age=draw(st.integers(0, 30)), locked=draw(st.booleans())))
    return Content(items, tags)


@settings(max_examples=150, deadline=None)
@given(contents(), st.integers(0, 3), st.integers(0, 20), st.booleans(), st.booleans())
def test_nothing_that_something_holds_ever_goes(
    content: Content, keep: int, days: int, tagged: bool, untagged: bool
) -> None:
    rule = Rule(tagged=tagged, untagged=untagged, keep_newest=keep, older_than=days * DAY)
    found = plan(rule, content, NOW)
    going = {one.digest for one in found.items}
    names = set(found.tag_names)
    by_id = {one.id: one for one in content.items}
    assert not any(one.locked for one in found.items)
    for one in content.items:
        if one.digest not in going:
            assert not going & set(one.children)
        elif one.subject in {other.digest for other in content.items}:
            assert one.subject in going
    for found_tag in content.tags:
        if found_tag.name not in names:
            assert by_id[found_tag.manifest_id].digest not in going
        else:
            assert not found_tag.locked


@pytest.mark.parametrize(
    "properties",
    [
        {},
        {"tagPattern": "pr-*"},
        {"selects": "Untagged", "tagPattern": "x", "olderThanDays": 1},
        {"olderThanDays": 1, "tagRegex": "("},
        {"olderThanDays": 1, "tagRegex": "(?=a)"},
        {"olderThanDays": 1, "tagRegex": "((a{50}){50}){50}"},
    ],
)
def test_a_rule_that_makes_no_sense_is_none(properties: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"rule|tagPattern|tagRegex"):
        retention_rules.rule_of(properties)


def test_both_tests_of_a_tag_must_hold() -> None:
    rule = retention_rules.rule_of({"tagPattern": "v*", "tagRegex": r".*\d", "olderThanDays": 0})
    assert [name for name in ("v1", "vx", "x1") if rule.tags(name)] == ["v1"]


def test_an_expression_costs_linear_time() -> None:
    matches = patterns.whole_match("(a*)*b")
    assert not matches("a" * 100_000)
