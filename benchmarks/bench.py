"""One run of the benchmark: both sides, started when a row first needs them, and their content."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.content import LargeFile
from benchmarks.peers import acrctl_server, azure, distribution, docker_registry, postgres
from benchmarks.peers.acrctl_server import Deployment
from benchmarks.programs import BenchmarkError
from benchmarks.registry import Registry
from benchmarks.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Contest:
    """The two measurements of a row; each call measures once and returns the figure in the row's unit."""

    ours: Callable[[], float]
    peer: Callable[[], float]


class Bench:
    """Servers and files of one run, in a temporary folder that goes with it.

    Args:
        sizes: how much of everything.
        say: told what is being started.
        distribution: program of distribution 3, if there is one.
    """

    def __init__(self, sizes: Sizes, say: Callable[[str], None], distribution: Path | None = None) -> None:
        self.sizes = sizes
        self._distribution = distribution
        self._say = say
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="acrctl-bench-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def folder(self) -> Path:
        """A folder for files of the rows."""
        return self._folder

    @cached_property
    def deployment(self) -> Deployment:
        """Our service."""
        self._say("starting our service")
        return self._stack.enter_context(acrctl_server.started(self._folder / "acrctl"))

    @cached_property
    def on_postgres(self) -> Registry:
        """The registry of our service on PostgreSQL."""
        self._say("starting PostgreSQL and our service on it")
        url = self._stack.enter_context(postgres.started(self._folder / "postgres"))
        folder = self._folder / "acrctl-postgres"
        deployment = self._stack.enter_context(acrctl_server.started(folder, ACRCTL_DATABASE_URL=url))
        return deployment.registry

    @cached_property
    def successor(self) -> Registry:
        """The registry of distribution 3."""
        if self._distribution is None:
            raise BenchmarkError("`--distribution PATH` names the program of distribution 3")
        self._say("starting distribution 3")
        return self._stack.enter_context(distribution.started(self._distribution, self._folder / "successor"))

    @property
    def ours(self) -> Registry:
        """The registry of our service."""
        return self.deployment.registry

    @cached_property
    def peer(self) -> Registry:
        """The registry of the peer."""
        self._say("starting docker-registry")
        return self._stack.enter_context(docker_registry.started(self._folder / "docker-registry"))

    @cached_property
    def azure_environment(self) -> dict[str, str]:
        """The environment of an az that is logged in to our service."""
        self._say("logging az in to our service")
        return azure.logged_in(self.deployment)

    @cached_property
    def large_file(self) -> LargeFile:
        """The file that the rows about large blobs push."""
        self._say(f"writing {self.sizes.large_blob // 1_000_000} MB of random bytes")
        return LargeFile(self._folder / "large", self.sizes.large_blob)

    def contest(self, measure: Callable[[Registry], Callable[[], float]]) -> Contest:
        """Prepare the same measurement on both registries."""
        return Contest(measure(self.ours), measure(self.peer))
