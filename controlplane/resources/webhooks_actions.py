"""The actions of webhooks: a ping, what they call, what they were told, and telling it again."""

from __future__ import annotations

from typing import Any

from controlplane.arm.contexts import Call
from controlplane.arm.declaration import Action
from controlplane.arm.fields import model, table, text
from controlplane.kernel.catalogue import CHILD_NOT_FOUND
from controlplane.kernel.errors import Failure
from controlplane.persistence import deliveries, webhooks
from controlplane.persistence.webhooks import WebhookRow
from controlplane.resources.webhooks_events import EVENTS, event_of
from controlplane.services.graph import Services

_CALLBACK = model("CallbackConfig", {"serviceUri": text(required=True), "customHeaders": table(text())})
_EVENT_INFO = model("EventInfo", {"id": text()})
_REDELIVER = model("RedeliverParameters", {"id": text(required=True)})
_SHOWN_EVENTS = 1000


def _webhook(ctx: Call) -> WebhookRow:
    row = webhooks.by_key(ctx.tx, ctx.resource.key)
    if row is None:
        raise LookupError(f"{ctx.resource.id} has no webhook")
    return row


def _ping(ctx: Call) -> dict[str, str]:
    services: Services = ctx.services
    return {"id": services.webhooks.ping(ctx.tx, _webhook(ctx))}


def _redeliver(ctx: Call) -> dict[str, str]:
    services: Services = ctx.services
    if services.webhooks.redeliver(ctx.tx, _webhook(ctx), ctx.body["id"]) is None:
        raise Failure(CHILD_NOT_FOUND, name=ctx.body["id"], target="id")
    return {"id": ctx.body["id"]}


def _callback_config(ctx: Call) -> dict[str, Any]:
    services: Services = ctx.services
    opened = services.webhooks.callback(_webhook(ctx))
    return {"serviceUri": opened.service_uri, "customHeaders": dict(opened.headers)}


def _list_events(ctx: Call) -> dict[str, Any]:
    rows = deliveries.page(ctx.tx, _webhook(ctx).id, _SHOWN_EVENTS)
    return {"value": [event_of(row) for row in rows]}


ACTIONS = (
    Action("ping", "Webhooks_Ping", _ping, response=_EVENT_INFO, writes=True),
    Action("getCallbackConfig", "Webhooks_GetCallbackConfig", _callback_config, response=_CALLBACK),
    Action("listEvents", "Webhooks_ListEvents", _list_events, response=EVENTS),
    Action(
        "redeliver",
        "Webhooks_Redeliver",
        _redeliver,
        request=_REDELIVER,
        response=_EVENT_INFO,
        writes=True,
    ),
)
