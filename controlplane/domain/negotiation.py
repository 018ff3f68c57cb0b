"""Content negotiation of manifests: whether an ``Accept`` header takes what is stored.

A registry never converts a manifest, as its digest would change; so a client that does not take the stored
type gets none rather than one it would misread. Source: RFC 9110, 12.5.1, read as generously as clients
write it: without a header, or with ``application/json``, everything is taken; of the types some join with
semicolons each counts.
"""

from __future__ import annotations

from functools import lru_cache

_EVERYTHING = frozenset({"*/*", "application/*", "application/json"})
_LONGEST = 2048  # a header beyond this is not looked at, and takes everything


@lru_cache(maxsize=1024)
def accepts(header: str, media_type: str) -> bool:
    """Tell whether an Accept header takes a media type; remembered, since clients send few headers."""
    if not header.strip() or len(header) > _LONGEST:
        return True
    weights: dict[str, bool] = {}
    for item in header.split(","):
        weights |= _ranges(item)
    exact = weights.get(media_type)
    if exact is not None:
        return exact
    return any(weights.get(wide, False) for wide in _EVERYTHING)


def _ranges(item: str) -> dict[str, bool]:
    """Read one item: its media ranges, and whether its weight lets them count."""
    parts = [part.strip().lower() for part in item.split(";")]
    refused = any(part.partition("=")[0].strip() == "q" and _is_zero(part) for part in parts)
    return {part: not refused for part in parts if "/" in part and "=" not in part}


def _is_zero(weight: str) -> bool:
    return not weight.partition("=")[2].strip().strip("0.")
