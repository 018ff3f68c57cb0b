"""What was raised, as what is answered; the edge of the plane."""

from __future__ import annotations

import logging

from controlplane.blobs.store import BlobMissingError, StoreUnavailableError, UploadMissingError
from controlplane.domain.registry_errors import INTERNAL, UNAVAILABLE
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import DatabaseUnavailableError

_LOG = logging.getLogger(__name__)


def as_failure(error: Exception) -> Failure:
    """Translate whatever was raised; what nobody expected is logged and tells the client nothing."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, DatabaseUnavailableError | StoreUnavailableError):
        _LOG.warning("unavailable: %s", error)
        return Failure(UNAVAILABLE, headers={"Retry-After": "2"})
    if isinstance(error, UploadMissingError | BlobMissingError):
        _LOG.error("the store has lost bytes of %s", error)
    _LOG.error("unexpected", exc_info=error)
    return Failure(INTERNAL)
