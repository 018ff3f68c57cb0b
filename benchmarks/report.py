"""The result: a table for people, JSON for machines, and the machine it was measured on."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.programs import version_of
from benchmarks.run import Result

_HEAD = ("row", "unit", "ours", "peer", "ratio", "bar", "")
_LEFT = (0, 1)


def machine() -> dict[str, str]:
    """Describe the machine and the versions of what was measured."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": f"{os.cpu_count()} x {_cpu()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "acrctl": version("acrctl"),
        "granian": version("granian"),
        "docker-registry": version_of(["docker-registry", "--version"], 2),
        "wrk": version_of(["wrk", "-v"], 1),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def table(results: Sequence[Result]) -> str:
    """Lay the results out in columns, figures aligned right."""
    lines = [_HEAD, *(_cells(result) for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = [
        "  ".join(
            cell.ljust(width) if column in _LEFT else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    text.insert(1, "-" * max(map(len, text)))
    return "\n".join(text)


def peers(results: Sequence[Result]) -> str:
    """Say who the peer of each row is."""
    rows: dict[str, list[str]] = {}
    for result in results:
        rows.setdefault(result.row.peer, []).append(result.row.title)
    return "\n".join(f"peer {name}: {', '.join(titles)}" for name, titles in rows.items())


def save(path: Path, results: Sequence[Result], facts: dict[str, str], *, quick: bool) -> None:
    """Write everything that was measured as JSON."""
    document = {"machine": facts, "quick": quick, "rows": [_document(result) for result in results]}
    path.write_text(json.dumps(document, indent=2) + "\n")


def _cells(result: Result) -> tuple[str, ...]:
    row = result.row
    return (
        row.title,
        row.unit,
        _figure(result.ours_median),
        _figure(result.peer_median) if row.bar.compares else "-",
        f"{result.ratio:.2f}" if row.bar.compares else "-",
        str(row.bar),
        "pass" if result.passed else "FAIL",
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _document(result: Result) -> dict[str, object]:
    row = result.row
    return {
        "name": row.name,
        "title": row.title,
        "unit": row.unit,
        "peer": row.peer,
        "ours": result.ours_median,
        "peer_value": result.peer_median,
        "ratio": result.ratio,
        "bar": str(row.bar),
        "passed": result.passed,
        "ours_runs": result.ours,
        "peer_runs": result.peer,
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
