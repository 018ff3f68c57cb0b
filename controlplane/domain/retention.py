"""What a retention rule takes out of a repository, worked out from what is in it.

Pure: the same input gives the same plan, so that a preview shows what would be done. A plan never takes

* what an index that stays names, nor a referrer (signature, SBOM, …) whose subject stays;
* what a tag that stays names;
* what is locked against deletion, nor a tag of it.

When an index goes, what only it names goes along; when a subject goes, its referrers do. Signatures that are
known by a tag of the form ``sha256-<hex>.sig`` are referrers as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

_COMPANION = re.compile(r"(sha256|sha512)-([0-9a-f]{64,128})(?:\..*)?")

GRACE = timedelta(hours=1)
"""An untagged manifest that was pushed less than this ago is left alone by rules that run by themselves: the
push of the index that will name it may be under way."""


@dataclass(frozen=True, slots=True)
class Item:
    """A manifest. ``locked``: it may not be deleted; ``children`` are digests an index names."""

    id: int
    digest: str
    size: int
    pushed_at: datetime
    untagged_at: datetime | None
    pulled_at: datetime | None
    locked: bool
    subject: str | None
    artifact_type: str | None
    children: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TagItem:
    """What a tag names now, and since when."""

    name: str
    manifest_id: int
    since: datetime
    pulled_at: datetime | None
    locked: bool


def _any(_: str) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Which tags and untagged manifests go; an entry must meet every condition that is set.

    Tags and untagged manifests are counted apart: of each, the ``keep_newest`` are left, and at least
    ``keep_at_least`` in all. ``older_than`` counts from when the tag was set, or the manifest lost its last
    tag; ``not_pulled_for`` from the last pull, or from that where there was none.
    """

    tagged: bool = True
    untagged: bool = False
    tags: Callable[[str], bool] = _any
    artifact_type: Callable[[str], bool] = _any
    keep_newest: int = 0
    keep_at_least: int = 0
    older_than: timedelta = timedelta()
    not_pulled_for: timedelta = timedelta()
    grace: timedelta = GRACE


@dataclass(frozen=True, slots=True)
class Content:
    """Everything in a repository that is not deleted."""

    items: Sequence[Item]
    tags: Sequence[TagItem]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes: ``items`` with all their tags, and tags whose manifest stays.

    An index comes before what it names, a subject before its referrers.
    """

    items: tuple[Item, ...] = ()
    untagged: tuple[TagItem, ...] = ()
    tags: Mapping[int, tuple[TagItem, ...]] = field(default_factory=dict)

    @property
    def tag_names(self) -> list[str]:
        """Every tag that goes, in byte order."""
        alone = [tag.name for tag in self.untagged]
        return sorted([*alone, *(tag.name for one in self.items for tag in self.tags.get(one.id, ()))])


def plan(rule: Rule, content: Content, now: datetime) -> Plan:
    """Work out what a rule takes now."""
    graph = _Graph(content)
    tags = {tag.name for tag in _chosen_tags(rule, graph, now)} if rule.tagged else set()
    chosen = _losing_all_tags(graph, tags)
    if rule.untagged:
        chosen |= {item.id for item in _chosen_untagged(rule, graph, now)}
    going = _settle(graph, tags, chosen)
    alone = [
        tag for tag in content.tags if tag.name in tags and tag.manifest_id not in going and not tag.locked
    ]
    return Plan(graph.ordered(going), tuple(alone), {one: tuple(graph.tags_of(one)) for one in going})


class _Graph:
    """Who names whom in a repository."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.by_id = {item.id: item for item in content.items}
        self.by_digest = {item.digest: item for item in content.items}
        self._tags: dict[int, list[TagItem]] = {}
        self._parents: dict[int, set[int]] = {}
        self._referrers: dict[int, set[int]] = {}
        self._companions: dict[int, set[int]] = {}
        for tag in content.tags:
            self._tags.setdefault(tag.manifest_id, []).append(tag)
            if (subject := self.companion_of(tag)) is not None:
                self._companions.setdefault(subject.id, set()).add(tag.manifest_id)
        for item in content.items:
            for child in self.children_of(item.id):
                self._parents.setdefault(child, set()).add(item.id)
            if (subject := self.subject_of(item)) is not None:
                self._referrers.setdefault(subject.id, set()).add(item.id)

    def companion_of(self, tag: TagItem) -> Item | None:
        """Return the manifest whose signature or the like a tag is, by its name."""
        found = _COMPANION.fullmatch(tag.name)
        subject = None if found is None else self.by_digest.get(f"{found[1]}:{found[2]}")
        return None if subject is None or subject.id == tag.manifest_id else subject

    def subject_of(self, item: Item) -> Item | None:
        """Return a manifest's subject, if it is here."""
        return None if item.subject is None else self.by_digest.get(item.subject)

    def children_of(self, item_id: int) -> set[int]:
        """Return what an index names, as far as it is here."""
        digests = self.by_id[item_id].children
        return {self.by_digest[digest].id for digest in digests if digest in self.by_digest}

    def parents_of(self, item_id: int) -> set[int]:
        """Return the indexes that name a manifest."""
        return self._parents.get(item_id, set())

    def tags_of(self, item_id: int) -> list[TagItem]:
        """Return the tags of a manifest."""
        return self._tags.get(item_id, [])

    def followers_of(self, item_id: int) -> set[int]:
        """Return what would go along with a manifest, if nothing else held it."""
        referrers = self._referrers.get(item_id, set()) | self._companions.get(item_id, set())
        return self.children_of(item_id) | referrers

    def ordered(self, going: set[int]) -> tuple[Item, ...]:
        """Put indexes before what they name, and subjects before their referrers.

        An index may name its own subject; then neither is first, and they stand near each other.
        """
        found: dict[int, None] = {}
        waiting = [(one, False) for one in sorted(going, reverse=True)]
        entered: set[int] = set()
        while waiting:
            one, is_ready = waiting.pop()
            if is_ready:
                found[one] = None
            elif one not in entered:
                entered.add(one)
                waiting.append((one, True))
                waiting += [(holder, False) for holder in sorted(self._holders(one) & going)]
        return tuple(self.by_id[one] for one in found)

    def _holders(self, item_id: int) -> set[int]:
        subject = self.subject_of(self.by_id[item_id])
        return self.parents_of(item_id) | (set() if subject is None else {subject.id})

    def held_outside(self, item_id: int, going: set[int]) -> bool:
        """Tell whether something that stays names a manifest, or is its subject."""
        return not self._holders(item_id) <= going


