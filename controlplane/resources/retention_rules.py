"""Retention rules: Microsoft.ContainerRegistry/registries/retentionRules, a type of this service's own."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from controlplane.arm.contexts import Call, Validation
from controlplane.arm.declaration import Action, Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import choice, items, model, nested, text, whole
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.domain.wildcards import like
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Failure
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence import content_repositories, content_retention, registries, resources
from controlplane.services import retention_rules
from controlplane.services.content_retention import Outcome, retention_of
from controlplane.services.graph import Services

PREVIEW = "2026-09-01-preview"
_MOST_RULES = 100  # a registry
_MOST_DAYS = 3650
_MOST_KEPT = 100_000
_PREVIEWED = 100  # repositories one preview looks into, unless it is told
_LONGEST = 255

PROPERTIES = model(
    "RetentionRuleProperties",
    {
        "description": text(longest=256),
        "status": choice(("enabled", "disabled"), default="enabled"),
        "repositoryPattern": text(default="*", longest=_LONGEST, shortest=1),
        "selects": choice(
            (retention_rules.TAGGED, retention_rules.UNTAGGED, retention_rules.ANY),
            default=retention_rules.TAGGED,
        ),
        "tagPattern": text(longest=_LONGEST, shortest=1),
        "tagRegex": text(longest=_LONGEST, shortest=1),
        "artifactType": text(longest=_LONGEST, shortest=1),
        "keepNewest": whole(low=0, high=_MOST_KEPT),
        "keepAtLeast": whole(low=0, high=_MOST_KEPT),
        "olderThanDays": whole(low=0, high=_MOST_DAYS),
        "notPulledForDays": whole(low=1, high=_MOST_DAYS),
    },
)
_ASKED = model(
    "RetentionPreviewParameters",
    {"continuation": text(pattern="[0-9]{1,18}"), "repositories": whole(low=1, high=1000)},
)
_TAKEN = model(
    "RetentionPreviewRepository",
    {"repository": text(), "tags": items(text()), "manifests": items(text()), "freed": whole()},
)
_FORESEEN = model(
    "RetentionPreview",
    {
        "value": items(nested(_TAKEN)),
        "tags": whole(),
        "manifests": whole(),
        "freed": whole(),
        "continuation": text(),
    },
)


def _validate(ctx: Validation) -> None:
    try:
        retention_rules.rule_of(ctx.after.properties)
    except ValueError as error:
        raise wrong_member("properties", str(error)) from None
    parent = "" if ctx.parent is None else ctx.parent.key
    if ctx.creating and resources.count(ctx.tx, retention_rules.TYPE.lower(), parent) >= _MOST_RULES:
        sku = "" if ctx.parent is None else ctx.parent.members["sku"]["name"]
        raise Failure(catalogue.QUOTA_EXCEEDED, type="retentionRules", sku=sku)


def _preview(ctx: Call) -> dict[str, Any]:
    """Tell what the rule would take now, be it enabled or not; in parts where repositories are many."""
    services: Services = ctx.services
    properties = ctx.resource.properties
    registry = registries.by_key(ctx.tx, ctx.resource.parent_key)
    first, most = int(ctx.body.get("continuation") or 0), ctx.body.get("repositories") or _PREVIEWED
    found = [] if registry is None else content_retention.repositories_after(ctx.tx, registry.id, first, most)
    rule, retention = retention_rules.rule_of(properties), retention_of(services)
    taken: list[tuple[str, Outcome]] = []
    for repository_id, name in found:
        row = content_repositories.find_by_id(ctx.tx, repository_id)
        if row is None or not like(name, properties["repositoryPattern"]):
            continue
        outcome = retention.preview(row, rule)
        if outcome.tags or outcome.manifests:
            taken.append((name, outcome))
    more = {"continuation": str(found[-1][0])} if len(found) == most else {}
    return {
        "value": [{"repository": name, **asdict(outcome)} for name, outcome in taken],
        "tags": sum(len(outcome.tags) for _, outcome in taken),
        "manifests": sum(len(outcome.manifests) for _, outcome in taken),
        "freed": sum(outcome.freed for _, outcome in taken),
        **more,
    }


RESOURCE = ResourceType(
    type=retention_rules.TYPE,
    model="RetentionRule",
    plural="RetentionRules",
    api_versions=(PREVIEW,),
    own=True,
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    name=NameRule("[a-zA-Z0-9][a-zA-Z0-9-]{0,49}", "Names have 1 to 50 letters, digits and dashes."),
    name_parameter="retentionRuleName",
    lifecycle=Lifecycle(validate=_validate),
    actions=(Action("preview", "RetentionRules_Preview", _preview, request=_ASKED, response=_FORESEEN),),
)
