"""Names of repositories.

Source: the name grammar of the OCI distribution specification, with its advice of 255 characters as the
limit. Words of the API's own paths (``blobs``, ``manifests``, ``uploads``) are legal components: every
route is read from its end, where they cannot occur.
"""

from __future__ import annotations

import re

MAX_LENGTH = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


def is_repository_name(text: str) -> bool:
    """Tell whether a text may name a repository; linear in its length, which is looked at first."""
    return len(text) <= MAX_LENGTH and _NAME.fullmatch(text) is not None
