"""Objects whose member order means something: those a query builds."""

from __future__ import annotations

from typing import Any


class Ordered(dict[str, Any]):
    """An object made by a query; tables and tab separated values keep its order."""
