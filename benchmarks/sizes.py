"""How much of everything: one set for figures that count, one for a quick look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Amounts of one run of the benchmark.

    Attributes:
        connections: keep-alive connections of the request rows.
        seconds: length of one measurement of a request row.
        small_blob: bytes of the small blob.
        large_blob: bytes of the large blob.
        images: images pushed, or pulled, in one measurement.
        image_clients: how many clients push or pull at once.
        layer: bytes of each of an image's three layers.
        least_runs: no row is measured less often on each side.
        run_share: share of the repetitions a row asks for.
    """

    connections: int = 16
    seconds: int = 5
    small_blob: int = 4096
    large_blob: int = 500_000_000
    images: int = 64
    image_clients: int = 8
    layer: int = 340_000
    least_runs: int = 3
    run_share: float = 1.0

    def runs(self, wanted: int) -> int:
        """Return how often to measure a row that wants ``wanted`` runs on each side."""
        return max(self.least_runs, round(wanted * self.run_share))


FULL = Sizes()
# Enough to see that everything works. Its figures are too noisy to be quoted.
QUICK = Sizes(seconds=1, large_blob=50_000_000, images=16, least_runs=1, run_share=0.2)
