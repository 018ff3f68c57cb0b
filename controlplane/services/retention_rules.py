"""Retention rules: what owners write down, read into what ``domain.retention`` works with.

A rule of a registry is a resource below it (``resources/retention_rules.py``); a purge request of the data
plane is one that is used once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from controlplane.domain import patterns, wildcards
from controlplane.domain.retention import Rule
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.persistence import registries, resources
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import Where

TYPE = f"{REGISTRY_TYPE}/retentionRules"
TAGGED, UNTAGGED, ANY = "Tagged", "Untagged", "Any"
LIMITS = ("keepNewest", "olderThanDays", "notPulledForDays")
"""Members of which a rule needs one: without, it would take everything."""

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_AGO = re.compile(r"(?:[0-9]{1,6}[dhms]){1,4}")
_LONGEST_AGO = timedelta(days=36_500)
_PURGE_MEMBERS = {"filter": str, "ago": str, "keep": int, "untagged": bool, "dryRun": bool}
_MOST_KEPT = 1_000_000


@dataclass(frozen=True, slots=True)
class RegistryRule:
    """A rule of a registry. ``registry_id`` is None while the rule or its registry is out of use."""

    key: str
    registry_id: int | None
    pattern: str
    rule: Rule

    def covers(self, repository: str) -> bool:
        """Tell whether the rule is about a repository."""
        return wildcards.like(repository, self.pattern)


def rule_of(properties: Mapping[str, Any]) -> Rule:
    """Read a rule out of the properties of its resource.

    Raises:
        ValueError: the rule makes no sense; the text says why, beginning with the member.
    """
    selects = properties.get("selects", TAGGED)
    if not any(properties.get(member) is not None for member in LIMITS):
        raise ValueError(f"a rule needs one of {', '.join(LIMITS)}; without, it would take everything")
    if selects == UNTAGGED and (properties.get("tagPattern") or properties.get("tagRegex")):
        raise ValueError("tagPattern and tagRegex say nothing about untagged manifests")
    return Rule(
        tagged=selects != UNTAGGED,
        untagged=selects != TAGGED,
        tags=_tag_test(properties),
        artifact_type=_wildcard(properties.get("artifactType")),
        keep_newest=properties.get("keepNewest") or 0,
        keep_at_least=properties.get("keepAtLeast") or 0,
        older_than=timedelta(days=properties.get("olderThanDays") or 0),
        not_pulled_for=timedelta(days=properties.get("notPulledForDays") or 0),
    )


def untagged_for(days: int) -> Rule:
    """Return ACR's policy as a rule: manifests without a tag go after so many days."""
    return Rule(tagged=False, untagged=True, older_than=timedelta(days=days))


def after(tx: Transaction, key: str) -> RegistryRule | None:
    """Return the rule, of all registries, that follows a key."""
    found = resources.page(tx, Where(types=[TYPE.lower()]), after=key, limit=1)
    if not found:
        return None
    row = found[0]
    registry = registries.by_key(tx, row.parent_key)
    in_use = registry is not None and registry.ready and row.properties["status"] == "enabled"
    return RegistryRule(
        row.key,
        registry.id if registry is not None and in_use else None,
        row.properties["repositoryPattern"],
        rule_of(row.properties),
    )


def purge_of(body: Any) -> tuple[Rule, bool]:
    """Read a purge request: the rule, and whether it is a dry run.

    ``filter`` is an expression found in the tags that go, ``ago`` their least age (``7d``, ``1h30m``),
    ``keep`` how many of the newest stay; ``untagged`` takes manifests without a tag as well, or alone where
    there is no filter.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(body, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - a value of the wire
    for name, value in body.items():
        kind = _PURGE_MEMBERS.get(name)
        if kind is None or (value is not None and type(value) is not kind):
            known = ", ".join(_PURGE_MEMBERS)
            raise ValueError(f"'{name[:64]}' is unknown or of a wrong type; members are {known}")
    expression, untagged = body.get("filter"), bool(body.get("untagged"))
    if not expression and not untagged:
        raise ValueError("it needs a filter, untagged, or both")
    if not body.get("ago"):
        raise ValueError("it needs ago, how old what goes must be, as in '7d'")
    keep = body.get("keep") or 0
    if not 0 <= keep <= _MOST_KEPT:
        raise ValueError(f"keep must lie between 0 and {_MOST_KEPT}")
    rule = Rule(
        tagged=bool(expression),
        untagged=untagged,
        tags=_expression("filter", expression or "", patterns.found_in),
        keep_newest=keep,
        older_than=_duration(body["ago"]),
        grace=timedelta(),
    )
    return rule, bool(body.get("dryRun"))


def _duration(text: str) -> timedelta:
    if not _AGO.fullmatch(text):
        raise ValueError("ago is a duration such as '7d', '12h' or '1d12h'")
    parts = re.findall(r"([0-9]+)([dhms])", text)
    found = timedelta(seconds=sum(int(number) * _UNITS[unit] for number, unit in parts))
    if found > _LONGEST_AGO:
        raise ValueError(f"ago is more than {_LONGEST_AGO.days} days")
    return found


def _tag_test(properties: Mapping[str, Any]) -> Callable[[str], bool]:
    """Return the test for tags: the pattern and the expression, both of the whole tag, where given."""
    by_pattern = _wildcard(properties.get("tagPattern"))
    regex = properties.get("tagRegex")
    if not regex:
        return by_pattern
    by_regex = _expression("tagRegex", regex, patterns.whole_match)
    return lambda tag: by_pattern(tag) and by_regex(tag)


def _expression(
    member: str, text: str, make: Callable[[str], Callable[[str], bool]]
) -> Callable[[str], bool]:
    try:
        return make(text)
    except ValueError as error:
        raise ValueError(f"{member} is no regular expression: {error}") from None


def _wildcard(pattern: str | None) -> Callable[[str], bool]:
    return partial(wildcards.like, pattern=pattern or "*")
