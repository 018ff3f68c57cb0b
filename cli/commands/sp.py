"""`acrctl sp`: service principals, the identities of programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.graph import quoted
from cli.spec import Args, Command, Kind, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session

MOST_LISTED = 100
NO_CERTIFICATES = "principals log in with secrets here"


def _list(session: Session, args: Args) -> object:
    conditions = [args.filter] if args.filter else []
    if args.spn:
        conditions.append(f"servicePrincipalNames/any(c:c eq '{quoted(args.spn)}')")
    if args.display_name:
        conditions.append(f"startswith(displayName,'{quoted(args.display_name)}')")
    found = session.graph.find("servicePrincipals", " and ".join(conditions))
    if conditions or args.all or len(found) <= MOST_LISTED:
        return found
    session.warn(f"Only the first {MOST_LISTED} are shown; use --all or a filter.")
    return found[:MOST_LISTED]


def _rows(result: Any) -> Rows:
    keys = ("displayName", "id", "appId", "createdDateTime")
    return [{key: one.get(key) for key in keys} for one in sorted(result, key=lambda o: o["displayName"])]


def _show(session: Session, args: Args) -> object:
    return session.graph.get(f"/v1.0/servicePrincipals/{session.graph.principal_id(args.id)}")


def _delete(session: Session, args: Args) -> object:
    session.graph.call("DELETE", f"/v1.0/servicePrincipals/{session.graph.principal_id(args.id)}")
    return None


ID = Option(("--id",), "App id, name URI or object id.", required=True)
CERTIFICATES = tuple(
    Option((f"--{name}",), "Certificates.", kind, refused=NO_CERTIFICATES)
    for name, kind in (("create-cert", Kind.FLAG), ("cert", Kind.TEXT), ("keyvault", Kind.TEXT))
)
YEARS = Option(("--years",), "Years until the secret expires.", Kind.NUMBER, default="1")

COMMANDS = {
    "list": Command(
        _list,
        (
            Option(("--all",), "All of them, however many.", Kind.FLAG),
            Option(("--display-name",), "Only names that start with this text."),
            Option(("--spn",), "Only the one with this app id or name URI."),
            Option(("--filter",), "OData condition."),
            Option(("--show-mine",), "Own ones.", Kind.FLAG, refused="owners are not kept here"),
        ),
        (("All service principals.", "acrctl sp list --all -o table"),),
        table=_rows,
    ),
    "show": Command(
        _show, (ID,), (("The object id of an app.", "acrctl sp show --id APP_ID --query id -o tsv"),)
    ),
    "delete": Command(_delete, (ID,), (("Lock a robot out.", "acrctl sp delete --id APP_ID"),)),
}
