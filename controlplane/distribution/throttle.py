"""What clients are told about rates: the refusal, and the headers of other answers.

Sources: ``x-ms-ratelimit-remaining-calls-per-second`` is ACR's (what is left of a minute's requests, by 60);
``RateLimit`` and ``RateLimit-Policy`` are those of the IETF draft on rate limit headers; Retry-After is RFC
9110's, in whole seconds: after so long a request fits, unless somebody else was quicker.
"""

from __future__ import annotations

import math

from controlplane.domain.registry_errors import TOO_MANY_REQUESTS
from controlplane.domain.throttle import PERIOD, Rate
from controlplane.kernel.errors import Failure


def rate_headers(rate: Rate) -> dict[str, str]:
    """Return the headers that show a limit and what is left of it."""
    calls = f"{rate.left / PERIOD:.6f}".rstrip("0").rstrip(".")
    reset = max(1, math.ceil(rate.wait)) if rate.left == 0 else 0
    return {
        "x-ms-ratelimit-remaining-calls-per-second": calls,
        "RateLimit-Policy": f'"{rate.name}";q={rate.limit};w={PERIOD:.0f}',
        "RateLimit": f'"{rate.name}";r={rate.left}' + (f";t={reset}" if reset else ""),
    }


def too_many(rate: Rate) -> Failure:
    """Return the refusal of a request that does not fit into a limit."""
    seconds = max(1, math.ceil(rate.wait))
    headers = {"Retry-After": str(seconds), **rate_headers(rate)}
    return Failure(TOO_MANY_REQUESTS, headers=headers, name=rate.name, limit=rate.limit, seconds=seconds)
