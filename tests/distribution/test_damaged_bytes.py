"""Bytes that a disk has changed or lost are not served: 404, so that a client pushes them again."""

from __future__ import annotations

from pathlib import Path

import pytest

from controlplane.domain.digests import parse_digest
from tests.support.distribution import Plane, digest_of

SMALL, LARGE = b"small" * 100, b"large" * 100_000


def stored(plane: Plane, digest: str) -> Path:
    (path,) = plane.services.settings.state_dir.rglob(parse_digest(digest).hex)
    return path


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_a_blob_that_lost_bytes_is_not_served(plane: Plane, content: bytes) -> None:
    client = plane.client(plane.add_registry())
    client.push_image("app", "v1", [content])
    path = stored(plane, digest_of(content))
    path.write_bytes(content[:-1])
    for method in ("GET", "HEAD"):
        assert client.open(method, f"/v2/app/blobs/{digest_of(content)}").status_code == 404
    client.push_blob("app", content)
    assert client.get(f"/v2/app/blobs/{digest_of(content)}").data == content


def test_a_small_blob_whose_bytes_changed_is_not_served(plane: Plane) -> None:
    client = plane.client(plane.add_registry())
    client.push_image("app", "v1", [SMALL])
    stored(plane, digest_of(SMALL)).write_bytes(b"X" + SMALL[1:])
    assert client.get(f"/v2/app/blobs/{digest_of(SMALL)}").status_code == 404
    client.push_blob("app", SMALL)
    assert client.get(f"/v2/app/blobs/{digest_of(SMALL)}").data == SMALL
