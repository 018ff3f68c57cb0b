"""Measuring a row: both sides in turn, so that whatever else the machine does hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.bars import ratio_of
from benchmarks.bench import Bench
from benchmarks.rows.table import Row


@dataclass(frozen=True, slots=True)
class Result:
    """What a row came to: every figure of both sides, in the order measured."""

    row: Row
    ours: tuple[float, ...]
    peer: tuple[float, ...]

    @property
    def ours_median(self) -> float:
        """Our figure."""
        return statistics.median(self.ours)

    @property
    def peer_median(self) -> float:
        """The peer's figure."""
        return statistics.median(self.peer)

    @property
    def ratio(self) -> float:
        """Ours divided by the peer's."""
        return ratio_of(self.ours_median, self.peer_median)

    @property
    def passed(self) -> bool:
        """Tell whether the bar was reached."""
        return self.row.bar.passes(self.ours_median, self.peer_median)


def measure(row: Row, bench: Bench, say: Callable[[str], None]) -> Result:
    """Measure ours, the peer, ours, the peer, …; the first pair is a rehearsal and does not count.

    Raises:
        BenchmarkError: a program is missing, or a side answered something it must not.
    """
    contest = row.prepare(bench)
    contest.ours(), contest.peer()
    ours: list[float] = []
    peer: list[float] = []
    runs = bench.sizes.runs(row.runs)
    for number in range(1, runs + 1):
        ours.append(contest.ours())
        peer.append(contest.peer())
        say(f"{row.name} {number}/{runs}: {ours[-1]:.1f} against {peer[-1]:.1f} {row.unit}")
    return Result(row, tuple(ours), tuple(peer))
