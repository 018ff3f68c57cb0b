"""Rates of small requests: a manifest, its head, a small blob."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import heads, wrk
from benchmarks.bench import Bench, Contest
from benchmarks.content import Blob, Image, random_blob, random_image
from benchmarks.registry import Client, Registry

REPOSITORY = "bench/requests"
TAG = "v1"


def manifest_get(bench: Bench) -> Contest:
    """GET of a manifest by tag."""
    return bench.contest(lambda registry: _wrk(bench, registry, manifest_path(bench, registry)))


def manifest_on_postgres(bench: Bench) -> Contest:
    """The same with our service on PostgreSQL."""
    return Contest(
        _wrk(bench, bench.on_postgres, manifest_path(bench, bench.on_postgres)),
        _wrk(bench, bench.peer, manifest_path(bench, bench.peer)),
    )


def manifest_against_successor(bench: Bench) -> Contest:
    """The same beside distribution 3."""
    return Contest(
        _wrk(bench, bench.ours, manifest_path(bench, bench.ours)),
        _wrk(bench, bench.successor, manifest_path(bench, bench.successor)),
    )


def manifest_on_postgres_against_successor(bench: Bench) -> Contest:
    """Ours on PostgreSQL beside distribution 3."""
    return Contest(
        _wrk(bench, bench.on_postgres, manifest_path(bench, bench.on_postgres)),
        _wrk(bench, bench.successor, manifest_path(bench, bench.successor)),
    )


def manifest_head(bench: Bench) -> Contest:
    """HEAD of a manifest by tag."""

    def prepare(registry: Registry) -> Callable[[], float]:
        path = manifest_path(bench, registry)

        def measure() -> float:
            return heads.requests_per_second(
                registry,
                registry.url + path,
                token(registry, REPOSITORY),
                connections=bench.sizes.connections,
                seconds=bench.sizes.seconds,
            )

        return measure

    return bench.contest(prepare)


def blob_small(bench: Bench) -> Contest:
    """GET of a small blob."""

    def prepare(registry: Registry) -> Callable[[], float]:
        blob = random_blob(bench.sizes.small_blob)
        push_blob(registry, REPOSITORY, blob)
        return _wrk(bench, registry, f"/v2/{REPOSITORY}/blobs/{blob.digest}")

    return bench.contest(prepare)


def push_blob(registry: Registry, repository: str, blob: Blob) -> None:
    """Push one blob as a user of its own."""
    client = Client(registry)
    client.log_in(repository)
    client.push_blob(repository, blob)
    client.close()


def token(registry: Registry, repository: str) -> str:
    """Return a token to pull from and push to a repository."""
    client = Client(registry)
    try:
        return client.log_in(repository)
    finally:
        client.close()


def manifest_path(bench: Bench, registry: Registry) -> str:
    """Push a small image and return the path of its manifest, of about 1 KiB."""
    image: Image = random_image(bench.sizes.small_blob)
    client = Client(registry)
    client.push(REPOSITORY, TAG, image)
    client.close()
    return f"/v2/{REPOSITORY}/manifests/{TAG}"


def _wrk(bench: Bench, registry: Registry, path: str) -> Callable[[], float]:
    def measure() -> float:
        return wrk.requests_per_second(
            registry.url + path,
            token(registry, REPOSITORY),
            connections=bench.sizes.connections,
            seconds=bench.sizes.seconds,
        )

    return measure
