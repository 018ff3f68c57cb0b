"""Small images, pushed and pulled by clients that are logged in and cost next to nothing.

The requests are those of docker and skopeo: HEAD, POST, PATCH and PUT for a blob that is new, GET for all
that is pulled. Clients are processes, so that a client's interpreter lock is not what is measured.
"""

from __future__ import annotations

import itertools
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from benchmarks.bench import Bench, Contest
from benchmarks.content import MANIFEST, Image, random_image
from benchmarks.line import Line, header
from benchmarks.programs import BenchmarkError
from benchmarks.registry import Client, Registry, with_digest

_PROCESSES = 2
_runs = itertools.count(1)
_OCTETS = b"Content-Type: application/octet-stream\r\n"
_MANIFEST = f"Content-Type: {MANIFEST}\r\n".encode()
_ACCEPT = f"Accept: {MANIFEST}\r\n".encode()


def push(bench: Bench) -> Contest:
    """Small images pushed a second; every blob is new."""

    def prepare(registry: Registry) -> Callable[[], float]:
        def measure() -> float:
            name = f"bench/small{next(_runs)}"
            images = [random_image(bench.sizes.small_layer) for _ in range(bench.sizes.small_images)]
            return _rate(bench, (registry, name), images, _push)

        return measure

    return bench.contest(prepare)


def pull(bench: Bench) -> Contest:
    """Small images pulled a second: manifest, config and layers of each."""

    def prepare(registry: Registry) -> Callable[[], float]:
        name = f"bench/small{next(_runs)}"
        images = [random_image(bench.sizes.small_layer) for _ in range(bench.sizes.small_images)]
        _rate(bench, (registry, name), images, _push)
        return lambda: _rate(bench, (registry, name), images, _pull, 4)

    return bench.contest(prepare)


def _push(line: Line, repository: str, image: Image, tag: str) -> None:
    for blob in image.blobs:
        try:
            line.ask(404, "HEAD", f"/v2/{repository}/blobs/{blob.digest}")
        except BenchmarkError:
            continue  # it is there: two images may share one
        head, _ = line.ask(202, "POST", f"/v2/{repository}/blobs/uploads/", b"")
        head, _ = line.ask(202, "PATCH", _path(head), blob.content, _OCTETS)
        line.ask(201, "PUT", with_digest(_path(head), blob.digest), b"", _OCTETS)
    line.ask(201, "PUT", f"/v2/{repository}/manifests/{tag}", image.manifest, _MANIFEST)


def _pull(line: Line, repository: str, image: Image, tag: str) -> None:
    line.ask(200, "GET", f"/v2/{repository}/manifests/{tag}", more=_ACCEPT)
    for blob in image.blobs:
        _, body = line.ask(200, "GET", f"/v2/{repository}/blobs/{blob.digest}")
        if len(body) != len(blob.content):
            raise BenchmarkError(f"{blob.digest} came with {len(body)} bytes")


def _path(head: bytes) -> str:
    target = urlsplit(header(head, "location") or "")
    return f"{target.path}?{target.query}" if target.query else target.path


Work = Callable[[Line, str, Image, str], None]


def _rate(
    bench: Bench, where: tuple[Registry, str], images: Sequence[Image], work: Work, rounds: int = 1
) -> float:
    """Share the images among processes of several clients each; return images a second."""
    registry, repository = where
    client = Client(registry)
    token = client.log_in(repository)
    client.close()
    context = multiprocessing.get_context("fork")
    ready, go = context.Barrier(_PROCESSES + 1), context.Barrier(_PROCESSES + 1)
    failures = context.SimpleQueue()
    clients = bench.sizes.connections // _PROCESSES
    numbered = [(f"v{number}", image) for number, image in enumerate(images)] * rounds

    def run(share: list[tuple[str, Image]]) -> None:
        try:
            lines = [Line(registry, token) for _ in range(clients)]
            ready.wait()
            go.wait()
            waiting = iter(share)

            def serve(line: Line) -> None:
                for tag, image in waiting:
                    work(line, repository, image, tag)

            with ThreadPoolExecutor(clients) as pool:
                list(pool.map(serve, lines))
        except (BenchmarkError, OSError) as error:
            failures.put(str(error))

    processes = [
        context.Process(target=run, args=(numbered[number::_PROCESSES],)) for number in range(_PROCESSES)
    ]
    for process in processes:
        process.start()
    ready.wait(60)
    began = time.perf_counter()
    go.wait(60)
    for process in processes:
        process.join()
    seconds = time.perf_counter() - began
    if not failures.empty():
        raise BenchmarkError(f"{registry.url}: {failures.get()}")
    return len(numbered) / seconds
