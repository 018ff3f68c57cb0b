"""A registry's data plane: challenge, tokens, then `/acr/v1` and `/v2`.

The profile's identity is exchanged for the registry's refresh token, which buys access tokens for a
scope; with a user name and password the registry's token service is asked directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlsplit

from cli.errors import CommandError, ConflictError, LoginNeededError, NotFoundError
from cli.tokens import REGISTRY_SCOPE

if TYPE_CHECKING:
    import requests

    from cli.http import Http
    from cli.tokens import Tokens

EMPTY_GUID = "00000000-0000-0000-0000-000000000000"
PAGE = 100
OK, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, NOT_ALLOWED, CONFLICT = 200, 401, 403, 404, 405, 409
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_KINDS: dict[int, type[CommandError]] = {
    UNAUTHORIZED: LoginNeededError,
    NOT_FOUND: NotFoundError,
    NOT_ALLOWED: ConflictError,
    CONFLICT: ConflictError,
}


@dataclass(frozen=True, slots=True)
class Credential:
    """A user name and password of the registry: admin user, token or service principal."""

    username: str
    password: str


def error_of(answer: requests.Response, what: str) -> CommandError:
    """Return the error that an answer in OCI's envelope describes; ``what`` stands in without one."""
    try:
        first = answer.json()["errors"][0]
        code, message = str(first["code"]), str(first["message"])
    except (ValueError, LookupError, TypeError):
        code, message = "", f"{what} was answered {answer.status_code} {answer.reason}."
    if answer.status_code == FORBIDDEN and code in ("", "DENIED"):
        hint = "The registry's network rules may not admit this address: acrctl registry show -n NAME"
        return CommandError(message, code=code, hint=hint)
    return _KINDS.get(answer.status_code, CommandError)(message, code=code)


class RegistryClient:
    """The data plane of one registry.

    ``scheme`` is that of the profile's endpoint, since login servers are written without one.
    ``credential`` replaces the profile's identity.
    """

    def __init__(
        self,
        http: Http,
        tokens: Tokens,
        server: str,
        *,
        scheme: str = "https",
        credential: Credential | None = None,
    ) -> None:
        self.server = server
        self._http = http
        self._tokens = tokens
        self._base = f"{scheme}://{server}"
        self.credential = credential
        self._asked: dict[str, str] = {}
        self._refresh = ""

    def challenge(self) -> dict[str, str]:
        """Return the parameters of the registry's challenge, at least `realm` and `service`.

        Raises CommandError when the registry does not ask for a token, or shuts the caller out.
        """
        answer = self._http.send("GET", f"{self._base}/v2/")
        if answer.status_code == FORBIDDEN:
            raise error_of(answer, "GET /v2/")
        offered = answer.headers.get("WWW-Authenticate", "")
        found = dict(_PARAMETER.findall(offered))
        if answer.status_code != UNAUTHORIZED or not offered.startswith("Bearer ") or "realm" not in found:
            raise CommandError(f"Registry '{self.server}' did not issue a challenge.")
        return {"service": self.server, **found}

    def _token_url(self, realm: str, leaf: str) -> str:
        """Return a URL of the registry's token service; a realm on another host is not followed.

        Credentials go there, so a registry must not be able to name another receiver.
        """
        if urlsplit(realm).netloc != urlsplit(self._base).netloc:
            raise CommandError(f"Registry '{self.server}' names a token service on another host: {realm}")
        return f"{self._base}/oauth2/{leaf}"

    def refresh_token(self, challenge: Mapping[str, str] | None = None) -> str:
        """Exchange the profile's identity for the registry's refresh token; LoginNeededError if refused."""
        asked = challenge or self.challenge()
        form = {"grant_type": "access_token", "service": asked["service"]}
        url = self._token_url(asked["realm"], "exchange")
        for fresh in (False, True):
            arm_token = self._tokens.get(REGISTRY_SCOPE, fresh=fresh)["accessToken"]
            answer = self._http.send("POST", url, form={**form, "access_token": arm_token})
            if answer.status_code != UNAUTHORIZED:
                break
        if answer.status_code != OK:
            raise error_of(answer, "The exchange for a refresh token")
        return str(answer.json()["refresh_token"])

    def access_token(self, scope: str) -> str:
        """Return an access token for a scope such as `repository:NAME:metadata_read`.

        What the registry asked for and the refresh token are kept for the next scope.
        """
        asked = self._asked = self._asked or self.challenge()
        form = {"service": asked["service"], "scope": scope}
        if self.credential:
            form |= {"grant_type": "password", **_form_of(self.credential)}
        else:
            self._refresh = self._refresh or self.refresh_token(asked)
            form |= {"grant_type": "refresh_token", "refresh_token": self._refresh}
        answer = self._http.send("POST", self._token_url(asked["realm"], "token"), form=form)
        if answer.status_code != OK:
            raise error_of(answer, "The request for an access token")
        return str(answer.json()["access_token"])

    def call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        token: str,
        params: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        accept: str = "",
    ) -> requests.Response:
        """Send a request with an access token; an error status raises."""
        headers = {"Authorization": f"Bearer {token}", **({"Accept": accept} if accept else {})}
        answer = self._http.send(method, self._base + path, headers=headers, params=params, json=json)
        if not answer.ok:
            raise error_of(answer, f"{method} {path}")
        return answer

    def list(
        self, path: str, token: str, key: str, *, top: int | None = None, orderby: str = ""
    ) -> list[Any]:
        """Return the members of all pages of a list, at most ``top`` of them."""
        params = {"n": str(min(top or PAGE, PAGE)), **({"orderby": orderby} if orderby else {})}
        found: list[Any] = []
        for page in self.pages(path, token, params):
            found += page.get(key) or []
            if top is not None and len(found) >= top:
                break
        return found[:top]

    def pages(self, path: str, token: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
        """Yield the pages of a list, following its links."""
        while True:
            answer = self.call("GET", path, token, params)
            yield answer.json()
            link = re.search(r"<([^>]*)>", answer.headers.get("Link", ""))
            if link is None:
                return
            params = dict(parse_qsl(urlsplit(link[1]).query))


def _form_of(credential: Credential) -> dict[str, str]:
    return {"username": credential.username, "password": credential.password}


def attributes_path(repository: str, tag: str = "", digest: str = "") -> str:
    """Return the path of the attributes of a repository, a tag or a manifest."""
    base = f"/acr/v1/{quote(repository)}"
    if tag:
        return f"{base}/_tags/{quote(tag)}"
    return f"{base}/_manifests/{quote(digest, safe=':')}" if digest else base


def deleted_path(repository: str, digest: str = "") -> str:
    """Return the path of what was deleted from a repository, or of one deleted manifest."""
    base = f"/acr/v1/_deleted/{quote(repository)}"
    return f"{base}/_manifests/{quote(digest, safe=':')}" if digest else base


def parse_image(image: str, *, allow_digest: bool = True) -> tuple[str, str, str]:
    """Return (repository, tag, digest) of `name`, `name:tag` or `name@digest`; tag `latest` if neither.

    Raises CommandError for anything else.
    """
    if "@" in image:
        repository, _, digest = image.partition("@")
        if allow_digest and repository and ":" in digest and "@" not in digest:
            return repository, "", digest
        raise CommandError(
            f"'{image}' does not name an image: use name:tag{' or name@digest' * allow_digest}."
        )
    repository, colon, tag = image.partition(":")
    if not repository or ":" in tag or (colon and not tag):
        raise CommandError(
            f"'{image}' does not name an image: use name:tag{' or name@digest' * allow_digest}."
        )
    return repository, tag or "latest", ""
