"""A process that writes to an upload until it is killed.

``python -m tests.support.blob_writer SETTINGS UPLOAD`` opens the upload, writes a MiB of ``w`` at a time, and
says how many bytes the store has after each flush.
"""

from __future__ import annotations

import json
import sys

from controlplane.blobs.choice import blob_store
from controlplane.settings.model import Settings

_STEP = b"w" * (1024 * 1024)


def main(settings: str, upload: str) -> None:
    """Write until killed."""
    store = blob_store(Settings.model_validate(json.loads(settings)))
    with store.write(upload, 0) as writer:
        while writer.offset < 1 << 30:
            for _ in range(3):
                writer.write(_STEP)
            sys.stdout.write(f"kept {writer.flush()}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
