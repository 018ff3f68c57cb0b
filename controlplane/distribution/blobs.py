"""Deleting blobs (reading them is the hot path's, bringing them that of uploads)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, Response

from controlplane.distribution.gate import DELETE
from controlplane.distribution.parts import Parts, digest_in, empty


@dataclass(frozen=True, slots=True)
class BlobRoutes:
    """Taking blobs out of repositories."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the route."""
        app.add_url_rule("/v2/<path:name>/blobs/<digest>", "blob", self.delete, methods=["DELETE"])

    def delete(self, name: str, digest: str) -> Response:
        """Take a blob out of a repository."""
        caller = self.parts.let_in(name, DELETE)
        wanted = str(digest_in(digest))
        self.parts.deletions.blob(caller.registry.id, name, wanted)
        return empty(202, Docker_Content_Digest=wanted, Content_Length="0")
