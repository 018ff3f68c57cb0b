"""Rights of tokens on the command line: `REPOSITORY RIGHT RIGHT …`, as scope maps hold them."""

from __future__ import annotations

from collections.abc import Sequence

from cli.errors import BadUsageError

REPOSITORY_RIGHTS = ("content/delete", "content/read", "content/write", "metadata/read", "metadata/write")
GATEWAY_RIGHTS = ("config/read", "config/write", "message/read", "message/write")


def actions(
    repositories: Sequence[Sequence[str]] | None, gateways: Sequence[Sequence[str]] | None
) -> list[str]:
    """Return actions such as `repositories/team-a/app/content/read`; BadUsageError for unknown rights."""
    return [
        *_actions("repositories", repositories or (), REPOSITORY_RIGHTS),
        *_actions("gateway", gateways or (), GATEWAY_RIGHTS),
    ]


def _actions(kind: str, groups: Sequence[Sequence[str]], allowed: Sequence[str]) -> list[str]:
    found = []
    for name, *rights in groups:
        if not rights:
            raise BadUsageError(f"'{name}' needs at least one right: {', '.join(allowed)}")
        for right in rights:
            if right.lower() not in allowed:
                raise BadUsageError(f"'{right}' is not a right; rights are {', '.join(allowed)}")
            found.append(f"{kind}/{name.lower()}/{right.lower()}")
    return list(dict.fromkeys(found))
