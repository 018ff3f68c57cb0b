"""Every table of the database, for whoever migrates and compares schemas."""

from __future__ import annotations

from controlplane.persistence import (
    cache_tables,
    content_tables,
    replication_tables,
    tables,
    token_tables,
    webhook_tables,
)
from controlplane.persistence.metadata import metadata

__all__ = ["GROUPS", "metadata"]

GROUPS = (tables, cache_tables, content_tables, replication_tables, token_tables, webhook_tables)
"""The modules that declare tables; each adds its own to ``metadata``."""
