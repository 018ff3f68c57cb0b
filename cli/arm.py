"""The management API: requests with the caller's token, errors by their status, pages as one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.errors import CommandError, LoginNeededError, error_class

if TYPE_CHECKING:
    import requests

    from cli.http import Http
    from cli.profiles import Profile
    from cli.tokens import Tokens

Members = list[Any]

REGISTRIES_API = "2026-09-01-preview"
RESOURCES_API = "2024-11-01"
SUBSCRIPTIONS_API = "2022-12-01"
ROLE_DEFINITIONS_API = "2022-05-01-preview"
ROLE_ASSIGNMENTS_API = "2022-04-01"
FIRST_ERROR_STATUS = 400
UNAUTHORIZED = 401

HINTS = {
    "AuthorizationFailed": "Ask an owner for a role: acrctl role assignment create --role … --assignee …",
    "ResourceGroupNotFound": "Create it first: acrctl group create -n NAME -l LOCATION",
}


def error_of(answer: requests.Response) -> CommandError:
    """Return the error that an answer in ARM's, Graph's or no envelope describes."""
    try:
        envelope = answer.json()
    except ValueError:
        envelope = {}
    error = envelope.get("error") if isinstance(envelope, dict) else None
    if not isinstance(error, dict):
        text = f"{answer.request.method} {urlsplit(str(answer.url)).path} was answered {answer.status_code}"
        return error_class(answer.status_code)(f"{text} {answer.reason}.")
    code = str(error.get("code") or "")
    details = [
        f"  {d.get('target') or d.get('code') or 'detail'}: {d.get('message', '')}"
        for d in error.get("details") or []
        if isinstance(d, dict)
    ]
    message = str(error.get("message") or answer.reason)
    return error_class(answer.status_code)(message, code=code, details=details, hint=HINTS.get(code, ""))


class Arm:
    """The management API at the profile's endpoint, as the profile's identity."""

    def __init__(self, profile: Profile, http: Http, tokens: Tokens) -> None:
        self.profile = profile
        self._http = http
        self._tokens = tokens
        self._scope = tokens.arm_scope

    def url(self, path: str) -> str:
        """Return the absolute form of a path; a URL that leaves the endpoint's host is refused.

        The caller's token goes where the URL points, so a link in an answer must not lead elsewhere.
        """
        if path.startswith("/"):
            return self.profile.endpoint + path
        if urlsplit(path)[:2] != urlsplit(self.profile.endpoint)[:2]:
            raise CommandError(f"The service sent a link to another host: {path}")
        return path

    def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        api: str = "",
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        etag: str = "",
    ) -> requests.Response:
        """Send a request with the caller's token, once more with a fresh one if it is refused.

        Returns the answer whatever its status. ``api`` is the api-version, left out for links of the
        service, which carry their own. With an ``etag`` the request only has an effect on that version.
        """
        query = {**(params or {}), **({"api-version": api} if api else {})}
        for fresh in (False, True):
            token = self._tokens.get(self._scope, fresh=fresh)["accessToken"]
            answer = self._http.send(
                method,
                self.url(path),
                headers={"Authorization": f"Bearer {token}", **({"If-Match": etag} if etag else {})},
                json=json,
                params=query or None,
            )
            if answer.status_code != UNAUTHORIZED:
                return answer
        raise _refused(answer)

    def call(
        self,
        method: str,
        path: str,
        api: str = "",
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        """Send a request and return the body, None when there is none; an error status raises."""
        answer = self.send(method, path, api, json=json, params=params)
        if answer.status_code >= FIRST_ERROR_STATUS:
            raise error_of(answer)
        return answer.json() if answer.content else None

    def get(self, path: str, api: str = "", params: Mapping[str, str] | None = None) -> Any:
        """Return the body of a GET."""
        return self.call("GET", path, api, params=params)

    def version(self, path: str, api: str) -> tuple[Any, str]:
        """Return the body of a GET and its ETag, to change it only if nobody else did meanwhile."""
        answer = self.send("GET", path, api)
        if answer.status_code >= FIRST_ERROR_STATUS:
            raise error_of(answer)
        return answer.json(), answer.headers.get("ETag", "")

    def list(self, path: str, api: str = "", params: Mapping[str, str] | None = None) -> Members:
        """Return the members of all pages of a list, following ``nextLink``."""
        return self.following(self.get(path, api, params))

    def following(self, page: Any) -> Members:
        """Return the members of a page and of all that follow it."""
        found = list(page.get("value") or [])
        while link := page.get("nextLink") or page.get("@odata.nextLink"):
            page = self.get(link)
            found += page.get("value") or []
        return found


def _refused(answer: requests.Response) -> CommandError:
    error = error_of(answer)
    hint = "The service does not accept this identity any more; log in again."
    return LoginNeededError(error.message, code=error.code, hint=error.hint or hint)
