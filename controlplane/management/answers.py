"""Answers of the mechanism as HTTP: status, ETag, the next page, and where to follow an operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask import Request, Response, jsonify

from controlplane.arm.requests import Answer, Monitor
from controlplane.management.hosts import Hosts
from controlplane.management.operation_paths import RESULTS, STATUSES, operation_path
from controlplane.persistence.operations import OperationRow


@dataclass(frozen=True, slots=True)
class Answers:
    """Renders answers with absolute URLs on the address the client used.

    ``retry_after`` is what clients are told to wait between looks at an operation, in seconds.
    """

    hosts: Hosts
    retry_after: int
    region: str

    def render(self, answer: Answer, request: Request) -> Response:
        """Return the HTTP answer."""
        body = self._with_next(answer, request)
        response: Response = Response() if body is None else jsonify(body)
        response.status_code = answer.status
        if body is None:
            response.headers.pop("Content-Type", None)
        if answer.etag is not None:
            response.headers["ETag"] = answer.etag
        if answer.operation is not None:
            self.follow(response, request, answer.operation, answer.monitor or Monitor.BOTH)
        return response

    def follow(self, response: Response, request: Request, operation: OperationRow, monitor: Monitor) -> None:
        """Name the addresses of an operation under way."""
        response.headers["Azure-AsyncOperation"] = self.url(request, operation, STATUSES)
        if monitor is Monitor.BOTH:
            response.headers["Location"] = self.url(request, operation, RESULTS)
        response.headers["Retry-After"] = str(self.retry_after)

    def url(self, request: Request, operation: OperationRow, collection: str) -> str:
        """Return the absolute URL of an operation's status or result."""
        version = request.args.get("api-version", "")
        path = operation_path(operation, collection, self.region)
        return f"{self.hosts.base(request)}{path}?{urlencode({'api-version': version})}"

    def _with_next(self, answer: Answer, request: Request) -> Any:
        if answer.next is None:
            return answer.body
        query = {name: value for name, value in request.args.items() if name.lower() != "$skiptoken"}
        query["$skiptoken"] = answer.next
        link = f"{self.hosts.base(request)}{quote(request.path)}?{urlencode(query, safe='$')}"
        return {**answer.body, "nextLink": link}
