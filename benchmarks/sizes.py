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
        small_images: images pushed in one measurement of the small images.
        small_layer: bytes of each of their three layers.
        few, many: entries of the listings that are compared.
        crowd: connections of the row about many clients.
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
    small_images: int = 256
    small_layer: int = 20_000
    few: int = 100
    many: int = 100_000
    crowd: int = 500
    least_runs: int = 3
    run_share: float = 1.0

    def runs(self, wanted: int) -> int:
        """Return how often to measure a row that wants ``wanted`` runs on each side."""
        return max(self.least_runs, round(wanted * self.run_share))


FULL = Sizes()
# Enough to see that everything works. Its figures are too noisy to be quoted.
QUICK = Sizes(
    seconds=1, large_blob=50_000_000, images=16, small_images=64, many=10_000, least_runs=1, run_share=0.2
)
