"""What happens under load: the slowest answers at 16 clients, and whether any fails at 500."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import wrk
from benchmarks.bench import Bench, Contest
from benchmarks.rows.requests import REPOSITORY, manifest_path, token


def slowest(bench: Bench) -> Contest:
    """99th percentile of the latency of a manifest GET, ms, at 16 clients."""
    return _alone(lambda: load(bench, bench.sizes.connections).p99)


def failures(bench: Bench) -> Contest:
    """Answers other than a success, and broken connections, at 500 clients."""
    return _alone(lambda: float(load(bench, bench.sizes.crowd).failures))


def load(bench: Bench, connections: int) -> wrk.Load:
    """Let so many clients get a manifest again and again."""
    path = manifest_path(bench, bench.ours)
    permit = token(bench.ours, REPOSITORY)
    return wrk.load(bench.ours.url + path, permit, connections=connections, seconds=bench.sizes.seconds)


def _alone(measure: Callable[[], float]) -> Contest:
    return Contest(measure, lambda: 0.0)
