"""All rows, in the order they are measured and shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bars import Bar
from benchmarks.bench import Bench, Contest
from benchmarks.rows import (
    blobs,
    collection,
    command_line,
    crowds,
    images,
    listings,
    network,
    requests,
    small_images,
)

_EQUAL = Bar("ratio at least", 1.0)
DOCKER_REGISTRY, CLICK, AZ = "docker-registry", "a bare click program", "az"
DISTRIBUTION, FEW, NOBODY = "distribution 3", "the same with 100", "nobody"
COPY = "a plain copy"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result.

    Attributes:
        name: what `--only` takes.
        title: what the table shows.
        unit: of the figures.
        bar: what has to be reached.
        runs: measurements of each side; the median counts.
        peer: whom we are compared with.
        prepare: makes everything ready and returns the two measurements.
    """

    name: str
    title: str
    unit: str
    bar: Bar
    runs: int
    peer: str
    prepare: Callable[[Bench], Contest]


ROWS: tuple[Row, ...] = (
    # First, before other rows have made the processes grow.
    Row(
        "push-memory", "memory growth, 500 MB push", "MB", Bar("value at most", 64), 3, DOCKER_REGISTRY,
        blobs.memory,
    ),
    Row(
        "manifest-get", "manifest GET", "req/s", Bar("ratio at least", 12.0), 3, DOCKER_REGISTRY,
        requests.manifest_get,
    ),
    Row(
        "manifest-get-postgres", "manifest GET, ours on PostgreSQL", "req/s", Bar("ratio at least", 4.0), 3,
        DOCKER_REGISTRY, requests.manifest_on_postgres,
    ),
    Row(
        "manifest-get-v3", "manifest GET", "req/s", _EQUAL, 3, DISTRIBUTION,
        requests.manifest_against_successor,
    ),
    Row(
        "manifest-get-postgres-v3", "manifest GET, ours on PostgreSQL", "req/s", _EQUAL, 3, DISTRIBUTION,
        requests.manifest_on_postgres_against_successor,
    ),
    Row("manifest-head", "manifest HEAD", "req/s", _EQUAL, 3, DOCKER_REGISTRY, requests.manifest_head),
    Row("blob-small", "4 KiB blob GET", "req/s", _EQUAL, 3, DOCKER_REGISTRY, requests.blob_small),
    Row("blob-put", "500 MB blob PUT", "MB/s", Bar("ratio at least", 1.3), 5, DOCKER_REGISTRY, blobs.put),
    Row("blob-patch", "500 MB blob PATCH + PUT", "MB/s", _EQUAL, 5, DOCKER_REGISTRY, blobs.patch),
    Row("blob-get", "500 MB blob GET", "MB/s", _EQUAL, 15, DOCKER_REGISTRY, blobs.get),
    Row("image-push", "image push", "1/s", _EQUAL, 5, DOCKER_REGISTRY, images.push),
    Row("image-pull", "image pull", "1/s", _EQUAL, 5, DOCKER_REGISTRY, images.pull),
    Row(
        "small-push", "small image push", "1/s", Bar("ratio at least", 2.0), 5, DOCKER_REGISTRY,
        small_images.push,
    ),
    Row(
        "small-pull", "small image pull", "1/s", Bar("ratio at least", 3.0), 5, DOCKER_REGISTRY,
        small_images.pull,
    ),
    Row("p99", "manifest GET, 99th percentile", "ms", Bar("value below", 50), 3, NOBODY, crowds.slowest),
    Row("crowd", "failures at 500 clients", "", Bar("value at most", 0), 1, NOBODY, crowds.failures),
    Row("tags-page", "page of 100 tags of 100,000", "ms", Bar("ratio below", 1.5), 5, FEW, listings.tags),
    Row(
        "collection", "deleting and collecting a manifest, 100,000 tags", "ms", Bar("ratio below", 1.5), 5,
        FEW, collection.collection,
    ),
    Row(
        "catalog-page", "page of 100 repositories of 100,000", "ms", Bar("ratio below", 1.5), 5, FEW,
        listings.catalog,
    ),
    Row(
        "webhook-fanout", "one push told to 500 webhooks", "ms", Bar("value below", 5000), 3, NOBODY,
        network.fan_out,
    ),
    Row(
        "webhook-rate", "webhook deliveries", "1/s", Bar("value at least", 200), 3, NOBODY,
        network.deliveries,
    ),
    Row(
        "webhook-p99", "push to delivery, 99th percentile", "ms", Bar("value below", 500), 3, NOBODY,
        network.latency,
    ),
    Row(
        "replication", "500 MB to another region", "MB/s", Bar("ratio at least", 0.7), 3, COPY,
        network.replication,
    ),
    Row("cli-help", "acrctl --help", "ms", Bar("ratio at most", 2.0), 15, CLICK, command_line.show_help),
    Row(
        "cli-list", "acrctl registry list", "ms", Bar("ratio below", 0.5), 9, AZ,
        command_line.list_registries,
    ),
)  # fmt: skip
