"""Request rates with wrk: one thread, keep-alive connections, the token in a script that is not on show."""

from __future__ import annotations

import re
import tempfile

from benchmarks.content import MANIFEST
from benchmarks.programs import BenchmarkError, need, output

_RATE = re.compile(r"Requests/sec:\s+([\d.]+)")
_TROUBLE = re.compile(r"(Non-2xx[^\n]*|Socket errors[^\n]*)")


def requests_per_second(url: str, token: str, *, connections: int, seconds: int) -> float:
    """Return how many GET requests a second were answered.

    Raises:
        BenchmarkError: an answer was not a success, or a connection failed.
    """
    script = f'wrk.headers["Authorization"] = "Bearer {token}"\nwrk.headers["Accept"] = "{MANIFEST}, */*"\n'
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        text = output([need("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "-s", file.name, url])
    if trouble := _TROUBLE.search(text):
        raise BenchmarkError(f"{url}: {trouble[1].strip()}")
    rate = _RATE.search(text)
    if rate is None:
        raise BenchmarkError(f"wrk printed no rate for {url}: {text}")
    return float(rate[1])
