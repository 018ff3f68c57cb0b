"""Files of the command line: private (mode 0600 in a folder of mode 0700) and written as a whole.

A reader sees the old or the new content, never half of it: content goes to a file beside, which then
takes the name.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from cli.errors import CommandError


def config_dir() -> Path:
    """Return the configuration folder: $ACRCTL_CONFIG_DIR, or ~/.acrctl."""
    return Path(os.environ.get("ACRCTL_CONFIG_DIR") or Path.home() / ".acrctl")


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a file, empty when there is no file; CommandError when it is not one."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise CommandError(f"Cannot read {path}: {problem}", hint="Repair or remove the file.") from problem
    if not isinstance(found, dict):
        raise CommandError(f"Cannot read {path}: it does not hold a JSON object")
    return found


def write_private(path: Path, content: str) -> None:
    """Replace a file by new content that only its owner can read; CommandError when that fails."""
    try:
        import tempfile  # noqa: PLC0415 - reading is frequent, writing is rare

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                out.write(content)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise CommandError(f"Cannot write {path}: {problem}") from problem


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace a private file by a JSON object."""
    write_private(path, json.dumps(content, indent=2) + "\n")