def _chosen_tags(rule: Rule, graph: _Graph, now: datetime) -> list[TagItem]:
    """Return the tags a rule is about and lets go of; those of referrers depend on their subject alone."""
    about = [
        tag
        for tag in graph.content.tags
        if rule.tags(tag.name)
        and rule.artifact_type(graph.by_id[tag.manifest_id].artifact_type or "")
        and graph.companion_of(tag) is None
        and graph.subject_of(graph.by_id[tag.manifest_id]) is None
    ]
    about.sort(key=lambda tag: (tag.since, tag.name), reverse=True)
    return _beyond(
        rule,
        about,
        lambda tag: (
            not tag.locked
            and not graph.by_id[tag.manifest_id].locked
            and _is_old(rule, tag.since, tag.pulled_at, now)
        ),
    )


def _chosen_untagged(rule: Rule, graph: _Graph, now: datetime) -> list[Item]:
    """Return the untagged manifests a rule lets go of: those that nothing names."""
    about = [
        item
        for item in graph.content.items
        if not graph.tags_of(item.id)
        and not graph.parents_of(item.id)
        and graph.subject_of(item) is None
        and rule.artifact_type(item.artifact_type or "")
    ]
    about.sort(key=lambda item: (_since(item), item.digest), reverse=True)
    return _beyond(
        rule,
        about,
        lambda item: (
            not item.locked
            and item.pushed_at <= now - rule.grace
            and _is_old(rule, _since(item), item.pulled_at, now)
        ),
    )


_Entry = TypeVar("_Entry", TagItem, Item)


def _beyond(rule: Rule, newest_first: Sequence[_Entry], goes: Callable[[_Entry], bool]) -> list[_Entry]:
    """Return the entries that go, the oldest first and never more than the rule leaves."""
    candidates = [entry for entry in newest_first[rule.keep_newest :] if goes(entry)]
    return candidates[::-1][: max(0, len(newest_first) - rule.keep_at_least)]


def _since(item: Item) -> datetime:
    return item.untagged_at or item.pushed_at


def _is_old(rule: Rule, since: datetime, pulled_at: datetime | None, now: datetime) -> bool:
    return since <= now - rule.older_than and (pulled_at or since) <= now - rule.not_pulled_for


def _losing_all_tags(graph: _Graph, tags: set[str]) -> set[int]:
    losing = {tag.manifest_id for tag in graph.content.tags if tag.name in tags}
    return {one for one in losing if all(tag.name in tags for tag in graph.tags_of(one))}


def _settle(graph: _Graph, tags: set[str], chosen: set[int]) -> set[int]:
    """Return the manifests that go: what was chosen and all that follows it, without what something holds."""
    going = _closure(graph, chosen)
    while True:
        stays = {one for one in going if not _may_go(graph, one, tags, chosen, going)}
        if not stays:
            return going
        going -= stays


def _closure(graph: _Graph, chosen: Iterable[int]) -> set[int]:
    found, waiting = set(chosen), list(chosen)
    while waiting:
        for follower in graph.followers_of(waiting.pop()) - found:
            found.add(follower)
            waiting.append(follower)
    return found


def _may_go(graph: _Graph, item_id: int, tags: set[str], chosen: set[int], going: set[int]) -> bool:
    item = graph.by_id[item_id]
    if item.locked or graph.held_outside(item_id, going):
        return False
    companions = 0
    for tag in graph.tags_of(item_id):
        subject = graph.companion_of(tag)
        if tag.locked or (tag.name not in tags and (subject is None or subject.id not in going)):
            return False
        companions += subject is not None
    if item_id in chosen or companions:
        return True
    subject = graph.subject_of(item)
    return bool(graph.parents_of(item_id) & going) or (subject is not None and subject.id in going)
