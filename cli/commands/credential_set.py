"""`acrctl credential-set`: how cache rules log in at their sources."""

from __future__ import annotations

from cli.children import Field, Group, Json, commands
from cli.spec import Args, Column, Option

_SECRETS = {"username_id": "usernameSecretIdentifier", "password_id": "passwordSecretIdentifier"}


def _members(args: Args, present: Json) -> Json:
    """Return the credential: what is given over what is there, because a list is replaced as a whole."""
    given = {member: getattr(args, name) for name, member in _SECRETS.items() if getattr(args, name)}
    if not given:
        return {}
    first: Json = next(iter(present.get("authCredentials") or []), {})
    kept = {member: first[member] for member in _SECRETS.values() if member in first}
    return {"authCredentials": [{"name": first.get("name", "Credential1"), **kept, **given}]}


_USER = Option(("--username-id", "-u"), "Identifier of the secret that holds the user name.", required=True)
_PASSWORD = Option(
    ("--password-id", "-p"), "Identifier of the secret that holds the password.", required=True
)

GROUP = Group(
    command="credential-set",
    segment="credentialSets",
    model="CredentialSet",
    noun="credential set",
    fields=(
        Field(_USER),
        Field(_PASSWORD),
        Field(
            Option(("--login-server", "-l"), "Login server they are for.", required=True),
            "loginServer",
            on=("create",),
        ),
    ),
    example="hub",
    makes="-l docker.io -u https://vault.example.com/secrets/user -p https://vault.example.com/secrets/pass",
    changes="-p https://vault.example.com/secrets/pass2",
    table=(
        Column("NAME", "name"),
        Column("LOGIN SERVER", "loginServer"),
        Column("HEALTH", "authCredentials.0.credentialHealth.status"),
        Column("CREATION DATE", "creationDate", time=True),
        Column("PROVISIONING STATE", "provisioningState"),
    ),
    fixed={"identity": {"type": "SystemAssigned"}},
    question="Are you sure you want to delete the credential set '{name}'?",
    generic_update=True,
    members=_members,
)

COMMANDS = commands(GROUP)
