"""The management API in one process, called as its owner; operations run when a test says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

import controlplane.resources
from controlplane.app import management_plane
from controlplane.arm.plans import plans_of
from controlplane.arm.types import Types
from controlplane.operations.engine import Engine
from controlplane.persistence import operations
from controlplane.persistence.database import Database
from controlplane.services.assembly import assemble, open_database
from controlplane.services.bootstrap import BootstrapResult, bootstrap
from controlplane.services.graph import Services
from controlplane.services.vault import ensure_key_file
from controlplane.settings.model import Settings
from tests.api.deployment import Template, make_template, restore, sign_in

STABLE, PREVIEW = "2025-11-01", "2026-09-01-preview"
_TYPE = "Microsoft.ContainerRegistry/registries"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API."""

    status: int
    text: str
    headers: Mapping[str, str]
    json: Any

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        return str(self.json["error"]["message"])


class Arm:
    """Calls the API and runs its operations."""

    def __init__(
        self, client: Client, services: Services, engine: Engine, owner: BootstrapResult, token: str
    ) -> None:
        self.database = services.database
        self.tenant = owner.tenant_id
        self.subscription = f"/subscriptions/{owner.subscription_id}"
        self._client = client
        self._engine = engine
        self._token = token

    def request(self, method: str, path: str, body: Any = None, version: str = PREVIEW) -> Reply:
        sent = {} if body is None else {"json": body}
        response: TestResponse = self._client.open(
            path,
            method=method,
            query_string={"api-version": version},
            headers={"Authorization": f"Bearer {self._token}", "Host": "localhost:8443"},
            **sent,
        )
        shown = response.get_json(silent=True)
        return Reply(response.status_code, response.get_data(as_text=True), dict(response.headers), shown)

    def call(
        self,
        method: str,
        name: str,
        action: str = "",
        body: Any = None,
        *,
        group: str = "default",
        version: str = PREVIEW,
    ) -> Reply:
        path = f"{self.subscription}/resourceGroups/{group}/providers/{_TYPE}/{name}"
        return self.request(method, f"{path}/{action}".rstrip("/"), body, version)

    def put(self, name: str, body: Any, *, group: str = "default", version: str = PREVIEW) -> Reply:
        return self.call("PUT", name, body=body, group=group, version=version)

    def patch(self, name: str, body: Any, *, version: str = PREVIEW) -> Reply:
        return self.call("PATCH", name, body=body, version=version)

    def get(self, name: str, *, version: str = PREVIEW) -> Reply:
        return self.call("GET", name, version=version)

    def delete(self, name: str) -> Reply:
        return self.call("DELETE", name)

    def post(self, name: str, action: str, body: Any = None) -> Reply:
        return self.call("POST", name, action, body)

    def list_group(self, group: str = "default") -> Reply:
        return self.request("GET", f"{self.subscription}/resourceGroups/{group}/providers/{_TYPE}")

    def list_all(self) -> Reply:
        return self.request("GET", f"{self.subscription}/providers/{_TYPE}")

    def check(self, body: Any, version: str = PREVIEW) -> Reply:
        path = f"{self.subscription}/providers/Microsoft.ContainerRegistry/checkNameAvailability"
        return self.request("POST", path, body, version)

    def check_name(self, name: str, version: str = PREVIEW) -> Reply:
        return self.check({"name": name, "type": _TYPE}, version)

    def ensure_group(self, group: str) -> None:
        body = {"location": "eastus"}
        reply = self.request("PUT", f"{self.subscription}/resourceGroups/{group}", body, "2024-11-01")
        assert reply.status in {200, 201}, reply.text

    def delete_group(self, group: str) -> Reply:
        return self.request("DELETE", f"{self.subscription}/resourceGroups/{group}", version="2024-11-01")

    def create_status(
        self, name: str, *, group: str = "default", sku: str = "Basic", **properties: Any
    ) -> int:
        self.ensure_group(group)
        body = {"location": "eastus", "sku": {"name": sku}, "properties": properties}
        return self.put(name, body, group=group).status

    def create(self, name: str, *, group: str = "default", sku: str = "Basic", **properties: Any) -> None:
        assert self.create_status(name, group=group, sku=sku, **properties) == 201
        self.settle()

    def done(self, reply: Reply) -> None:
        """Expect a write to be accepted and to succeed."""
        assert reply.status in {200, 201}, reply.text
        self.settle()
        final = self.request("GET", reply.json["id"])
        assert final.json["properties"]["provisioningState"] == "Succeeded"

    def settle(self) -> None:
        """Run every operation that is under way."""
        with self.database.read() as tx:
            rows = operations.page(tx, subscription=None, resource_key=None, after=None, limit=1000)
        for row in rows:
            if not row.status.terminal:
                self._engine.run(row.id)

    def cancel(self, reply: Reply) -> None:
        """Ask to cancel the operation an answer names."""
        status = reply.headers["Azure-AsyncOperation"].partition("?")[0].rpartition("/")[2]
        path = f"{self.subscription}/providers/Microsoft.ContainerRegistry/operationStatuses/{status}/cancel"
        assert self.request("POST", path).status == 202


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """A bootstrapped deployment over SQLite, to be copied."""
    return make_template(tmp_path_factory.mktemp("template") / "state")


def settings_in(folder: Path) -> Settings:
    return Settings(
        state_dir=folder / "state",
        login_server_mode="domain",
        login_domain="azurecr.test",
        log_level="error",
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@contextmanager
def copied(template: Template, settings: Settings) -> Iterator[Services]:
    """The object graph over a copy of the template."""
    shutil.copytree(template.folder, settings.state_dir)
    services = assemble(settings, open_database(settings))
    yield services
    services.database.dispose()


@pytest.fixture
def services(template: Template, settings: Settings) -> Iterator[Services]:
    """The object graph over a deployment of the test's own."""
    with copied(template, settings) as services:
        yield services


@pytest.fixture(scope="session")
def served(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Arm, Path]]:
    """The API and its state folder; in its database is what the last test left."""
    settings = settings_in(tmp_path_factory.mktemp("served"))
    with copied(template, settings) as services:
        yield serve(services, template.owner, template.token), settings.state_dir


@pytest.fixture
def arm(served: tuple[Arm, Path], template: Template) -> Arm:
    """The API as its owner finds it after the first start, with a second group."""
    arm, folder = served
    restore(template, folder)
    arm.ensure_group("other")
    return arm


def started(settings: Settings, database: Database) -> Arm:
    """Start a deployment for the first time on a database, and serve it."""
    ensure_key_file(settings)
    services = assemble(settings, database)
    owner = bootstrap(database, settings, services.clock, services.ids, services.vault)
    return serve(services, owner, sign_in(services, owner.app_id, owner.secret or "", owner.tenant_id))


def serve(services: Services, owner: BootstrapResult, token: str) -> Arm:
    """Serve the management API to its owner."""
    plans = plans_of(Types.discover(controlplane.resources), services.database, services, services.clock)
    engine = Engine(services.database, plans, services.clock, services.settings)
    arm = Arm(management_plane(services).test_client(), services, engine, owner, token)
    arm.ensure_group("other")
    return arm
