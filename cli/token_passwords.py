"""Making passwords of tokens."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from cli.arm import REGISTRIES_API
from cli.errors import BadUsageError
from cli.spec import Args, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session

EXPIRY = (
    Option(("--expiration",), "When passwords expire, such as 2027-12-31T00:00:00Z; never if left out."),
    Option(("--expiration-in-days",), "Days until passwords expire.", Kind.NUMBER),
)


def expiry_of(args: Args) -> str | None:
    """Return when passwords shall expire, None for never; BadUsageError when it is said twice or wrong."""
    days = args.expiration_in_days
    if args.expiration and days is not None:
        raise BadUsageError("give only one of --expiration and --expiration-in-days")
    if days is None:
        return _checked(args.expiration) if args.expiration else None
    if days <= 0:
        raise BadUsageError("--expiration-in-days must be positive")
    try:
        return (dt.datetime.now(dt.UTC) + dt.timedelta(days=days)).isoformat()
    except OverflowError:
        raise BadUsageError("--expiration-in-days is too far away") from None


def _checked(text: str) -> str:
    try:
        when = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadUsageError(f"--expiration: '{text}' is not a time such as 2027-12-31T00:00:00Z") from None
    return (when if when.tzinfo else when.replace(tzinfo=dt.UTC)).isoformat()


def generate(session: Session, token: str, name: str | None, expiry: str | None) -> Any:
    """Make new passwords of the token with a path: the one named, or both."""
    body = {"tokenId": token, "name": name, "expiry": expiry}
    given = {key: value for key, value in body.items() if value is not None}
    registry = token.rsplit("/", 2)[0]
    return session.operate("POST", f"{registry}/generateCredentials", REGISTRIES_API, json=given)
