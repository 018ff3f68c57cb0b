"""Whole images, pushed and pulled by several clients at once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.bench import Bench, Contest
from benchmarks.content import Image, random_image
from benchmarks.registry import Client, Registry

_runs = itertools.count(1)


def push(bench: Bench) -> Contest:
    """Images pushed a second. Every blob is new."""

    def prepare(registry: Registry) -> Callable[[], float]:
        return lambda: _push_rate(bench, registry, _images(bench), next(_runs))

    return bench.contest(prepare)


def pull(bench: Bench) -> Contest:
    """Images pulled a second, each digest checked."""

    def prepare(registry: Registry) -> Callable[[], float]:
        run = next(_runs)
        count = bench.sizes.images
        _push_rate(bench, registry, _images(bench), run)
        return lambda: _rate(
            bench,
            registry,
            [_puller(_repository(run, number), _tag(number)) for number in range(count)] * 2,
        )

    return bench.contest(prepare)


def _images(bench: Bench) -> list[Image]:
    return [random_image(bench.sizes.layer) for _ in range(bench.sizes.images)]


def _push_rate(bench: Bench, registry: Registry, images: list[Image], run: int) -> float:
    work = [_pusher(_repository(run, number), _tag(number), image) for number, image in enumerate(images)]
    return _rate(bench, registry, work)


def _pusher(repository: str, tag: str, image: Image) -> Callable[[Client], object]:
    return lambda client: client.push(repository, tag, image)


def _puller(repository: str, tag: str) -> Callable[[Client], object]:
    return lambda client: client.pull(repository, tag)


def _repository(run: int, number: int) -> str:
    """Spread the images over a few repositories, as teams do."""
    return f"bench/run{run}/app{number % 8}"


def _tag(number: int) -> str:
    return f"v{number}"


def _rate(bench: Bench, registry: Registry, work: list[Callable[[Client], object]]) -> float:
    """Share the work among clients, each with connections of its own; return pieces a second."""
    clients = [Client(registry) for _ in range(bench.sizes.image_clients)]
    for client in clients:
        client.log_in("bench/warm")  # connections are made before the clock starts
    waiting = iter(work)

    def run(client: Client) -> None:
        for piece in waiting:
            piece(client)

    with ThreadPoolExecutor(len(clients)) as pool:
        began = time.perf_counter()
        list(pool.map(run, clients))
        seconds = time.perf_counter() - began
    for client in clients:
        client.close()
    return len(work) / seconds
