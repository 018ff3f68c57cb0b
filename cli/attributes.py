"""Attributes of repositories, tags and manifests: what may be done with them."""

from __future__ import annotations

from typing import Any

from cli.dataplane import RegistryClient, attributes_path
from cli.spec import Args, Kind, Option

_MEANING = {
    "delete": "Whether it may be deleted.",
    "list": "Whether it shows in lists.",
    "read": "Whether it may be pulled.",
    "write": "Whether it may be written or deleted.",
}
_OWN = {
    "create": "Whether new tags and manifests may come.",
    "update": "Whether tags may be moved.",
}


def _switches(meaning: dict[str, str]) -> tuple[Option, ...]:
    return tuple(Option((f"--{name}-enabled",), text, Kind.SWITCH) for name, text in meaning.items())


SWITCHES = (*_switches(_MEANING), *_switches(_OWN))


def given(args: Args) -> dict[str, bool]:
    """Return the attributes that the options name."""
    found = {f"{name}Enabled": getattr(args, f"{name}_enabled") for name in (*_MEANING, *_OWN)}
    return {name: value for name, value in found.items() if value is not None}


def attributes(
    client: RegistryClient,
    what: tuple[str, str, str],
    change: dict[str, Any] | None = None,
    *,
    rights: str = "metadata_write,metadata_read",
) -> Any:
    """Return the attributes of a repository, a tag or a manifest, after a change if there is one.

    ``what`` is a repository with a tag, a digest or neither. ``rights`` are those to ask for with a change.
    """
    repository, tag, digest = what
    rights = rights if change else "metadata_read"
    token = client.access_token(f"repository:{repository}:{rights}")
    method = "PATCH" if change else "GET"
    body = client.call(method, attributes_path(repository, tag, digest), token, json=change or None).json()
    return body["tag"] if tag else body["manifest"] if digest else body
