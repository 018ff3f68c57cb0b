"""Write-once rules: Microsoft.ContainerRegistry/registries/writeOnceRules, a type of this service's own.

In the repositories that an enabled rule names, a tag names for as long as it exists what it was first pushed
for. Every tier has them.
"""

from __future__ import annotations

from controlplane.arm.contexts import Context, Validation
from controlplane.arm.declaration import Lifecycle, NameRule, ResourceType
from controlplane.arm.fields import choice, items, model, text
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.catalogue import QUOTA_EXCEEDED
from controlplane.kernel.errors import Failure
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence import resources
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow
from controlplane.services import write_once

_PATTERN = r"[a-z0-9._/*-]{1,256}"
_MOST_PATTERNS = 100
_MOST_RULES = 100

PROPERTIES = model(
    "WriteOnceRuleProperties",
    {
        "repositories": items(
            text(pattern=_PATTERN, message="must be a repository name, in which * stands for any text"),
            longest=_MOST_PATTERNS,
            required=True,
            doc="Names of repositories; * stands for any text.",
        ),
        "status": choice(("enabled", "disabled"), default="enabled"),
        "description": text(longest=256),
    },
)


def _validate(ctx: Validation) -> None:
    if not ctx.after.properties["repositories"]:
        raise wrong_member("properties.repositories", "must name at least one repository")
    if ctx.creating and ctx.parent is not None:
        _refuse_too_many(ctx.tx, ctx.parent)


def _refuse_too_many(tx: Transaction, registry: ResourceRow) -> None:
    if resources.count(tx, write_once.TYPE.lower(), registry.key) >= _MOST_RULES:
        raise Failure(QUOTA_EXCEEDED, type="writeOnceRules", sku=registry.members["sku"]["name"])


def _saved(tx: Transaction, _before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    write_once.put_in_force(tx, after.parent_key)


def _removed(tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    write_once.put_in_force(tx, row.parent_key)


RESOURCE = ResourceType(
    type=write_once.TYPE,
    model="WriteOnceRule",
    plural="WriteOnceRules",
    api_versions=("2026-09-01-preview",),
    own=True,
    parent=REGISTRY_TYPE,
    properties=PROPERTIES,
    name=NameRule("[a-zA-Z0-9-]{1,50}", "Use 1 to 50 letters, digits and dashes."),
    name_parameter="writeOnceRuleName",
    lifecycle=Lifecycle(validate=_validate, saved=_saved, removed=_removed),
)
