"""Finding registries: by name, wherever they are, or by login server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.arm import REGISTRIES_API, RESOURCES_API
from cli.errors import NotFoundError
from cli.shapes import group_of

if TYPE_CHECKING:
    from cli.session import Session

TYPE = "Microsoft.ContainerRegistry/registries"
PROVIDER = "providers/Microsoft.ContainerRegistry"


def path_in(session: Session, group: str, name: str) -> str:
    """Return the path of a registry in a resource group."""
    return session.path("resourceGroups", group, PROVIDER, "registries", name)


def find_path(session: Session, name: str, group: str | None) -> str:
    """Return the path of a registry, looked up by name or login server when no group is given.

    Raises NotFoundError when the subscription has no such registry.
    """
    if "." in name or ":" in name:
        return _by_login_server(session, name)
    if group:
        return path_in(session, group, name)
    resources = session.arm.list(
        session.path("resources"), RESOURCES_API, {"$filter": f"resourceType eq '{TYPE}'"}
    )
    for resource in resources:
        if resource["name"].lower() == name.lower():
            return path_in(session, group_of(resource["id"]), resource["name"])
    raise NotFoundError(
        f"The resource with name '{name}' and type '{TYPE}' could not be found "
        f"in subscription '{session.subscription}'.",
        hint="acrctl registry list shows what there is.",
    )


def _by_login_server(session: Session, server: str) -> str:
    for registry in session.arm.list(session.path(PROVIDER, "registries"), REGISTRIES_API):
        if str(registry["properties"].get("loginServer")).lower() == server.lower():
            return path_in(session, group_of(registry["id"]), registry["name"])
    raise NotFoundError(
        f"No registry in subscription '{session.subscription}' has the login server '{server}'.",
        hint="acrctl registry list shows what there is.",
    )


def find(session: Session, name: str, group: str | None) -> dict[str, Any]:
    """Return a registry as the API shows it; NotFoundError when there is none."""
    return dict(session.arm.get(find_path(session, name, group), REGISTRIES_API))
