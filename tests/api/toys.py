"""Resource types that only tests have: one that is done at once, one that takes steps, and one below it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.arm.contexts import Call, Context, ResourceStepContext, Validation
from controlplane.arm.declaration import (
    CRUD,
    Action,
    Kind,
    Lifecycle,
    NameRule,
    OnDelete,
    Reference,
    ResourceStep,
    ResourceType,
    Verb,
)
from controlplane.arm.fields import choice, flag, items, model, moment, nested, table, text, whole
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.domain.tiers import Feature
from controlplane.kernel.catalogue import FEATURE_NOT_SUPPORTED, QUOTA_EXCEEDED
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import Transaction
from controlplane.persistence.resources import ResourceRow

OLD, NEW = "2030-01-01", "2031-01-01"
NAME = NameRule(r"[a-z0-9-]{3,20}", "Names have 3 to 20 lower-case letters, digits and hyphens.")

RULE = model("ToyRule", {"value": text(required=True), "action": choice(("Allow", "Deny"), default="Allow")})
INNER = model(
    "ToyInner",
    {"depth": whole(low=1, high=9, default=1), "fresh": text(since=NEW), "serial": text(read_only=True)},
)
WIDGET = model(
    "WidgetProperties",
    {
        "colour": choice(("Red", "Green"), default="Red"),
        "size": whole(low=0, high=100),
        "enabled": flag(default=False),
        "material": text(create_only=True),
        "password": text(secret=True),
        "novelty": text(since=NEW),
        "rules": items(nested(RULE), longest=3),
        "labels": table(text()),
        "inner": nested(INNER),
        "until": moment(),
        "shout": text(read_only=True),
    },
)
WIDGET_MEMBERS = model(
    "WidgetMembers",
    {"sku": nested(model("ToySku", {"name": text(required=True), "tier": text(read_only=True)}))},
)


def _validate(ctx: Validation) -> None:
    if ctx.after.properties.get("size") == 13:
        raise Failure(
            FEATURE_NOT_SUPPORTED, feature="size 13", hint="Choose another.", target="properties.size"
        )


def _view(row: ResourceRow, _version: str, _ctx: Context) -> Mapping[str, Any]:
    return {**row.properties, "shout": row.name.upper()}


def _rename(ctx: Call) -> dict[str, Any]:
    return {"said": f"{ctx.resource.name}: {ctx.body['word']}"}


WIDGETS = ResourceType(
    type="Microsoft.ContainerRegistry/widgets",
    model="Widget",
    plural="Widgets",
    api_versions=(OLD, NEW),
    kind=Kind.TRACKED,
    properties=WIDGET,
    members=WIDGET_MEMBERS,
    verbs=CRUD | {Verb.LIST_ALL, Verb.HEAD},
    name=NAME,
    name_parameter="widgetName",
    lifecycle=Lifecycle(validate=_validate, view=_view),
    actions=(
        Action(
            "say",
            "Widgets_Say",
            run=_rename,
            request=model("SayParameters", {"word": text(required=True)}),
            response=model("SayResult", {"said": text()}),
        ),
        Action("listSecrets", "Widgets_ListSecrets", run=lambda ctx: dict(ctx.resource.properties)),
    ),
)


def _mount(ctx: ResourceStepContext) -> str:
    """Do as the resource's properties say: fail for good, fail for now, or succeed."""
    mode = ctx.row.properties.get("mode", "well")
    if mode == "broken":
        raise Failure(QUOTA_EXCEEDED, type="engines", sku="Basic")
    if mode == "slow" and ctx.operation.attempt == 1:
        raise Failure(QUOTA_EXCEEDED, type="engines", sku="Basic", retryable=True)
    return "mounted"


def _unmount(ctx: ResourceStepContext) -> None:
    if ctx.row.properties.get("mode") == "stuck":
        raise Failure(QUOTA_EXCEEDED, type="engines", sku="Basic")
    ENDED.append(ctx.row.id)


def _settled(_tx: Transaction, row: ResourceRow, _ctx: Context) -> None:
    SETTLED.append((row.name, row.provisioning_state.value))


def _saved(_tx: Transaction, before: ResourceRow | None, after: ResourceRow, _ctx: Context) -> None:
    old = None if before is None else before.properties.get("mode")
    SAVED.append((old, after.properties.get("mode")))


ENDED: list[str] = []
SETTLED: list[tuple[str, str]] = []
SAVED: list[tuple[str | None, str | None]] = []


def forget() -> None:
    """Forget what hooks were called with."""
    for seen in (ENDED, SETTLED, SAVED):
        seen.clear()


ENGINES = ResourceType(
    type="Microsoft.ContainerRegistry/engines",
    model="ToyEngine",
    plural="ToyEngines",
    api_versions=(OLD, NEW),
    kind=Kind.TRACKED,
    properties=model("ToyEngineProperties", {"mode": text(), "note": text()}),
    verbs=CRUD | {Verb.LIST_ALL},
    name=NAME,
    name_parameter="engineName",
    lifecycle=Lifecycle(
        provision=(ResourceStep("mount", _mount),),
        deprovision=(ResourceStep("unmount", _unmount),),
        settled=_settled,
        saved=_saved,
        provisions=lambda before, after: before is None or before.properties != after.properties,
    ),
    actions=(
        Action(
            "overhaul",
            "ToyEngines_Overhaul",
            run=lambda ctx: {"word": ctx.body["word"]},
            request=model("OverhaulParameters", {"word": text(required=True)}),
            response=model("OverhaulResult", {"word": text()}),
            steps=(ResourceStep("turn", lambda ctx: {"word": ctx.operation.input["word"][::-1]}),),
            answer="turn",
        ),
    ),
)

PARTS = ResourceType(
    type="Microsoft.ContainerRegistry/engines/parts",
    model="ToyPart",
    plural="ToyParts",
    api_versions=(OLD, NEW),
    parent=ENGINES.type,
    properties=model("ToyPartProperties", {"near": text(), "spare": text(), "mode": text()}),
    name=NAME,
    name_parameter="partName",
    references=(
        Reference("near", "Microsoft.ContainerRegistry/engines/parts"),
        Reference("spare", "Microsoft.ContainerRegistry/engines/parts", OnDelete.CLEAR),
    ),
    lifecycle=Lifecycle(removed=lambda _tx, row, _ctx: ENDED.append(row.id)),
)

BELLS = ResourceType(
    type="Microsoft.ContainerRegistry/registries/bells",
    model="ToyBell",
    plural="ToyBells",
    api_versions=(OLD, NEW),
    parent=REGISTRY_TYPE,
    properties=model("ToyBellProperties", {}),
    name=NAME,
    name_parameter="bellName",
    quota="webhooks",
)
GUARDS = ResourceType(
    type="Microsoft.ContainerRegistry/registries/guards",
    model="ToyGuard",
    plural="ToyGuards",
    api_versions=(OLD, NEW),
    parent=REGISTRY_TYPE,
    properties=model("ToyGuardProperties", {}),
    name=NAME,
    name_parameter="guardName",
    gate=Feature.QUARANTINE,
)

ALL = (WIDGETS, ENGINES, PARTS, BELLS, GUARDS)
