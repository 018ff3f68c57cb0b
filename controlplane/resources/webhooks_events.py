"""The history of a webhook as ``listEvents`` shows it: each delivery with its last attempt."""

from __future__ import annotations

import json
from typing import Any

from controlplane.arm.fields import items, model, moment, nested, table, text, whole
from controlplane.persistence.deliveries import DeliveryRow

_TARGET = model(
    "Target",
    {
        "mediaType": text(),
        "size": whole(),
        "digest": text(),
        "length": whole(),
        "repository": text(),
        "url": text(),
        "tag": text(),
        "name": text(),
        "version": text(),
    },
)
_REQUEST = model(
    "Request",
    {"id": text(), "addr": text(), "host": text(), "method": text(), "useragent": text()},
)
_CONTENT = model(
    "EventContent",
    {
        "id": text(),
        "timestamp": moment(),
        "action": text(),
        "target": nested(_TARGET),
        "request": nested(_REQUEST),
        "actor": nested(model("Actor", {"name": text()})),
        "source": nested(model("Source", {"addr": text(), "instanceID": text()})),
    },
)
_SENT = model(
    "EventRequestMessage",
    {
        "content": nested(_CONTENT),
        "headers": table(text()),
        "method": text(),
        "requestUri": text(),
        "version": text(),
    },
)
_ANSWERED = model(
    "EventResponseMessage",
    {
        "content": text(),
        "headers": table(text()),
        "reasonPhrase": text(),
        "statusCode": text(),
        "version": text(),
    },
)
_EVENT = model(
    "Event",
    {
        "id": text(),
        "eventRequestMessage": nested(_SENT),
        "eventResponseMessage": nested(_ANSWERED),
        "deliveryState": text(own=True, doc="pending, delivered or failed."),
        "attempts": whole(own=True, doc="How often it was tried."),
    },
)
EVENTS = model("EventListResult", {"value": items(nested(_EVENT)), "nextLink": text()})


def event_of(row: DeliveryRow) -> dict[str, Any]:
    """Return a delivery as it is shown; one that was not tried yet has only its content."""
    shown: dict[str, Any] = {
        "id": row.event_id,
        "eventRequestMessage": row.request or {"content": json.loads(row.body), "method": "POST"},
        "deliveryState": row.state,
        "attempts": row.attempts,
    }
    if row.response is not None:
        shown["eventResponseMessage"] = row.response
    return shown
