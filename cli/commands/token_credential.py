"""`acrctl token credential`: the passwords of a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options
from cli.arm import REGISTRIES_API
from cli.children import child_path
from cli.commands.token import COMMANDS as TOKEN_COMMANDS
from cli.commands.token import GROUP
from cli.errors import BadUsageError, NotFoundError
from cli.render.tables import short_time
from cli.shapes import shape
from cli.spec import Args, Command, Kind, Option, Rows
from cli.token_passwords import EXPIRY, expiry_of, generate

if TYPE_CHECKING:
    from cli.session import Session

NAMES = ("password1", "password2")


def _generate(session: Session, args: Args) -> object:
    chosen = [name for name in NAMES if getattr(args, name)]
    path = child_path(session, GROUP, args)
    made = generate(session, path, chosen[0] if len(chosen) == 1 else None, expiry_of(args))
    session.warn("Keep the passwords safe: they are not shown again.")
    return shape("GenerateCredentialsResult", made)


def _delete(session: Session, args: Args) -> object:
    chosen = [name for name in NAMES if getattr(args, name)]
    if not chosen:
        raise BadUsageError("say which: --password1, --password2 or both")
    path = child_path(session, GROUP, args)
    wire, etag = session.arm.version(path, REGISTRIES_API)
    present = [p["name"] for p in (wire["properties"].get("credentials") or {}).get("passwords") or []]
    if missing := [name for name in chosen if name not in present]:
        raise NotFoundError(f"The token '{args.name}' has no {' and no '.join(missing)}.")
    kept = [{"name": name} for name in present if name not in chosen]
    body = {"properties": {"credentials": {"passwords": kept}}}
    done = session.operate("PATCH", path, REGISTRIES_API, json=body, timeout=args.timeout, etag=etag)
    return shape("Token", done)


def _rows(result: Any) -> Rows:
    row = {"USERNAME": result["username"]}
    for one in result["passwords"] or []:
        name = str(one["name"]).upper()
        row |= {name: one["value"], f"{name} EXPIRY": short_time(one["expiry"] or "") or "Never"}
    return [row]


def _which(verb: str) -> tuple[Option, ...]:
    return tuple(Option((f"--{name}",), f"{verb} {name}.", Kind.FLAG) for name in NAMES)


COMMANDS = {
    "generate": Command(
        _generate,
        (*GROUP.one, *_which("Make"), *EXPIRY),
        (
            ("Both passwords anew.", "acrctl token credential generate -r demo01 -n robot"),
            (
                "Change over without a gap: the other password goes on working.",
                "acrctl token credential generate -r demo01 -n robot --password2 --expiration-in-days 30",
            ),
        ),
        table=_rows,
    ),
    "delete": Command(
        _delete,
        (*GROUP.one, *_which("Delete"), options.TIMEOUT),
        (("One password less.", "acrctl token credential delete -r demo01 -n robot --password1"),),
        table=TOKEN_COMMANDS["show"].table,
    ),
}
