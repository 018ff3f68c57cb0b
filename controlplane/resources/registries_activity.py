"""The activity of a registry: what happened to its content, newest first; Azure logs it elsewhere."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import Action
from controlplane.arm.fields import items, model, moment, nested, table, text, whole
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.clock import rfc3339
from controlplane.persistence import events, registries

_SHOWN = 1000

_ENTRY = model(
    "RegistryActivity",
    {
        "id": text(),
        "timestamp": moment(),
        "action": text(),
        "repository": text(),
        "tag": text(),
        "digest": text(),
        "mediaType": text(),
        "size": whole(),
        "actor": text(),
        "request": table(text()),
    },
)
_ACTIVITY = model("RegistryActivityListResult", {"value": items(nested(_ENTRY))})


def _list_activity(ctx: Call) -> dict[str, Any]:
    row = registries.by_key(ctx.tx, ctx.resource.key)
    if row is None:
        raise LookupError(f"{ctx.resource.id} has no registry")
    shown = []
    for _, actor, event in events.page(ctx.tx, row.id, None, _SHOWN):
        entry = {
            "id": event.id,
            "timestamp": rfc3339(event.at),
            "action": event.action,
            "repository": event.repository or None,
            "tag": event.tag,
            "digest": event.digest,
            "mediaType": event.media_type,
            "size": event.size,
            "actor": actor,
            "request": dict(event.request) or None,
        }
        shown.append({name: value for name, value in entry.items() if value is not None})
    return {"value": shown}


ACTIVITY = Action(
    "listActivity",
    "Registries_ListActivity",
    _list_activity,
    method="GET",
    response=_ACTIVITY,
    permission=f"{REGISTRY_TYPE}/read",
)
