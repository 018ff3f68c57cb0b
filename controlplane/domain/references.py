"""References to manifests: a tag or a digest.

Source: the tag grammar of the OCI distribution specification.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def is_tag(text: str) -> bool:
    """Tell whether a text may be a tag."""
    return _TAG.fullmatch(text) is not None


def looks_like_digest(text: str) -> bool:
    """Tell whether a reference is meant as a digest: no tag has a colon."""
    return ":" in text
