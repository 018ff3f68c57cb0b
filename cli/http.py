"""One HTTP transport for every plane: trust, time limits, patience, tracing.

Transport trouble becomes a CommandError with a hint; an HTTP status is the caller's business. Answers
429 and 503 say that nothing was done, so any request is repeated after them; a broken connection is
repeated only where repeating is harmless.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cli.errors import CommandError

if TYPE_CHECKING:
    import requests

TRIES = 4
CONNECT_SECONDS = 10
READ_SECONDS = 120
LONGEST_PAUSE = 30.0
_BUSY = frozenset({429, 503})
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")


def pause_after(attempt: int, retry_after: str | None) -> float:
    """Return how many seconds to pause before the next try; the server's Retry-After counts first."""
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), LONGEST_PAUSE)
    return 0.2 * float(2**attempt)


def request_id() -> str:
    """Return a random GUID; importing `uuid` for it costs more than a request on loopback."""
    digits = os.urandom(16).hex()
    return "-".join((digits[:8], digits[8:12], f"4{digits[13:16]}", f"8{digits[17:20]}", digits[20:]))


class Http:
    """Sends requests over one connection pool.

    ``ca_file`` is the certificate authority to trust instead of the system's. ``trace`` receives one text
    per message for `--debug`. ``sleep`` is the clock's, replaceable in tests.
    """

    def __init__(
        self,
        ca_file: str = "",
        trace: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import requests  # noqa: PLC0415 - 100 ms that commands without HTTP must not pay

        self._requests = requests
        self._session = requests.Session()
        # Reading netrc and the environment for every request is slow, and REQUESTS_CA_BUNDLE in the
        # environment would silently win over the profile's authority.
        self._session.trust_env = False
        self._verify: str | bool = ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._trace = trace
        self._sleep = sleep

    def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request and return the answer, whatever its status; CommandError without an answer."""
        request = self._requests.Request(
            method,
            url,
            headers={"x-ms-client-request-id": request_id(), **(headers or {})},
            json=json,
            data=form,
            params=params,
        )
        prepared = self._session.prepare_request(request)
        for attempt in range(TRIES):
            answer = self._once(prepared, last=attempt == TRIES - 1)
            if answer is not None and (answer.status_code not in _BUSY or attempt == TRIES - 1):
                return answer
            retry_after = answer.headers.get("Retry-After") if answer is not None else None
            self._sleep(pause_after(attempt, retry_after))
        raise AssertionError("the last try returns or raises")

    def _once(self, prepared: requests.PreparedRequest, *, last: bool) -> requests.Response | None:
        """Try once; None when the connection broke and the request may be repeated."""
        self._show_request(prepared)
        try:
            answer = self._session.send(
                prepared,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                verify=self._verify,
                allow_redirects=False,
                proxies=self._proxies(str(prepared.url)),
            )
        except self._requests.exceptions.ConnectionError as problem:
            repeatable = prepared.method in _REPEATABLE or "Connection refused" in str(problem)
            if last or not repeatable or isinstance(problem, self._requests.exceptions.SSLError):
                raise _explained(str(prepared.url), problem) from problem
            return None
        except (self._requests.exceptions.RequestException, OSError) as problem:
            raise _explained(str(prepared.url), problem) from problem
        self._show_answer(answer)
        return answer

    def _proxies(self, url: str) -> dict[str, str]:
        if not any(os.environ.get(name) for name in _PROXIES):
            return {}
        return self._requests.utils.get_environ_proxies(url)

    def _show_request(self, prepared: requests.PreparedRequest) -> None:
        if self._trace is None:
            return
        from cli import masking  # noqa: PLC0415 - only for --debug

        self._trace(f"> {prepared.method} {prepared.url}")
        for name, value in masking.headers(dict(prepared.headers)).items():
            self._trace(f">   {name}: {value}")
        if prepared.body:
            self._trace(f">   {masking.body(prepared.body)}")

    def _show_answer(self, answer: requests.Response) -> None:
        if self._trace is None:
            return
        from cli import masking  # noqa: PLC0415 - only for --debug

        took = answer.elapsed.total_seconds() * 1000
        self._trace(f"< {answer.status_code} {answer.reason} ({took:.0f} ms)")
        for name, value in masking.headers(dict(answer.headers)).items():
            self._trace(f"<   {name}: {value}")
        if answer.content:
            self._trace(f"<   {masking.body(answer.content)}")


def _explained(url: str, problem: Exception) -> CommandError:
    """Turn trouble of the transport into a message a person can act on."""
    host, text = urlsplit(url).netloc, str(problem)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return CommandError(
            f"The certificate of {host} is not trusted.",
            hint="Name the service's authority: 'caFile' in the profile, or ACRCTL_CA_FILE.",
        )
    if "CA certificate" in text or "TLS CA" in text:
        return CommandError(f"The certificate authority file cannot be read: {text}")
    if "Connection refused" in text:
        return CommandError(f"Nothing answers at {host}.", hint="Is the service running there?")
    if any(word in text for word in ("Name or service not known", "NameResolution", "nodename nor")):
        return CommandError(f"The host name in {host} is not known.", hint="Check the endpoint and DNS.")
    if "timed out" in text.lower():
        return CommandError(f"{host} did not answer in time.", hint="Try again, or check the service's logs.")
    return CommandError(f"The request to {host} failed: {text}")
