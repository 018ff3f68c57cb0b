"""JSON bodies, read strictly: an object, nothing twice, nothing that is not JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import partial
from typing import Any, NoReturn

from flask import Request
from werkzeug.exceptions import RequestEntityTooLarge

from controlplane.kernel.catalogue import INVALID_REQUEST_CONTENT, UNSUPPORTED_MEDIA_TYPE
from controlplane.kernel.errors import Failure
from controlplane.kernel.leftovers import take_rest

DEEPEST = 64
_STEP = 64 * 1024
_TYPES = frozenset({"application/json", "text/json", "application/merge-patch+json"})


def read_object(request: Request) -> Mapping[str, Any]:
    """Return the JSON object in a request's body.

    Raises:
        Failure: UNSUPPORTED_MEDIA_TYPE or INVALID_REQUEST_CONTENT.
        werkzeug.exceptions.RequestEntityTooLarge: it is larger than the application takes.
    """
    data = request.get_data(cache=True)
    limit = request.max_content_length
    if limit is not None and request.content_length is None and len(data) >= limit:
        raise RequestEntityTooLarge  # chunked: it was cut off where the limit is
    if not data.strip():
        raise _refused("a JSON object is expected, and the body is empty.")
    if request.mimetype not in _TYPES:
        raise Failure(UNSUPPORTED_MEDIA_TYPE, type=request.mimetype or "none")
    body = parse(data)
    if not isinstance(body, dict):
        raise _refused("the body must be a JSON object.")
    return body


def drain(request: Request) -> None:
    """Read what a client still sends of a request that is refused, unless it is long."""
    if request.environ.get("wsgi.input_terminated"):
        read = partial(request.environ["wsgi.input"].read, _STEP)
        take_rest(iter(read, b""), request.content_length)


def parse(data: bytes) -> Any:
    """Parse JSON as RFC 8259 has it, and refuse what would mean different things to different readers.

    Raises:
        Failure: INVALID_REQUEST_CONTENT.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_float,
        )
    except (UnicodeDecodeError, RecursionError):
        raise _refused("it is not JSON in UTF-8, or nested too deeply.") from None
    except ValueError as error:
        raise _refused(f"it is not JSON: {error}.") from None
    _check(value, 0)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    body = dict(pairs)
    if len(body) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the member '{twice}' appears twice")
    return body


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON value")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


def _check(value: Any, depth: int) -> None:
    """Refuse texts that no database can store, and depths that nobody means."""
    if depth > DEEPEST:
        raise _refused(f"it is nested deeper than {DEEPEST} levels.")
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise _refused("a text contains U+0000 or half of a surrogate pair.")
    elif isinstance(value, dict):
        for name, below in value.items():
            _check(name, depth)
            _check(below, depth + 1)
    elif isinstance(value, list):
        for below in value:
            _check(below, depth + 1)


def _refused(reason: str) -> Failure:
    return Failure(INVALID_REQUEST_CONTENT, reason=reason)
