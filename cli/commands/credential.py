"""`acrctl credential`: the admin user's name and passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import columns, options, registries
from cli.arm import REGISTRIES_API
from cli.errors import CommandError
from cli.shapes import shape
from cli.spec import Args, Command, Option

if TYPE_CHECKING:
    from cli.session import Session


def _path(session: Session, args: Args) -> str:
    """Return the path of the registry; CommandError when its admin user is off."""
    registry = registries.find(session, args.name, args.resource_group)
    if not registry["properties"].get("adminUserEnabled"):
        raise CommandError(
            f"The admin user of registry '{args.name}' is disabled.",
            hint=f"acrctl registry update -n {args.name} --admin-enabled true",
        )
    return str(registry["id"])


def _show(session: Session, args: Args) -> object:
    path = f"{_path(session, args)}/listCredentials"
    return shape("RegistryListCredentialsResult", session.arm.call("POST", path, REGISTRIES_API))


def _renew(session: Session, args: Args) -> object:
    path = f"{_path(session, args)}/regenerateCredential"
    answer = session.arm.call("POST", path, REGISTRIES_API, json={"name": args.password_name})
    return shape("RegistryListCredentialsResult", answer)


COMMANDS = {
    "show": Command(
        _show,
        (options.REGISTRY, options.GROUP),
        (
            ("Name and both passwords.", "acrctl credential show -n demo01 -o table"),
            (
                "Log in with the first password.",
                (
                    "acrctl credential show -n demo01 --query 'passwords[0].value' -o tsv"
                    " | docker login -u demo01 --password-stdin localhost:5001"
                ),
            ),
        ),
        table=columns.CREDENTIAL,
    ),
    "renew": Command(
        _renew,
        (
            options.REGISTRY,
            Option(
                ("--password-name",),
                "Which password to replace.",
                required=True,
                choices=("password", "password2"),
            ),
            options.GROUP,
        ),
        (("Replace the first password.", "acrctl credential renew -n demo01 --password-name password"),),
        table=columns.CREDENTIAL,
    ),
}
