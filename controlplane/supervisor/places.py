"""Where things are in the state folder, and how files are written there."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600
PUBLIC_FILE = 0o644


@dataclass(frozen=True, slots=True)
class Places:
    """The layout of one state folder."""

    root: Path

    @property
    def tls(self) -> Path:
        """Folder of the local authority and the server certificate."""
        return self.root / "tls"

    @property
    def log(self) -> Path:
        """Folder of log files, one a process."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Folder of what is true only while the supervisor runs."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """File the running supervisor holds locked."""
        return self.run / "supervisor.lock"

    @property
    def report(self) -> Path:
        """File in which the supervisor says what it runs."""
        return self.run / "supervisor.json"

    def make(self) -> None:
        """Create the folders that are missing. Nobody but their owner may look inside."""
        for folder in (self.root, self.tls, self.log, self.run):
            folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)


def write_file(path: Path, content: bytes, mode: int = PRIVATE_FILE) -> None:
    """Replace a file at once: a reader sees the old content or the new, never a part.

    The mode holds from the first byte on, so that a secret is at no moment readable by others.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
