"""The api-version of a request: there must be one, and the route must know it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from controlplane.kernel.catalogue import INVALID_API_VERSION, MISSING_API_VERSION, NO_REGISTERED_PROVIDER
from controlplane.kernel.errors import Failure

PARAMETER = "api-version"
PROVIDERLESS = "Microsoft.Resources"


def check(query: Mapping[str, str], supported: Sequence[str], type_path: str) -> str:
    """Return the request's api-version.

    Paths without a provider and paths with one are refused by different errors, as ARM does.

    Raises:
        Failure: MISSING_API_VERSION, INVALID_API_VERSION or NO_REGISTERED_PROVIDER.
    """
    version = query.get(PARAMETER, "")
    if not version:
        raise Failure(MISSING_API_VERSION)
    if version.lower() in supported:
        return version.lower()
    known = ", ".join(reversed(supported))
    if type_path.startswith(PROVIDERLESS):
        raise Failure(INVALID_API_VERSION, version=version, supported=known)
    raise Failure(NO_REGISTERED_PROVIDER, version=version, type=type_path, supported=known)
