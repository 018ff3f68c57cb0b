"""Pages of a listing: they must cost the same whether a hundred entries are there or a hundred thousand."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from benchmarks import seeds
from benchmarks.bench import Bench, Contest
from benchmarks.line import Line
from benchmarks.registry import Client

_ASKED = 200  # pages of one measurement
_PAGE = 100


def tags(bench: Bench) -> Contest:
    """A page of 100 tags from the middle of many, ms, against one from the middle of few."""
    few, many = bench.sizes.few, bench.sizes.many
    for name, count in (("bench/few", few), ("bench/many", many)):
        seeds.tags(bench.deployment, name, count)

    def page(name: str, count: int) -> Callable[[], float]:
        last = seeds.tag_name(count // 2 - _PAGE // 2)
        path = f"/v2/{name}/tags/list?n={_PAGE}&last={last}"
        return lambda: _milliseconds(bench, path, f"repository:{name}:pull")

    return Contest(page("bench/many", many), page("bench/few", few))


def catalog(bench: Bench) -> Contest:
    """A page of 100 repositories from the middle of many, ms, against one of a registry with few."""
    few, many = seeds.other_registry(bench.deployment), bench.deployment
    seeds.repositories(few, bench.sizes.few)
    seeds.repositories(many, bench.sizes.many)

    def page(deployment: seeds.Deployment, count: int) -> Callable[[], float]:
        path = f"/v2/_catalog?n={_PAGE}&last={seeds.repository_name(count // 2 - _PAGE // 2)}"
        return lambda: _milliseconds(bench, path, "registry:catalog:*", deployment)

    return Contest(page(many, bench.sizes.many), page(few, bench.sizes.few))


def _milliseconds(bench: Bench, path: str, scope: str, deployment: seeds.Deployment | None = None) -> float:
    """Return the median time of a page."""
    registry = (deployment or bench.deployment).registry
    client = Client(registry)
    line = Line(registry, client.log_in_to(scope))
    client.close()
    times = []
    for _ in range(_ASKED):
        began = time.perf_counter()
        line.ask(200, "GET", path)
        times.append(time.perf_counter() - began)
    line.close()
    return statistics.median(times) * 1000
