"""Small images in the OCI image layout, made by hand so that no base image is needed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def write_image(folder: Path, files: dict[str, bytes] | None = None) -> str:
    """Write an image layout with one layer a file; return the manifest's digest."""
    files = {"hello.txt": b"hello\n", "data.bin": bytes(range(256)) * 4096} if files is None else files
    (folder / "blobs" / "sha256").mkdir(parents=True)
    (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    layers = [_layer(name, content) for name, content in files.items()]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in layers]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": _put(folder, CONFIG, json.dumps(config).encode()),
        "layers": [_put(folder, LAYER, gzip.compress(tar, mtime=0)) for tar in layers],
    }
    descriptor = _put(folder, MANIFEST, json.dumps(manifest).encode())
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": "v1"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return str(descriptor["digest"])


def manifest_digest(folder: Path) -> str:
    """Return the digest of the first manifest of an image layout."""
    index: dict[str, Any] = json.loads((folder / "index.json").read_text())
    return str(index["manifests"][0]["digest"])


def _layer(name: str, content: bytes) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return raw.getvalue()


def _put(folder: Path, media_type: str, content: bytes) -> dict[str, Any]:
    digest = _digest(content)
    (folder / "blobs" / "sha256" / digest.removeprefix("sha256:")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
