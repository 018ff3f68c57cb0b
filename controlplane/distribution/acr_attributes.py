"""Routes that change attributes: locks of repositories, tags and manifests, and what a scanner found."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, jsonify, request

from controlplane.distribution import acr_documents
from controlplane.distribution.bodies import Body
from controlplane.distribution.gate import METADATA_WRITE, VERDICT, Caller, Need
from controlplane.distribution.parts import Parts, digest_in
from controlplane.distribution.rights import require
from controlplane.domain.quarantine import MEMBERS
from controlplane.domain.references import is_tag
from controlplane.domain.registry_errors import ATTRIBUTES_INVALID, DENIED, TAG_INVALID
from controlplane.domain.registry_scopes import Right
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import Transaction
from controlplane.services.content_attributes import Attributes, Wish
from controlplane.services.content_events import Place

_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class AttributeRoutes:
    """PATCH on repositories, tags and manifests. Bodies are bare objects; answers are the documents."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for suffix, view in (
            ("", self.repository),
            ("/_tags/<reference>", self.tag),
            ("/_manifests/<reference>", self.manifest),
        ):
            rule = f"/acr/v1/<path:name>{suffix}"
            app.add_url_rule(rule, f"acr_update_{view.__name__}", view, methods=["PATCH"])

    def repository(self, name: str) -> Response:
        """Lock or unlock a repository."""
        caller, wish = self._wish(name, METADATA_WRITE)
        self._attributes.repository(wish)
        return self._shown(lambda tx: acr_documents.repository(tx, caller, name))

    def tag(self, name: str, reference: str) -> Response:
        """Lock or unlock a tag."""
        caller, wish = self._wish(name, METADATA_WRITE)
        if not is_tag(reference):
            raise Failure(TAG_INVALID)
        self._attributes.tag(wish, reference)
        return self._shown(lambda tx: acr_documents.tag(tx, caller, name, reference))

    def manifest(self, name: str, reference: str) -> Response:
        """Lock or unlock a manifest, or mark it as passed or failed."""
        caller, wish = self._wish(name, VERDICT)
        digest = str(digest_in(reference))
        self._check_rights(caller, wish)
        self._attributes.manifest(wish, digest)
        return self._shown(lambda tx: acr_documents.manifest(tx, caller, name, digest))

    @property
    def _attributes(self) -> Attributes:
        services = self.parts.services
        return Attributes(services.database, services.clock, services.events)

    def _wish(self, name: str, need: Need) -> tuple[Caller, Wish]:
        caller = self.parts.let_in(name, need)
        members = self._members()
        place = Place(caller.registry.id, name)
        origin = self.parts.origin(caller)
        return caller, Wish(place, members, origin, bool(caller.registry.quarantine))

    def _members(self) -> dict[str, Any]:
        payload = Body(request.environ, self.parts.services.settings).whole(_LARGEST)
        if payload is None:
            raise Failure(ATTRIBUTES_INVALID, reason=f"the body is larger than {_LARGEST} bytes")
        try:
            members = json.loads(payload, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as error:
            raise Failure(ATTRIBUTES_INVALID, reason="the body is no JSON object") from error
        if not isinstance(members, dict):
            raise Failure(ATTRIBUTES_INVALID, reason="the body is no JSON object")
        return members

    def _check_rights(self, caller: Caller, wish: Wish) -> None:
        """Refuse locks to a token that only pushes, and verdicts to who is no scanner.

        Raises:
            Failure: UNAUTHORIZED or DENIED.
        """
        name, gate = wish.place.repository, self.parts.gate
        if not wish.members or wish.members.keys() - MEMBERS:
            require(caller, name, METADATA_WRITE)
        if wish.verdict is not None and not gate.could_have(
            caller.grant, caller.registry, name, Right.QUARANTINE_WRITE
        ):
            raise Failure(DENIED, reason="the user may not change the state of quarantine")

    def _shown(self, document: Callable[[Transaction], dict[str, Any]]) -> Response:
        with self.parts.services.database.read() as tx:
            return jsonify(document(tx))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is named twice")
    return members
