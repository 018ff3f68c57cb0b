"""Paths in any case, as clients send them, to the one spelling that is routed.

ARM's ids are compared without regard to case, Werkzeug's rules with. Words of the grammar stand at known
places of a path (``/word/name/word/name…``, a provider's namespace after ``providers``), so those are spelled
as declared before routing and names are left as the caller wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SLASHES = re.compile("/{2,}")
_PROVIDERS = "providers"


class CanonicalPaths:
    """WSGI middleware that spells the known words of a path as declared.

    Args:
        app: what is called with the path so spelled.
        paths: every declared path; parameters are in braces.
    """

    def __init__(self, app: WSGIApplication, paths: Iterable[str]) -> None:
        self._app = app
        self._words = {
            segment.lower(): segment
            for path in paths
            for segment in path.split("/")
            if segment and not segment.startswith("{")
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve a request under its canonical path."""
        environ["PATH_INFO"] = self.spell(environ.get("PATH_INFO", "/"))
        return self._app(environ, start_response)

    def spell(self, path: str) -> str:
        """Return a path with its words as declared, without doubled and trailing slashes."""
        segments = _SLASHES.sub("/", path).strip("/").split("/")
        return "/" + "/".join(self._segment(segments, place) for place in range(len(segments)))

    def _segment(self, segments: list[str], place: int) -> str:
        segment = segments[place]
        namespace = place > 0 and segments[place - 1].lower() == _PROVIDERS
        if place % 2 == 0 or namespace:
            return self._words.get(segment.lower(), segment)
        return segment
