"""Microsoft Graph as far as service principals need it: same transport, own scope, no api-version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.arm import Arm
from cli.errors import NotFoundError

if TYPE_CHECKING:
    from cli.http import Http
    from cli.profiles import Profile
    from cli.tokens import Tokens

_TYPES = ["user", "group", "servicePrincipal", "directoryObjectPartnerReference"]
PRINCIPAL_TYPES = {
    "#microsoft.graph.user": "User",
    "#microsoft.graph.servicePrincipal": "ServicePrincipal",
    "#microsoft.graph.group": "Group",
}


def is_guid(text: str) -> bool:
    """Tell whether a text is a GUID in its usual form."""
    parts = text.split("-")
    hexadecimal = set("0123456789abcdefABCDEF")
    return [len(p) for p in parts] == [8, 4, 4, 4, 12] and all(set(p) <= hexadecimal for p in parts)


class Graph(Arm):
    """The directory of the profile's tenant, at `/v1.0` of the profile's endpoint."""

    def __init__(self, profile: Profile, http: Http, tokens: Tokens) -> None:
        super().__init__(profile, http, tokens)

    def find(self, kind: str, condition: str = "") -> list[Any]:
        """Return the objects of a kind (`servicePrincipals`, …) that an OData condition selects."""
        return self.list(f"/v1.0/{kind}", params={"$filter": condition} if condition else None)

    def principal_id(self, identifier: str) -> str:
        """Return the object id of the service principal with an app id, name URI or object id.

        Raises NotFoundError when nothing matches and the identifier cannot be an object id.
        """
        found = self.find("servicePrincipals", f"servicePrincipalNames/any(c:c eq '{quoted(identifier)}')")
        if found:
            return str(found[0]["id"])
        if is_guid(identifier):
            return identifier
        raise NotFoundError(f"Service principal '{identifier}' doesn't exist")

    def by_ids(self, ids: list[str]) -> list[Any]:
        """Return the directory objects with these object ids; unknown ones are left out."""
        answer = self.call("POST", "/v1.0/directoryObjects/getByIds", json={"ids": ids, "types": _TYPES})
        return list(answer.get("value") or [])

    def assignee(self, text: str) -> tuple[str, str | None]:
        """Return object id and principal type of a user name, app id, name URI or object id."""
        if "@" in text:
            users = self.find("users", f"userPrincipalName eq '{quoted(text)}'")
            if users:
                return str(users[0]["id"]), "User"
        found = self.find("servicePrincipals", f"servicePrincipalNames/any(c:c eq '{quoted(text)}')")
        if found:
            return str(found[0]["id"]), "ServicePrincipal"
        objects = self.by_ids([text]) if is_guid(text) else []
        if objects:
            return str(objects[0]["id"]), PRINCIPAL_TYPES.get(objects[0].get("@odata.type", ""))
        raise NotFoundError(
            f"There is no user or service principal '{text}'.",
            hint="Give an app id (acrctl sp list), a user name, or --assignee-object-id.",
        )


def quoted(text: str) -> str:
    """Return a text for use between the quotes of an OData literal."""
    return text.replace("'", "''")


def display_name(entry: dict[str, Any]) -> str:
    """Return the name az shows for a directory object."""
    names = entry.get("servicePrincipalNames") or []
    return str(entry.get("userPrincipalName") or (names[0] if names else entry.get("displayName")) or "")
