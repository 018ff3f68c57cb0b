"""What leaves the service: deliveries to webhooks, and bytes on their way to another region.

Nobody else delivers webhooks, so these rows have no peer: each is void unless every delivery has arrived.
Replication is measured beside a plain copy of the same bytes between two folders of the same disk.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench, Contest
from benchmarks.content import Image, random_image
from benchmarks.management import Management
from benchmarks.processes import MEGABYTE
from benchmarks.programs import BenchmarkError
from benchmarks.receivers import Receiver, receiver
from benchmarks.registry import Client

_HOOKS = 500  # what a Premium registry may have
_PUSHES = 10  # to as many repositories, each told to all webhooks
_STEADY, _PAUSE = 100, 0.05  # pushes whose latency is looked at, and seconds between them
_PATIENCE = 120.0
_REGION = "westus"
_numbers = itertools.count(1)


def fan_out(bench: Bench) -> Contest:
    """Milliseconds from the answer to one push until 500 webhooks have been told."""
    return _alone(lambda: _told(bench, 1) * 1000)


def deliveries(bench: Bench) -> Contest:
    """Deliveries a second: 10 pushes to 10 repositories, each to 500 webhooks."""
    return _alone(lambda: _HOOKS * _PUSHES / _told(bench, _PUSHES))


def latency(bench: Bench) -> Contest:
    """99th percentile of the milliseconds from the answer to a push until its delivery arrives."""

    def measure() -> float:
        with _hooked(bench, 1) as (there, push):
            pushed = {}
            for _ in range(_STEADY):
                tag = push()
                pushed[tag] = time.perf_counter()
                time.sleep(_PAUSE)
            there.wait_for(_STEADY, _PATIENCE)
            late = [at - pushed[tag] for tag, at in there.arrived]
        return statistics.quantiles(late, n=100)[98] * 1000

    return _alone(measure)


def replication(bench: Bench) -> Contest:
    """MB a second from the answer to a push until another region has its bytes; and a plain copy of them."""
    arm = Management(bench.deployment)
    arm.call("PUT", f"replications/{_REGION}", {"location": _REGION, "properties": {}})
    _wait(
        lambda: arm.call("GET", f"replications/{_REGION}")["properties"]["provisioningState"] == "Succeeded"
    )

    def ours() -> float:
        image = random_image(bench.sizes.large_blob // 3)
        copied = int(arm.call("GET", f"replications/{_REGION}/status")["copiedBytes"])
        whole = sum(len(blob.content) for blob in image.blobs)
        client = Client(bench.ours)
        client.push(f"bench/replicated{next(_numbers)}", "v1", image)
        began = time.perf_counter()
        client.close()
        _wait(lambda: int(arm.call("GET", f"replications/{_REGION}/status")["copiedBytes"]) - copied >= whole)
        return whole / MEGABYTE / (time.perf_counter() - began)

    return Contest(ours, lambda: _plain_copy(bench))


def _plain_copy(bench: Bench) -> float:
    """Copy three files of an image's size, one after the other, and sync each; return MB a second."""
    here, there = bench.folder / "copy-from", bench.folder / "copy-to"
    for folder in (here, there):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    image = random_image(bench.sizes.large_blob // 3)
    for blob in image.blobs:
        (here / blob.digest.partition(":")[2]).write_bytes(blob.content)
    os.sync()
    began = time.perf_counter()
    for file in here.iterdir():
        _copy(file, there / file.name)
    took = time.perf_counter() - began
    return sum(len(blob.content) for blob in image.blobs) / MEGABYTE / took


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as reader, target.open("wb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fsync(writer.fileno())


def _told(bench: Bench, pushes: int) -> float:
    """Return the seconds from the first of some pushes until all webhooks have been told of all."""
    with _hooked(bench, _HOOKS) as (there, push):
        for number in range(pushes):
            push(number)
            if number == 0:
                began = time.perf_counter()
        there.wait_for(_HOOKS * pushes, _PATIENCE)
        return max(at for _, at in there.arrived) - began


@contextmanager
def _hooked(bench: Bench, hooks: int) -> Iterator[tuple[Receiver, Callable[..., str]]]:
    """Give a receiver that so many webhooks lead to, and a function that pushes a tag and returns it."""
    run, image = next(_numbers), random_image(1000)
    client, arm = Client(bench.ours), Management(bench.deployment)
    _prepare(client, run, image)
    with receiver() as there:
        body = {"location": "eastus", "properties": {"serviceUri": there.url, "actions": ["push"]}}
        names = [f"bench{number:03}" for number in range(hooks)]
        for name in names:
            arm.call("PUT", f"webhooks/{name}", body)
        there.arrived.clear()
        tags = (f"v{number}" for number in itertools.count(1))

        def push(number: int = 0) -> str:
            client.token = tokens[number % _PUSHES]
            tag = next(tags)
            client.push_manifest(_repository(run, number % _PUSHES), tag, image.manifest)
            return tag

        tokens = [client.log_in(_repository(run, number)) for number in range(_PUSHES)]
        yield there, push
        for name in names:
            arm.call("DELETE", f"webhooks/{name}")
    client.close()
    arm.close()


def _prepare(client: Client, run: int, image: Image) -> None:
    """Push what the manifest names, so that a push is nothing but its manifest."""
    for number in range(_PUSHES):
        client.log_in(_repository(run, number))
        for blob in image.blobs:
            client.push_blob(_repository(run, number), blob)


def _repository(run: int, number: int) -> str:
    return f"bench/told{run}/app{number}"


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise BenchmarkError(f"not within {_PATIENCE:.0f} s")
        time.sleep(0.02)


def _alone(measure: Callable[[], float]) -> Contest:
    return Contest(measure, lambda: 0.0)
