"""Request rates with wrk: one thread, keep-alive connections, the token in a script that is not on show."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass

from benchmarks.content import MANIFEST
from benchmarks.programs import BenchmarkError, need, output

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_P99 = re.compile(r"99%\s+([\d.]+)(us|ms|s|m)\b")
_NUMBER = re.compile(r"(?<![\dx])\d+(?![\dx])")
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_TROUBLE = re.compile(r"(Non-2xx[^\n]*|Socket errors[^\n]*)")


@dataclass(frozen=True, slots=True)
class Load:
    """How a server bore a load: the 99th percentile in ms, and how many answers were no success."""

    p99: float
    failures: int


def load(url: str, token: str, *, connections: int, seconds: int) -> Load:
    """Ask from many connections at once and look at the slowest answers and the failures.

    Raises:
        BenchmarkError: wrk printed nothing that could be read.
    """
    text = _run(url, token, connections, seconds, "--latency", "--timeout", "10s")
    found = _P99.search(text)
    if found is None:
        raise BenchmarkError(f"wrk printed no latency for {url}: {text}")
    failures = sum(int(number) for line in _TROUBLE.findall(text) for number in _NUMBER.findall(line))
    return Load(float(found[1]) * _UNITS[found[2]], failures)


def requests_per_second(url: str, token: str, *, connections: int, seconds: int) -> float:
    """Return how many GET requests a second were answered.

    Raises:
        BenchmarkError: an answer was not a success, or a connection failed.
    """
    text = _run(url, token, connections, seconds)
    if trouble := _TROUBLE.search(text):
        raise BenchmarkError(f"{url}: {trouble[1].strip()}")
    rate = _RATE.search(text)
    if rate is None:
        raise BenchmarkError(f"wrk printed no rate for {url}: {text}")
    return float(rate[1])


def _run(url: str, token: str, connections: int, seconds: int, *options: str) -> str:
    script = f'wrk.headers["Authorization"] = "Bearer {token}"\nwrk.headers["Accept"] = "{MANIFEST}, */*"\n'
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        sizes = [f"-c{connections}", f"-d{seconds}s"]
        return output([need("wrk"), "-t1", *sizes, *options, "-s", file.name, url])
