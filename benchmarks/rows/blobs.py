"""Transfers of a large blob: rates, and the memory a push takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import curl, processes
from benchmarks.bench import Bench, Contest
from benchmarks.content import random_blob
from benchmarks.processes import MEGABYTE
from benchmarks.programs import BenchmarkError
from benchmarks.registry import Client, Registry, with_digest
from benchmarks.rows.requests import push_blob, token

REPOSITORY = "bench/blobs"


def put(bench: Bench) -> Contest:
    """Push in one PUT, MB/s. The file is new each time."""
    return bench.contest(lambda registry: lambda: _rate(bench, _put_seconds(bench, registry)))


def patch(bench: Bench) -> Contest:
    """Push in one PATCH with chunked transfer coding and a closing PUT, MB/s. The file is new each time."""
    return bench.contest(lambda registry: lambda: _rate(bench, _patch_seconds(bench, registry)))


def get(bench: Bench) -> Contest:
    """Pull, MB/s."""

    def prepare(registry: Registry) -> Callable[[], float]:
        _put_seconds(bench, registry)
        url = f"{registry.url}/v2/{REPOSITORY}/blobs/{bench.large_file.digest}"

        def measure() -> float:
            done = curl.get(url, token(registry, REPOSITORY), registry.authority)
            if done.received != bench.large_file.size:
                raise BenchmarkError(f"{url} sent {done.received} bytes")
            return _rate(bench, done.seconds)

        return measure

    return bench.contest(prepare)


def memory(bench: Bench) -> Contest:
    """Peak growth of the memory of all processes during a push, from before the first large push, MB."""

    def prepare(registry: Registry) -> Callable[[], float]:
        push_blob(registry, REPOSITORY, random_blob(bench.sizes.small_blob))  # code is loaded, threads run
        before = processes.memory(registry.root)
        return lambda: processes.peak_memory(registry.root, lambda: _put_seconds(bench, registry)) - before

    return bench.contest(prepare)


def _rate(bench: Bench, seconds: float) -> float:
    return bench.large_file.size / MEGABYTE / seconds


def _put_seconds(bench: Bench, registry: Registry) -> float:
    digest = bench.large_file.renew()
    client = Client(registry)
    permit = client.log_in(REPOSITORY)
    location = client.start_upload(REPOSITORY)
    client.close()
    url = with_digest(location, digest)
    return curl.put(url, bench.large_file.path, permit, registry.authority).seconds


def _patch_seconds(bench: Bench, registry: Registry) -> float:
    digest = bench.large_file.renew()
    client = Client(registry)
    permit = client.log_in(REPOSITORY)
    location = client.start_upload(REPOSITORY)
    sent = curl.patch(location, bench.large_file.path, permit, registry.authority)
    began = time.perf_counter()
    client.finish_upload(sent.location, digest)
    finish = time.perf_counter() - began
    client.close()
    return sent.seconds + finish
