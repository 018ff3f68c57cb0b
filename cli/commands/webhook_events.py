"""`acrctl webhook ping`, `get-config`, `list-events` and `redeliver`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.children import call
from cli.commands.webhook import GROUP
from cli.render.tables import short_time
from cli.shapes import shape
from cli.spec import Args, Column, Command, Kind, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session


def _ping(session: Session, args: Args) -> object:
    return shape("EventInfo", call(session, GROUP, args, "ping"))


def _get_config(session: Session, args: Args) -> object:
    return shape("CallbackConfig", call(session, GROUP, args, "getCallbackConfig"))


def _list_events(session: Session, args: Args) -> object:
    return shape(
        "Delivery" if args.detail else "Event",
        session.arm.following(call(session, GROUP, args, "listEvents")),
    )


def _redeliver(session: Session, args: Args) -> object:
    return shape("EventInfo", call(session, GROUP, args, "redeliver", {"id": args.event}))


def _rows(result: Any) -> Rows:
    return [_row(one) for one in result]


def _row(event: dict[str, Any]) -> dict[str, Any]:
    content = (event["eventRequestMessage"] or {}).get("content") or {}
    target, answer = content.get("target") or {}, event["eventResponseMessage"] or {}
    image = (target.get("repository"), target.get("tag"))
    own = {"STATE": event.get("deliveryState"), "ATTEMPTS": event.get("attempts")}
    return {
        "ID": event["id"],
        "ACTION": content.get("action"),
        "IMAGE": ":".join(part for part in image if part),
        "HTTP STATUS": " ".join(p for p in (answer.get("statusCode"), answer.get("reasonPhrase")) if p),
        "TIMESTAMP": short_time(content.get("timestamp") or ""),
        **{name: value for name, value in own.items() if value is not None},
    }


_ID = (Column("ID", "id"),)
_THIS = "-r demo01 -n hook01"

COMMANDS = {
    "ping": Command(
        _ping,
        GROUP.one,
        (("Does the receiver answer? Send a test and look.", f"acrctl webhook ping {_THIS}"),),
        table=_ID,
    ),
    "get-config": Command(
        _get_config,
        GROUP.one,
        (("Where does it post to?", f"acrctl webhook get-config {_THIS} --query serviceUri -o tsv"),),
        table=(Column("SERVICE URI", "serviceUri"), Column("HEADERS", "customHeaders")),
    ),
    "list-events": Command(
        _list_events,
        (
            *GROUP.one,
            Option(("--detail",), "Also how delivery stands, and how often it was tried.", Kind.FLAG),
        ),
        (("What was sent, and what came back.", f"acrctl webhook list-events {_THIS} -o table"),),
        table=_rows,
    ),
    "redeliver": Command(
        _redeliver,
        (*GROUP.one, Option(("--event",), "Id of the event, as list-events shows it.", required=True)),
        (
            (
                "Send an event once more.",
                f"acrctl webhook redeliver {_THIS} --event cb8c3971-9adc-488b-a1f2-43cbb4974ff5",
            ),
        ),
        about="The receiver gets the same body and the same delivery id, so that it can tell a repetition.",
        table=_ID,
    ),
}
