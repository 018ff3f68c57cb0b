"""Byte ranges: those a client wants to read (RFC 9110), and those of the chunks it uploads (OCI)."""

from __future__ import annotations

import re

from controlplane.domain.registry_errors import RANGE_UNSATISFIABLE, UPLOAD_INVALID
from controlplane.kernel.errors import Failure

_READ = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")
_CHUNK = re.compile(r"(?:bytes )?(\d{1,19})-(\d{1,19})(?:/(?:\*|\d{1,19}))?")


def wanted_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return (start, length) of a Range header; None when the whole content is to be sent.

    A header that is malformed or asks for several ranges is ignored, as RFC 9110 allows; one that ends
    before it begins is refused, as it allows too.

    Raises:
        Failure: RANGE_UNSATISFIABLE.
    """
    found = _READ.fullmatch((header or "").strip())
    if found is None or found.group(0) == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size - 1
    else:
        start, end = int(first), min(int(last), size - 1) if last else size - 1
    if start > end:
        raise Failure(RANGE_UNSATISFIABLE, headers={"Content-Range": f"bytes */{size}"}, size=size)
    return start, end - start + 1


def chunk_range(header: str | None) -> tuple[int, int] | None:
    """Return (start, length) of an upload's Content-Range, in OCI's form or HTTP's; None without one.

    Raises:
        Failure: UPLOAD_INVALID.
    """
    if header is None:
        return None
    found = _CHUNK.fullmatch(header.strip())
    if found is None or int(found.group(2)) < int(found.group(1)):
        raise Failure(UPLOAD_INVALID, reason="the Content-Range is not of the form start-end")
    start, end = int(found.group(1)), int(found.group(2))
    return start, end - start + 1
