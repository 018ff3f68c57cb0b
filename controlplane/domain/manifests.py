"""Manifests: what may be pushed, and what of it the registry keeps.

Source: the OCI image and distribution specifications and Docker's schema 2. A document is refused when
two readers could take it for different things (media type and content type apart, members of an image and
of an index together, a key twice, a byte order mark): that is how one digest comes to mean two images.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

from controlplane.domain.digests import is_digest

MAX_REFERENCES = 10_000
MAX_BYTES = 2**63 - 1
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}")
_PLATFORM = re.compile(r"[A-Za-z0-9_.-]{1,64}")

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
IMAGES = frozenset({DOCKER_MANIFEST, OCI_MANIFEST})
INDEXES = frozenset({DOCKER_LIST, OCI_INDEX})
# Layers that licences forbid to push; they are named but need not be here.
_FOREIGN = re.compile(
    r"application/vnd\.(oci\.image\.layer\.nondistributable|docker\.image\.rootfs\.foreign)\..+"
)
_IMPLIED = frozenset({OCI_MANIFEST, OCI_INDEX})  # may leave their mediaType out
_IMAGE_MEMBERS: tuple[str, ...] = ("config", "layers")
_INDEX_MEMBERS: tuple[str, ...] = ("manifests",)
_OLD_MEMBERS = ("fsLayers", "blobs")  # schema 1, and the artifact manifest that was withdrawn


class ManifestError(ValueError):
    """The document is not a manifest that can be taken; the message says why."""


class EdgeKind(StrEnum):
    """What a manifest names something as."""

    CONFIG = "config"
    LAYER = "layer"
    CHILD = "child"


@dataclass(frozen=True, slots=True)
class Edge:
    """Something a manifest names. ``optional`` content need not be in the repository."""

    digest: str
    kind: EdgeKind
    size: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: its kind, what it names and what listings show of it.

    ``image_size`` is the sum of config and layers in bytes.
    """

    media_type: str
    edges: tuple[Edge, ...]
    image_size: int
    artifact_type: str | None = None
    config_media_type: str | None = None
    subject: str | None = None
    annotations: Mapping[str, str] | None = None

    @property
    def config(self) -> Edge | None:
        """The config, of an image."""
        return next((edge for edge in self.edges if edge.kind is EdgeKind.CONFIG), None)


@dataclass(frozen=True, slots=True)
class _Descriptor:
    media_type: str
    digest: str
    size: int
    optional: bool = field(default=False)


def parse_manifest(payload: bytes, content_type: str | None) -> Manifest:
    """Read a pushed manifest.

    Raises:
        ManifestError: it is malformed, ambiguous, or of a kind that is not supported.
    """
    document = _load(payload)
    media_type = _media_type(document, content_type)
    version = document.get("schemaVersion")
    if type(version) is not int or version != 2:  # noqa: PLR2004 - neither 2.0 nor true
        _refuse("schemaVersion must be 2")
    is_index = media_type in INDEXES
    _check_shape(document, is_index=is_index)
    edges = _children(document) if is_index else _image_edges(document)
    subject = document.get("subject")
    return Manifest(
        media_type=media_type,
        edges=edges,
        image_size=_total(edges),
        artifact_type=_optional_type(document, "artifactType"),
        config_media_type=None if is_index else _descriptor(document["config"], "config").media_type,
        subject=None if subject is None else _descriptor(subject, "subject").digest,
        annotations=_annotations(document.get("annotations")),
    )


def size_in(payload: bytes, digest: str) -> int | None:
    """Return the size, in bytes, that an image's manifest gives for a blob; None when it gives none."""
    try:
        parts = _image_edges(_load(payload))
    except (ManifestError, KeyError):
        return None
    return next((edge.size for edge in parts if edge.digest == digest), None)


def platform_of(config: bytes) -> tuple[str | None, str | None]:
    """Read (architecture, os) out of an image's config; None for what it does not say."""
    try:
        document = _load(config)
    except ManifestError:
        return None, None
    found = (document.get(name) for name in ("architecture", "os"))
    architecture, system = (t if isinstance(t, str) and _PLATFORM.fullmatch(t) else None for t in found)
    return architecture, system


def _refuse(reason: str) -> NoReturn:
    raise ManifestError(reason)


