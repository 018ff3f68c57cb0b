"""Every table of the database, for whoever migrates and compares schemas."""

from __future__ import annotations

from controlplane.persistence import content_tables, tables
from controlplane.persistence.metadata import metadata

__all__ = ["GROUPS", "metadata"]

GROUPS = (tables, content_tables)
"""The modules that declare tables; each adds its own to ``metadata``."""
