"""Matching text against a pattern of ``*`` (any run) and ``?`` (one character), without regular expressions.

The two-pointer method takes time in proportion to text times pattern at worst, whatever the pattern:
patterns come from callers, so backtracking would be theirs to abuse.
"""

from __future__ import annotations


def like(text: str, pattern: str) -> bool:
    """Tell whether a pattern describes the whole text; letters compare exactly."""
    at = in_pattern = 0
    star, mark = -1, 0
    while at < len(text):
        wanted = pattern[in_pattern] if in_pattern < len(pattern) else None
        if wanted == "*":
            star, mark = in_pattern, at
            in_pattern += 1
        elif wanted in {"?", text[at]}:
            at += 1
            in_pattern += 1
        elif star >= 0:
            # Let the last star swallow one character more and try again from there.
            mark += 1
            at, in_pattern = mark, star + 1
        else:
            return False
    return not pattern[in_pattern:].strip("*")
