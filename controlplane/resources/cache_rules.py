"""Artifact cache rules: Microsoft.ContainerRegistry/registries/cacheRules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Lifecycle, NameRule, Reference, ResourceType
from controlplane.arm.fields import model, moment, nested, text, whole
from controlplane.arm.identities import IDENTITY
from controlplane.domain.cache_rules import Pattern, check_pair, parse_source
from controlplane.domain.scopes import REGISTRY_TYPE, Scope
from controlplane.domain.tiers import Feature
from controlplane.kernel.catalogue import CACHE_RULE_EXISTS, FEATURE_NOT_SUPPORTED
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence import cache, registries
from controlplane.persistence.cache import CacheRuleRow
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.services.graph import Services

_PREVIEW = "2026-09-01-preview"
_LONGEST_TTL = 30 * 86400
_SET = "credentialSetResourceId"
_GOOGLE = "additionalAuthenticationProperties"

PROPERTIES = model(
    "CacheRuleProperties",
    {
        _SET: text(),
        _GOOGLE: nested(
            model("AdditionalAuthenticationProperties", {"authenticationType": text(required=True)}),
            since=_PREVIEW,
        ),
        "sourceRepository": text(create_only=True),
        "targetRepository": text(create_only=True),
        "ttlSeconds": whole(low=0, high=_LONGEST_TTL, own=True, doc="How long a cached tag counts as fresh."),
        "creationDate": moment(read_only=True),
    },
)
MEMBERS = model("CacheRuleMembers", {"identity": nested(IDENTITY, since=_PREVIEW)})


def _validate(ctx: Validation) -> None:
    properties = ctx.after.properties
    for member in ("sourceRepository", "targetRepository"):
        if not properties.get(member):
            raise wrong_member(f"properties.{member}", "is required")
    if properties.get(_GOOGLE):
        hint = "Use a credential set."
        raise Failure(FEATURE_NOT_SUPPORTED, feature="Google's own authentication", hint=hint, target=_GOOGLE)
    if (ctx.after.members.pop("identity", None) or {}).get("type", "None") != "None":
        hint = "Leave 'identity' out."
        raise Failure(FEATURE_NOT_SUPPORTED, feature="An identity of a rule", hint=hint, target="identity")
    try:
        _, source = parse_source(properties["sourceRepository"])
    except ValueError as error:
        raise wrong_member("properties.sourceRepository", str(error)) from None
    try:
        check_pair(source, Pattern.parse(properties["targetRepository"]))
    except ValueError as error:
        raise wrong_member("properties.targetRepository", str(error)) from None


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, ctx: Context) -> None:
    services: Services = ctx.services
    registry = registries.by_key(tx, after.parent_key)
    if registry is None:
        return
    known = after.properties
    ttl = known.get("ttlSeconds")
    row = CacheRuleRow(
        key=after.key,
        registry_id=registry.id,
        target=known["targetRepository"],
        source=known["sourceRepository"],
        credential_set=(known.get(_SET) or "").lower() or None,
        ttl=services.settings.cache_ttl if ttl is None else ttl,
    )
    cache.put(tx, row)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    cache.remove(tx, row.key)


def _view(row: ResourceRow, _api_version: str, _ctx: Context) -> Mapping[str, Any]:
    return {_SET: None, **row.properties, "creationDate": rfc3339(row.created_at)}


def _taken(scope: Scope) -> Failure:
    return Failure(CACHE_RULE_EXISTS, name=scope.name, target="properties.targetRepository")


RESOURCE = ResourceType(
    type=f"{REGISTRY_TYPE}/cacheRules",
    model="CacheRule",
    plural="CacheRules",
    api_versions=("2025-11-01", _PREVIEW),
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    members=MEMBERS,
    name=NameRule(
        "[a-zA-Z0-9](?:[a-zA-Z0-9-]{3,48}[a-zA-Z0-9])",
        "A cache rule's name has 5 to 50 letters, digits and dashes, none of them at an end a dash.",
    ),
    name_parameter="cacheRuleName",
    gate=Feature.ARTIFACT_CACHE,
    quota="cache_rules",
    references=(Reference(_SET, f"{REGISTRY_TYPE}/credentialSets"),),
    deleted=204,
    lifecycle=Lifecycle(validate=_validate, saved=_saved, removed=_removed, view=_view, taken=_taken),
)
