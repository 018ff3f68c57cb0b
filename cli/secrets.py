"""Making secrets of applications and service principals."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cli.errors import BadUsageError

if TYPE_CHECKING:
    from cli.graph import Graph

WARNING = "The output holds a secret. Keep it out of source control and logs; it cannot be shown again."


def add_password(  # noqa: PLR0913, PLR0917 - where, for whom, and how long
    graph: Graph, kind: str, object_id: str, name: str | None, years: int, end_date: str = ""
) -> str:
    """Add a secret to an application or service principal and return it.

    It is valid from now until ``end_date`` (ISO 8601), or for a number of years.
    """
    now = dt.datetime.now(dt.UTC)
    try:
        end = dt.datetime.fromisoformat(end_date) if end_date else now + dt.timedelta(days=365 * years)
    except ValueError as problem:
        raise BadUsageError(f"--end-date: '{end_date}' is not a date such as 2027-12-31") from problem
    end = end if end.tzinfo else end.replace(tzinfo=dt.UTC)
    wanted = {"displayName": name, "startDateTime": _wire(now), "endDateTime": _wire(end)}
    answer = graph.call("POST", f"/v1.0/{kind}/{object_id}/addPassword", json={"passwordCredential": wanted})
    return str(answer["secretText"])


def _wire(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
