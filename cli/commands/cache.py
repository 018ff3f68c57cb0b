"""`acrctl cache`: repositories that are filled from another registry when they are pulled."""

from __future__ import annotations

from typing import Any

from cli.children import Field, Group, Json, commands, id_below
from cli.errors import BadUsageError
from cli.spec import Args, Column, Kind, Option


def _identity(value: Any, _registry: str) -> Json:
    return {"type": "UserAssigned", "userAssignedIdentities": {value: {}}}


def _members(args: Args, present: Json) -> Json:
    """Return the removal of the credential set, which is a null in the body."""
    if not present or not args.remove_cred_set:
        return {}
    if args.cred_set:
        raise BadUsageError("give only one of --cred-set and --remove-cred-set")
    return {"credentialSetResourceId": None}


GROUP = Group(
    command="cache",
    segment="cacheRules",
    model="CacheRule",
    noun="cache rule",
    fields=(
        Field(
            Option(("--source-repo", "-s"), "Login server and repository to fill from.", required=True),
            "sourceRepository",
            on=("create",),
        ),
        Field(
            Option(("--target-repo", "-t"), "Repository of the registry.", required=True),
            "targetRepository",
            on=("create",),
        ),
        Field(
            Option(("--cred-set", "-c"), "Credential set to log in with at the source."),
            "credentialSetResourceId",
            id_below("credentialSets"),
        ),
        Field(
            Option(("--remove-cred-set",), "Log in with no credential set any more.", Kind.FLAG),
            on=("update",),
        ),
        Field(
            Option(
                ("--ttl-seconds",), "How long a tag counts as fresh before the source is asked.", Kind.NUMBER
            ),
            "ttlSeconds",
        ),
        Field(Option(("--identity",), "Id of a user-assigned identity."), "identity", _identity),
    ),
    example="docker-hub",
    makes="-s docker.io/library/* -t library/*",
    changes="-c hub",
    table=(
        Column("NAME", "name"),
        Column("SOURCE", "sourceRepository"),
        Column("TARGET", "targetRepository"),
        Column("CREATION DATE", "creationDate", time=True),
        Column("PROVISIONING STATE", "provisioningState"),
    ),
    question="Are you sure you want to delete the cache rule '{name}'? What it stored stays.",
    generic_update=True,
    members=_members,
    own=("ttlSeconds",),
)

COMMANDS = commands(GROUP)
