"""`python -m benchmarks`: measure the service beside its peers; exit code 1 when a bar is missed."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.peers import azure
from benchmarks.programs import BenchmarkError, need
from benchmarks.rows.table import AZ, DISTRIBUTION, DOCKER_REGISTRY, ROWS, Row
from benchmarks.run import Result, measure
from benchmarks.sizes import FULL, QUICK, Sizes

_PROGRAMS = ("wrk", "curl", "docker-registry")
_MISSED, _CANNOT = 1, 2
# A push by either side leaves the blob behind: this many large blobs are on disk at the end, with a reserve.
_BLOBS_ON_DISK = 32
_BUSY = 0.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and return the exit code: 0 every bar reached, 1 one missed, 2 could not be measured."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was started is stopped
    rows = [row for row in ROWS if row.name in options.only] if options.only else _possible(options)
    sizes = QUICK if options.quick else FULL
    try:
        _check(rows, sizes)
        facts = report.machine()
        results = _measure(rows, sizes, options.distribution)
    except BenchmarkError as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return _CANNOT
    except KeyboardInterrupt:
        return 130
    print(_text(results, facts, quick=options.quick))
    if options.json:
        report.save(options.json, results, facts, quick=options.quick)
    return 0 if all(result.passed for result in results) else _MISSED


def _possible(options: argparse.Namespace) -> list[Row]:
    """Leave out the rows about a peer that is not here, and say so."""
    if options.distribution is not None:
        return list(ROWS)
    _say(f"rows about {DISTRIBUTION} are left out: --distribution PATH names its program")
    return [row for row in ROWS if row.peer != DISTRIBUTION]


def _measure(rows: Sequence[Row], sizes: Sizes, distribution: Path | None) -> list[Result]:
    with Bench(sizes, _say, distribution) as bench:
        return [measure(row, bench, _say) for row in rows]


def _check(rows: Sequence[Row], sizes: Sizes) -> None:
    """Refuse before anything is started when something is missing."""
    peers = {row.peer for row in rows}
    for program in _PROGRAMS if DOCKER_REGISTRY in peers else ():
        need(program)
    if AZ in peers:
        azure.program()
    folder = tempfile.gettempdir()
    free, wanted = shutil.disk_usage(folder).free, sizes.large_blob * _BLOBS_ON_DISK
    if DOCKER_REGISTRY in peers and free < wanted:
        raise BenchmarkError(
            f"{folder} has {free // 10**6} MB free, {wanted // 10**6} MB are needed. Set TMPDIR."
        )
    if os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1):
        _say("the machine is busy: figures will be noisy")


def _text(results: Sequence[Result], facts: dict[str, str], *, quick: bool) -> str:
    parts = [
        "\n".join(f"{name:<16} {value}" for name, value in facts.items()),
        report.table(results),
        report.peers(results),
    ]
    if quick:
        megabytes = QUICK.large_blob // 1_000_000
        parts.append(f"A quick look, with blobs of {megabytes} MB for 500: too short to be quoted.")
    return "\n\n".join(parts)


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short look; the figures are noisy")
    parser.add_argument(
        "--only",
        action="append",
        metavar="ROW",
        choices=[row.name for row in ROWS],
        help="measure this row (may be repeated): %(choices)s",
    )
    parser.add_argument(
        "--distribution",
        type=Path,
        metavar="PROGRAM",
        help="measure beside this binary of distribution 3, too",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to a file as well")
    return parser


if __name__ == "__main__":
    sys.exit(main())
