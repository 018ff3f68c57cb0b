"""CNCF Distribution 3, the successor of docker-registry, over TLS with the same token service.

No Debian package of it exists yet: `--distribution PATH` names a binary, and only then rows about it are
measured.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers import docker_registry
from benchmarks.registry import Registry


@contextlib.contextmanager
def started(program: Path, folder: Path) -> Iterator[Registry]:
    """Run it and its token service until the block ends."""
    with docker_registry.started(folder, str(program)) as registry:
        yield registry
