"""Resource ids and scopes, as Azure Resource Manager spells them.

An id is ``/subscriptions/{s}[/resourceGroups/{g}[/providers/{namespace}/{type}/{name}[/{type}/{name}…]]]``.
Ids compare without regard to case; ``key`` is the lower-cased form everything is stored and compared by.
"""

from __future__ import annotations

from dataclasses import dataclass

PROVIDERS = "providers"
REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
GROUP_TYPE = "Microsoft.Resources/resourceGroups"
SUBSCRIPTION_TYPE = "Microsoft.Resources/subscriptions"
ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
DEFINITION_TYPE = "Microsoft.Authorization/roleDefinitions"

# Words of a path that are part of the grammar, spelled as answers spell them.
_WELL_KNOWN = {
    word.lower(): word
    for word in (
        "subscriptions", "resourceGroups", "providers", "registries", "roleAssignments",
        "roleDefinitions", "Microsoft.ContainerRegistry", "Microsoft.Authorization", "Microsoft.Resources",
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """A resource id or one of its ancestors, with the parts read out of it.

    ``type`` is the full type (``Namespace/a/b``) and ``name`` the last segment; both are those of the
    subscription or group for shorter scopes. The root scope has the id ``/``.
    """

    id: str
    subscription: str | None = None
    group: str | None = None
    type: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """The id in lower case, the form it is stored and compared by."""
        return self.id.lower()

    @property
    def parent(self) -> Scope | None:
        """The scope one level up: parent resource, group, subscription, root; None above the root."""
        if self.id == "/":
            return None
        parts = self.id.strip("/").split("/")
        if len(parts) <= 2:  # noqa: PLR2004 - /subscriptions/{id}
            return ROOT
        if parts[-4:-3] == [PROVIDERS] or (len(parts) > 3 and parts[-4].lower() == PROVIDERS):  # noqa: PLR2004
            return parse_scope("/" + "/".join(parts[:-4]))
        return parse_scope("/" + "/".join(parts[:-2]))

    def chain(self) -> tuple[str, ...]:
        """Keys of this scope and all above it, nearest first, the root ``/`` last."""
        keys = []
        scope: Scope | None = self
        while scope is not None:
            keys.append(scope.key)
            scope = scope.parent
        return tuple(keys)


ROOT = Scope("/")


def parse_scope(text: str) -> Scope:
    """Read a resource id of any depth, spelling its well-known words as answers do.

    Raises:
        ValueError: the text is not a resource id.
    """
    if text in {"", "/"}:
        return ROOT
    parts = [_WELL_KNOWN.get(part.lower(), part) for part in text.strip("/").split("/")]
    if "" in parts:
        raise ValueError(f"'{text}' is not a resource id")
    subscription, parts_left = _take(parts, "subscriptions", text)
    group, parts_left = _take(parts_left, "resourceGroups", text)
    kind, name = "", ""
    if parts_left:
        kind, name = _provider_part(parts_left, text)
    elif group is not None:
        kind, name = GROUP_TYPE, group
    elif subscription is not None:
        kind, name = SUBSCRIPTION_TYPE, subscription
    return Scope("/" + "/".join(parts), subscription and subscription.lower(), group, kind, name)


def _take(parts: list[str], word: str, text: str) -> tuple[str | None, list[str]]:
    if not parts or parts[0] != word:
        return None, parts
    if len(parts) == 1:
        raise ValueError(f"'{text}' is not a resource id")
    return parts[1], parts[2:]


def _provider_part(parts: list[str], text: str) -> tuple[str, str]:
    """Read ``providers/Namespace/type/name/…``; an extension's own part is the last ``providers``."""
    # Words of the grammar stand at even places, so that a resource may be named "providers".
    last = max((i for i, part in enumerate(parts) if part == PROVIDERS and i % 2 == 0), default=-1)
    tail = parts[last + 1 :]
    if last < 0 or parts[0] != PROVIDERS or len(tail) < 3 or len(tail) % 2 == 0:  # noqa: PLR2004
        raise ValueError(f"'{text}' is not a resource id")
    return "/".join([tail[0], *tail[1::2]]), tail[-1]


def registry_id(subscription: str, group: str, name: str) -> str:
    """Build the id of a registry."""
    return f"/subscriptions/{subscription}/resourceGroups/{group}/providers/{REGISTRY_TYPE}/{name}"
