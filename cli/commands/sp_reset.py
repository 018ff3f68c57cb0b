"""`acrctl sp reset`: a new secret for a service principal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.commands.sp import CERTIFICATES, ID, YEARS
from cli.secrets import WARNING, add_password
from cli.spec import Args, Command, Kind, Option

if TYPE_CHECKING:
    from cli.session import Session


def _reset(session: Session, args: Args) -> object:
    graph = session.graph
    principal = graph.get(f"/v1.0/servicePrincipals/{graph.principal_id(args.id)}")
    base = f"/v1.0/servicePrincipals/{principal['id']}"
    for old in [] if args.append else principal.get("passwordCredentials") or []:
        graph.call("POST", f"{base}/removePassword", json={"keyId": old["keyId"]})
    name = args.display_name
    secret = add_password(graph, "servicePrincipals", principal["id"], name, args.years, args.end_date or "")
    session.warn(WARNING)
    return {"appId": principal["appId"], "password": secret, "tenant": session.profile.tenant_id}


COMMANDS = {
    "reset": Command(
        _reset,
        (
            ID,
            Option(("--append",), "Keep the old secrets valid.", Kind.FLAG),
            Option(("--display-name",), "Name of the new secret."),
            YEARS,
            Option(("--end-date",), "When the secret expires, such as 2027-12-31; instead of --years."),
            *CERTIFICATES,
        ),
        (
            ("A new secret; the old ones stop working.", "acrctl sp reset --id APP_ID"),
            ("A second one, to change over without a gap.", "acrctl sp reset --id APP_ID --append"),
        ),
    ),
}
