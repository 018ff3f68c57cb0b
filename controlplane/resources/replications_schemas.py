"""What is shown of a replication: its state as ARM has it, and how far behind it is."""

from __future__ import annotations

from controlplane.arm.fields import anything, model, nested, text, whole
from controlplane.resources.registries_policies import STATUS

__all__ = ["PROGRESS", "STATUS"]

_LAG = model("ReplicationLag", {"p50": anything(doc="Seconds."), "p99": anything(doc="Seconds.")})
PROGRESS = model(
    "ReplicationStatus",
    {
        "lag": nested(_LAG, doc="From when copies were wanted to when they were there, of the newest."),
        "pendingBytes": whole(),
        "pendingBlobs": whole(),
        "failed": whole(doc="Copies whose last attempt failed; they are tried again."),
        "lastError": text(nullable=True),
        "copiedBytes": whole(),
    },
)
