"""What ``/acr/v1`` shows: repositories, tags and manifests with the members that ACR gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from controlplane.distribution.gate import Caller
from controlplane.domain.locks import shown as shown_locks
from controlplane.domain.manifests import INDEXES
from controlplane.domain.quarantine import DETAILS, STATE
from controlplane.domain.registry_errors import MANIFEST_UNKNOWN, NAME_UNKNOWN, TAG_UNKNOWN
from controlplane.kernel.clock import rfc3339
from controlplane.kernel.errors import Failure
from controlplane.persistence import content_manifests, content_repositories, content_tags
from controlplane.persistence.content_manifests import ManifestRow
from controlplane.persistence.content_repositories import RepositoryRow
from controlplane.persistence.content_tags import TagRow
from controlplane.persistence.database import Transaction


def find_repository(tx: Transaction, caller: Caller, name: str) -> RepositoryRow:
    """Return a repository that has content.

    Raises:
        Failure: NAME_UNKNOWN.
    """
    row = content_repositories.find(tx, caller.registry.id, name)
    if row is None or row.manifest_count == 0:
        raise Failure(NAME_UNKNOWN)
    return row


def named(caller: Caller, name: str) -> dict[str, Any]:
    """Return what every answer about a repository begins with."""
    return {"registry": caller.host, "imageName": name}


def repository(tx: Transaction, caller: Caller, name: str) -> dict[str, Any]:
    """Return the document of a repository.

    Raises:
        Failure: NAME_UNKNOWN.
    """
    row = find_repository(tx, caller, name)
    return {
        **named(caller, name),
        "createdTime": rfc3339(row.created_at),
        "lastUpdateTime": rfc3339(row.updated_at),
        "manifestCount": row.manifest_count,
        "tagCount": row.tag_count,
        "changeableAttributes": shown_locks(row.locks),
    }


def tag(tx: Transaction, caller: Caller, name: str, reference: str) -> dict[str, Any]:
    """Return the document of a tag.

    Raises:
        Failure: NAME_UNKNOWN or TAG_UNKNOWN.
    """
    row = content_tags.find(tx, find_repository(tx, caller, name).id, reference)
    if row is None:
        raise Failure(TAG_UNKNOWN)
    return {**named(caller, name), "tag": tag_members(row)}


def manifest(tx: Transaction, caller: Caller, name: str, digest: str) -> dict[str, Any]:
    """Return the document of a manifest, with what an index refers to.

    Raises:
        Failure: NAME_UNKNOWN or MANIFEST_UNKNOWN.
    """
    row = content_manifests.find(tx, find_repository(tx, caller, name).id, digest)
    if row is None:
        raise Failure(MANIFEST_UNKNOWN)
    members = manifest_members(row, content_tags.of_manifests(tx, [row.id]).get(row.id, []))
    if row.media_type in INDEXES:
        members["references"] = _references(content_manifests.payload(tx, row.id))
    return {**named(caller, name), "manifest": members}


def tag_members(row: TagRow) -> dict[str, Any]:
    """Return what lists and documents show of a tag."""
    members = {
        "name": row.name,
        "digest": row.digest,
        "createdTime": rfc3339(row.created_at),
        "lastUpdateTime": rfc3339(row.since),
        "lastPullTime": row.pulled_at and rfc3339(row.pulled_at),
        "signed": False,
        "changeableAttributes": shown_locks(row.locks),
    }
    return _present(members)


def manifest_members(row: ManifestRow, tags: Sequence[str]) -> dict[str, Any]:
    """Return what lists and documents show of a manifest; what it does not have is left out."""
    quarantine = {STATE: row.quarantine_state, DETAILS: row.quarantine_details}
    members = {
        "digest": row.digest,
        "imageSize": row.image_size,
        "createdTime": rfc3339(row.created_at),
        "lastUpdateTime": rfc3339(row.updated_at),
        "lastPullTime": row.pulled_at and rfc3339(row.pulled_at),
        "architecture": row.architecture,
        "os": row.os,
        "mediaType": row.media_type,
        "configMediaType": row.config_media_type,
        "artifactType": row.artifact_type,
        "tags": list(tags) or None,
        "changeableAttributes": {**shown_locks(row.locks), **_present(quarantine)},
    }
    return _present(members)


def _present(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _references(payload: bytes) -> list[dict[str, Any]]:
    """Return the platforms an index refers to, as its own descriptors tell them."""
    shown = []
    for item in json.loads(payload)["manifests"]:
        platform = item.get("platform")
        found = platform if isinstance(platform, dict) else {}
        members = {"digest": item["digest"], "architecture": found.get("architecture"), "os": found.get("os")}
        shown.append({name: value for name, value in members.items() if isinstance(value, str)})
    return shown
