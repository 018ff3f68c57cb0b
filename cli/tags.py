"""Tags on the command line: `key[=value]` words."""

from __future__ import annotations

from collections.abc import Sequence


def parse_tags(words: Sequence[str]) -> dict[str, str]:
    """Return tags of `key=value` and `key` words; empty words stand for nothing, so `''` clears all tags."""
    return {key: value for key, _, value in (word.partition("=") for word in words) if key}
