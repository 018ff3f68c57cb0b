"""ARM's front door: what happens to every request before and after its route.

Before: ids, a plain path, an authenticated caller. After: headers, the log, and a last look whether
authorisation was asked for at all; an answer that nobody authorised is not sent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from controlplane.domain.principals import Principal
from controlplane.kernel.catalogue import AUTHENTICATION_FAILED, INTERNAL_ERROR, INVALID_PARAMETER
from controlplane.kernel.errors import Failure
from controlplane.management import bodies, errors, headers, state
from controlplane.management.hosts import Hosts
from controlplane.persistence.database import DatabaseUnavailableError

log = logging.getLogger(__name__)

LARGEST_BODY = 1024 * 1024  # bytes; ARM takes 4 MiB, no declared body comes near either
_FIRST_CONTROL_BEYOND = " "
_ERRORS_FROM = 400
_UNAUTHORIZED = 401

Bearer = Callable[[str], Principal]


class FrontDoor:
    """Installs itself around every route of a Flask application.

    Args:
        bearer: turns an access token into a principal, or raises the failure to answer with.
        tenant: returns the directory's id, for challenges.
        hosts: addresses of this service.
        region: shown in ``x-ms-routing-request-id``.
        public: endpoints that anybody may see, without a token; None when all look after that themselves.
    """

    def __init__(
        self,
        bearer: Bearer,
        tenant: Callable[[], str],
        hosts: Hosts,
        region: str,
        public: frozenset[str] | None,
    ) -> None:
        self._bearer = bearer
        self._tenant = tenant
        self._hosts = hosts
        self._region = region
        self._public = public

    def install(self, app: Flask) -> None:
        """Register the hooks and error handlers."""
        app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
        app.before_request(self._before)
        app.after_request(self._after)
        app.register_error_handler(Failure, self._refuse)
        app.register_error_handler(HTTPException, errors.from_http)
        app.register_error_handler(DatabaseUnavailableError, errors.from_database)
        app.register_error_handler(Exception, errors.from_anything)

    def _before(self) -> None:
        known = state.begin(request.headers)
        if any(character < _FIRST_CONTROL_BEYOND for text in _texts() for character in text):
            raise Failure(INVALID_PARAMETER, reason="The address contains a control character.")
        known.public = self._public is None or request.endpoint in self._public
        if not known.public:
            known.principal = self._authenticated(request.headers.get("Authorization", ""))

    def _authenticated(self, header: str) -> Principal:
        scheme, _, token = header.partition(" ")
        if not header:
            raise Failure(AUTHENTICATION_FAILED, reason="The 'Authorization' header is missing.")
        if scheme.lower() != "bearer" or not token.strip():
            raise Failure(
                AUTHENTICATION_FAILED, reason="The 'Authorization' header must carry a Bearer token."
            )
        return self._bearer(token.strip())

    def _refuse(self, failure: Failure) -> Response:
        response = errors.answer(failure)
        if response.status_code == _UNAUTHORIZED:
            where = f"{self._hosts.base(request)}/{self._tenant()}"
            response.headers["WWW-Authenticate"] = (
                f'Bearer authorization_uri="{where}", error="invalid_token", '
                f'error_description="{failure.message.replace(chr(34), chr(39))}"'
            )
        return response

    def _after(self, response: Response) -> Response:
        known = state.current()
        if response.status_code < _ERRORS_FROM and not known.public and not known.authorised:
            log.error("request %s: %s answered without authorisation", known.request_id, request.endpoint)
            response = errors.answer(Failure(INTERNAL_ERROR, request_id=known.request_id))
        if response.status_code >= _ERRORS_FROM:
            bodies.drain(request)
        headers.add(response, known, self._region)
        headers.record(response, known)
        return response


def _texts() -> list[str]:
    return [
        request.path,
        *request.args.keys(),
        *(value for values in request.args.listvalues() for value in values),
    ]
