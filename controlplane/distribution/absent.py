"""Routes of ACR's data plane that this service does not have: each refuses, and names the feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from flask import Flask

from controlplane.distribution.gate import DELETE, PULL, PUSH, Need
from controlplane.distribution.parts import Parts
from controlplane.domain.registry_errors import FEATURE_UNSUPPORTED
from controlplane.kernel.errors import Failure

_STREAMING = ("Artifact streaming", "Images are pulled whole.")
_HELM = (
    "The Helm 2 chart repository",
    "Push charts as OCI artifacts: helm push CHART oci://REGISTRY/REPOSITORY.",
)


@dataclass(frozen=True, slots=True)
class Feature:
    """One route: its method and path, what a caller would need for it, and what to say instead."""

    method: str
    path: str
    need: Need
    feature: str
    hint: str


def _of(words: tuple[str, str], *rows: tuple[str, str, Need]) -> tuple[Feature, ...]:
    return tuple(Feature(method, path, need, *words) for method, path, need in rows)


FEATURES = (
    *_of(
        _STREAMING,
        ("GET", "/acr/v1/<path:name>/_streaming", PULL),
        ("POST", "/acr/v1/<path:name>/_streaming", PUSH),
        ("GET", "/acr/v1/<path:name>/_streaming/<rest>", PULL),
        ("POST", "/acr/v1/<path:name>/_streaming/<rest>", PUSH),
        ("GET", "/acr/v1/<path:name>/_operations/<rest>", PULL),
        ("POST", "/acr/v1/<path:name>/_operations/<rest>", PUSH),
    ),
    *_of(
        _HELM,
        ("GET", "/helm/v1/<path:name>/_charts", PULL),
        ("GET", "/helm/v1/<path:name>/_charts/<path:rest>", PULL),
        ("DELETE", "/helm/v1/<path:name>/_charts/<path:rest>", DELETE),
        ("GET", "/helm/v1/<path:name>/_blobs/<path:rest>", PULL),
        ("PUT", "/helm/v1/<path:name>/_blobs/<path:rest>", PUSH),
        ("PATCH", "/helm/v1/<path:name>/_blobs/<path:rest>", PUSH),
        ("DELETE", "/helm/v1/<path:name>/_blobs/<path:rest>", DELETE),
    ),
)


@dataclass(frozen=True, slots=True)
class AbsentRoutes:
    """Every route of the table; whoever may not use the repository is told nothing of it."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        for number, known in enumerate(FEATURES):
            app.add_url_rule(
                known.path,
                f"absent_{number}",
                self.refuse,
                methods=[known.method],
                defaults={"known": known},
            )

    def refuse(self, name: str, known: Feature, **_: str) -> NoReturn:
        """Refuse a request.

        Raises:
            Failure: UNSUPPORTED, or that the caller may not use the repository.
        """
        self.parts.let_in(name, known.need)
        raise Failure(FEATURE_UNSUPPORTED, feature=known.feature, hint=known.hint)