def _load(payload: bytes) -> dict[str, Any]:
    if payload.startswith(b"\xef\xbb\xbf"):
        _refuse("it begins with a byte order mark")
    try:
        document = json.loads(payload.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except ManifestError:
        raise
    except RecursionError:
        _refuse("it is nested too deeply")
    except ValueError as error:
        raise ManifestError("it is not JSON in UTF-8") from error
    if not isinstance(document, dict):
        _refuse("it is not a JSON object")
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        _refuse("an object has the same key twice")
    return members


def _no_constant(text: str) -> NoReturn:
    _refuse(f"{text} is not JSON")


def _media_type(document: Mapping[str, Any], content_type: str | None) -> str:
    """Decide the media type; header, member and shape must not disagree."""
    sent = (content_type or "").partition(";")[0].strip().lower()
    member = document.get("mediaType")
    if member is not None and not isinstance(member, str):
        _refuse("mediaType must be a text")
    media_type = member or sent
    if not media_type:
        _refuse("neither a Content-Type nor a mediaType says what it is")
    if media_type not in IMAGES | INDEXES:
        _refuse(f"the media type '{media_type[:200]}' is not supported")
    if sent and sent != media_type:
        _refuse(f"the Content-Type '{sent[:200]}' and the mediaType '{media_type}' differ")
    if member is None and media_type not in _IMPLIED:
        _refuse("a Docker manifest must carry its mediaType")
    return media_type


def _check_shape(document: Mapping[str, Any], *, is_index: bool) -> None:
    required, foreign = (_INDEX_MEMBERS, _IMAGE_MEMBERS) if is_index else (_IMAGE_MEMBERS, _INDEX_MEMBERS)
    for name in required:
        if name not in document:
            _refuse(f"the member '{name}' is missing")
    for name in (*foreign, *_OLD_MEMBERS):
        if name in document:
            _refuse(f"the member '{name}' does not belong into {'an index' if is_index else 'an image'}")


def _children(document: Mapping[str, Any]) -> tuple[Edge, ...]:
    found = (_descriptor(item, "manifests") for item in _list(document, "manifests"))
    return _distinct(Edge(one.digest, EdgeKind.CHILD, one.size) for one in found)


def _image_edges(document: Mapping[str, Any]) -> tuple[Edge, ...]:
    config = _descriptor(document["config"], "config")
    layers = (_descriptor(item, "layers") for item in _list(document, "layers"))
    named = [Edge(config.digest, EdgeKind.CONFIG, config.size)]
    named += (Edge(one.digest, EdgeKind.LAYER, one.size, one.optional) for one in layers)
    return _distinct(named)


def _list(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    items = document[name]
    if not isinstance(items, list):
        _refuse(f"'{name}' must be a list")
    if len(items) > MAX_REFERENCES:
        _refuse(f"'{name}' has more than {MAX_REFERENCES} entries")
    return items


def _distinct(edges: Any) -> tuple[Edge, ...]:
    return tuple({(edge.digest, edge.kind): edge for edge in edges}.values())


def _total(edges: Sequence[Edge]) -> int:
    total = sum(edge.size for edge in edges if edge.kind is not EdgeKind.CHILD)
    if total > MAX_BYTES:
        _refuse("the sizes add up to more than can be")
    return total


def _descriptor(item: Any, where: str) -> _Descriptor:
    if not isinstance(item, dict):
        _refuse(f"'{where}' must hold descriptors")
    media_type, digest, size = item.get("mediaType"), item.get("digest"), item.get("size")
    if not isinstance(media_type, str) or not _MEDIA_TYPE.fullmatch(media_type):
        _refuse(f"a descriptor in '{where}' has no valid mediaType")
    if not isinstance(digest, str) or not is_digest(digest):
        _refuse(f"a descriptor in '{where}' has no valid digest")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_BYTES:
        _refuse(f"a descriptor in '{where}' has no valid size")
    return _Descriptor(media_type, digest, size, _FOREIGN.fullmatch(media_type) is not None)


def _optional_type(document: Mapping[str, Any], name: str) -> str | None:
    text = document.get(name)
    if text is None or text == "":
        return None
    if not isinstance(text, str) or not _MEDIA_TYPE.fullmatch(text):
        _refuse(f"'{name}' is not a media type")
    return text


def _annotations(found: Any) -> Mapping[str, str] | None:
    if found is None:
        return None
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        _refuse("'annotations' must map texts to texts")
    return found
