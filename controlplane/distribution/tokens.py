"""Routes of the token endpoints: ``/oauth2/token`` in its two forms and ``/oauth2/exchange``.

Source: the Docker token specification (GET with Basic), its OAuth 2 form (POST), and ACR's exchange of an
Entra access token for a refresh token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, g, jsonify, request

from controlplane.distribution.gate import REFRESH_USER, basic_credentials, host_of
from controlplane.distribution.parts import Parts, asked
from controlplane.domain.registry_errors import CREDENTIAL_REFUSED, PARAMETER_INVALID
from controlplane.domain.registry_scopes import ScopeRequest, parse_scopes
from controlplane.kernel.errors import Failure
from controlplane.persistence.hot import RegistryView
from controlplane.services.registry_callers import ANONYMOUS, Credential

_BASIC = {"WWW-Authenticate": 'Basic realm="registry"'}
_LONGEST = 16 * 1024  # characters of one field


@dataclass(frozen=True, slots=True)
class TokenRoutes:
    """Getting tokens for a registry."""

    parts: Parts

    def add_to(self, app: Flask) -> None:
        """Register the routes."""
        app.add_url_rule("/oauth2/token", "token_get", self.from_basic, methods=["GET"])
        app.add_url_rule("/oauth2/token", "token_post", self.from_form, methods=["POST"])
        app.add_url_rule("/oauth2/exchange", "exchange", self.exchange, methods=["POST"])

    def from_basic(self) -> Response:
        """Answer docker's request: a user name and a password, a refresh token as one, or nothing."""
        registry, host = _service(request.args)
        scopes = _scopes(request.args.getlist("scope"))
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if not kind:
            credential = self._anonymous(registry)
        elif kind.lower() == "basic":
            credential = self._basic(registry, host, value.strip())
        else:
            raise _refused("send the user name and password with Basic")
        token = self._access(registry, host, credential, scopes)
        body = {**token, "token": token["access_token"]}
        if request.args.get("offline_token") == "true" and credential != ANONYMOUS:
            body["refresh_token"] = self.parts.services.registry_tokens.refresh_token(
                registry, host, credential
            ).text
        return _answer(body)

    def _basic(self, registry: RegistryView, host: str, encoded: str) -> Credential:
        try:
            username, password = basic_credentials(encoded)
        except ValueError as error:
            raise _refused("the Authorization header is malformed") from error
        return self._password(registry, host, username, password)

    def _password(self, registry: RegistryView, host: str, username: str, password: str) -> Credential:
        if username == REFRESH_USER:
            return self._refreshed(registry, host, password)
        try:
            return self.parts.services.registry_tokens.callers.password(registry, username, password)
        except Failure as failure:
            failure.headers.update(_BASIC)
            raise

    def _refreshed(self, registry: RegistryView, host: str, token: str) -> Credential:
        credential = self.parts.services.registry_tokens.refreshed(registry, host, token)
        if credential is None:
            raise _refused("the refresh token is not valid (any more)")
        return credential

    def _anonymous(self, registry: RegistryView) -> Credential:
        if not registry.anonymous_pull:
            raise _refused("anonymous pull is disabled")
        return ANONYMOUS

    def from_form(self) -> Response:
        """Answer the OAuth 2 form: by refresh token, by password, or for nobody."""
        registry, host = _service(request.form)
        scopes = _scopes(request.form.getlist("scope"))
        grant_type, refresh = _field("grant_type"), _field("refresh_token")
        offline = False
        if grant_type == "refresh_token":
            credential = self._refreshed(registry, host, refresh)
        elif grant_type == "password" and _field("username"):
            credential = self._password(registry, host, _field("username"), _field("password"))
            offline = _field("access_type") == "offline"
        elif grant_type == "password":
            credential = self._refreshed(registry, host, refresh) if refresh else self._anonymous(registry)
        else:
            raise Failure(PARAMETER_INVALID, reason="grant_type is refresh_token or password")
        body = self._access(registry, host, credential, scopes)
        if offline:
            body["refresh_token"] = self.parts.services.registry_tokens.refresh_token(
                registry, host, credential
            ).text
        return _answer(body)

    def exchange(self) -> Response:
        """Answer with a refresh token for an Entra access token."""
        registry, host = _service(request.form)
        if _field("grant_type") != "access_token" or not _field("access_token"):
            raise Failure(
                PARAMETER_INVALID, reason="grant_type is access_token, and access_token an Entra token"
            )
        tokens = self.parts.services.registry_tokens
        credential = tokens.callers.entra(registry, _field("access_token"))
        g.caller = credential.identity
        return _answer({"refresh_token": tokens.refresh_token(registry, host, credential).text})

    def _access(
        self, registry: RegistryView, host: str, credential: Credential, scopes: list[ScopeRequest]
    ) -> dict[str, Any]:
        g.caller = credential.identity
        tokens = self.parts.services.registry_tokens
        token = tokens.access_token(registry, host, credential, scopes)
        return {
            "access_token": token.text,
            "expires_in": token.lifetime,
        }


def _service(fields: Mapping[str, str]) -> tuple[RegistryView, str]:
    """Return the registry asked; the service named in the request must be it."""
    registry, host = asked()
    service = fields.get("service")
    if service and host_of({"HTTP_HOST": service}) != host:
        raise Failure(PARAMETER_INVALID, reason=f"the service is not served here; this is {host}")
    return registry, host


def _scopes(texts: list[str]) -> list[ScopeRequest]:
    try:
        return parse_scopes(texts)
    except ValueError as error:
        raise Failure(PARAMETER_INVALID, reason=error) from error


def _field(name: str) -> str:
    text = request.form.get(name, "")
    if len(text) > _LONGEST or "\0" in text:
        raise Failure(PARAMETER_INVALID, reason=f"{name} is not valid")
    return text


def _refused(reason: str) -> Failure:
    return Failure(CREDENTIAL_REFUSED, headers=_BASIC, reason=reason)


def _answer(body: dict[str, Any]) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response
