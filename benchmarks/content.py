"""Random content: small blobs and images in memory, one large blob in a file."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes and their digest."""

    media_type: str
    content: bytes
    digest: str


@dataclass(frozen=True, slots=True)
class Image:
    """Blobs (config first) and the manifest that names them."""

    blobs: tuple[Blob, ...]
    manifest: bytes


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest as registries write it."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def random_blob(size: int, media_type: str = _LAYER) -> Blob:
    """Make a blob no registry has seen."""
    content = os.urandom(size)
    return Blob(media_type, content, digest_of(content))


def random_image(layer: int) -> Image:
    """Make an image of a config and three layers of ``layer`` bytes each; every blob is new."""
    layers = tuple(random_blob(layer) for _ in range(3))
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"run": secrets.token_hex(16)}},
        "rootfs": {"type": "layers", "diff_ids": [blob.digest for blob in layers]},
    }
    content = json.dumps(config).encode()
    blobs = (Blob(_CONFIG, content, digest_of(content)), *layers)
    return Image(blobs, _manifest(blobs))


def _manifest(blobs: tuple[Blob, ...]) -> bytes:
    named = [
        {"mediaType": blob.media_type, "digest": blob.digest, "size": len(blob.content)} for blob in blobs
    ]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": named[0], "layers": named[1:]}
    return json.dumps(document).encode()


class LargeFile:
    """A file of random bytes. Its first bytes change for each push, so that each has a digest of its own."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        with path.open("wb") as file:
            for start in range(0, size, _STEP):
                file.write(os.urandom(min(_STEP, size - start)))
        self.digest = self.renew()

    def renew(self) -> str:
        """Change the content and return its new digest."""
        with self.path.open("r+b") as file:
            file.write(os.urandom(64))
        with self.path.open("rb") as file:
            self.digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        os.sync()  # so that the next measurement does not pay for writing this file
        return self.digest
