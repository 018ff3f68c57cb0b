"""One type under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from controlplane.arm.declaration import Kind, ResourceType
from tests.api.deployment import Deployment, Reply
from tests.api.matrix.example import Example


@dataclass(frozen=True)
class Subject:
    """One type under test, with its collection in place."""

    api: Deployment
    declared: ResourceType
    example: Example
    parent: str

    @property
    def collection(self) -> str:
        last = self.declared.type.rpartition("/")[2]
        nested = self.declared.type.count("/") > 1 and self.declared.kind is not Kind.EXTENSION
        if self.declared.kind is Kind.SCOPE or nested:
            return f"{self.parent}/{last}"
        return f"{self.parent}/providers/{self.declared.type}"

    def path(self, number: int = 0) -> str:
        return f"{self.collection}/{self.example.name(number)}"

    def body(self, number: int = 0) -> dict[str, Any]:
        return self.example.body(self.api, number)

    def call(self, method: str, path: str | None = None, body: Any = None, **kwargs: Any) -> Reply:
        kwargs.setdefault("version", self.declared.api_versions[-1])
        return self.api.call(method, path or self.path(), body, **kwargs)

    def make(self, number: int = 0) -> Reply:
        """Create the n-th resource and wait until it is there."""
        answer = self.call("PUT", self.path(number), self.body(number))
        assert answer.status_code == 201, answer.text
        self.api.work()
        shown = self.call("GET", self.path(number))
        assert shown.status_code == 200, shown.text
        if self.declared.shows_state:
            assert shown.json["properties"]["provisioningState"] == "Succeeded"
        return shown

    @property
    def slow_put(self) -> bool:
        return bool(self.declared.lifecycle.provision)

    @property
    def slow_delete(self) -> bool:
        return self.api.types.deletes_slowly(self.declared)
