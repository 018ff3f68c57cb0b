"""A deployment in the test's process: the real application over SQLite, and a worker that runs on demand."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controlplane import resources
from controlplane.app import identity_plane, management_plane
from controlplane.arm.declaration import ResourceType
from controlplane.arm.plans import plans_of
from controlplane.arm.types import Types
from controlplane.kernel.clock import SystemClock
from controlplane.kernel.ids import RandomIds
from controlplane.operations import doorbell
from controlplane.operations.engine import Engine
from controlplane.persistence import outbox, schema
from controlplane.persistence.database import Database
from controlplane.services.assembly import assemble, open_database
from controlplane.services.bootstrap import BootstrapResult, bootstrap
from controlplane.services.graph import Services
from controlplane.services.vault import ensure_key_file
from controlplane.settings.model import Settings
from tests.api import toys

GROUPS = "2024-11-01"
SUBSCRIPTIONS = "2022-12-01"
ROLES = "2022-04-01"
REGISTRIES = "2025-11-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"


def settings_in(folder: Path, database_url: str | None = None) -> Settings:
    return Settings(
        state_dir=folder, login_server_mode="domain", log_level="warning", database_url=database_url
    )


@dataclass(frozen=True)
class Template:
    """A folder with a bootstrapped database and its keys, to be copied for each test."""

    folder: Path
    owner: BootstrapResult
    token: str


def make_template(folder: Path, database_url: str | None = None) -> Template:
    """Bootstrap a deployment in a folder, over a database of its own or one that is given."""
    settings = settings_in(folder, database_url)
    ensure_key_file(settings)
    database = open_database(settings)
    schema.upgrade(database)
    services = assemble(settings, database)
    owner = bootstrap(database, settings, services.clock, services.ids, services.vault)
    token = sign_in(services, owner.app_id, owner.secret or "", owner.tenant_id)
    database.dispose()
    return Template(folder, owner, token)


def sign_in(services: Services, app_id: str, secret: str, tenant: str) -> str:
    """Get a management token from the token service."""
    form = {
        "grant_type": "client_credentials",
        "client_id": app_id,
        "client_secret": secret,
        "scope": "https://management.azure.com/.default",
    }
    answer = reply_of(identity_plane(services).test_client().post(f"/{tenant}/oauth2/v2.0/token", data=form))
    assert answer.status_code == 200, answer.text
    return str(answer.json["access_token"])


class Reply(Protocol):
    """An answer, as far as tests look at it."""

    status_code: int
    mimetype: str
    headers: Any
    data: bytes
    text: str
    json: Any


def reply_of(answer: TestResponse) -> Reply:
    """Return an answer in the form that tests read: its JSON is whatever they expect."""
    return cast("Reply", answer)


@dataclass
class Deployment:
    """The management API as a client sees it, and what stands behind it."""

    services: Services
    types: Types
    owner: BootstrapResult
    token: str
    client: FlaskClient
    engine: Engine
    personas: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def subscription(self) -> str:
        return f"/subscriptions/{self.owner.subscription_id}"

    @property
    def group(self) -> str:
        return f"{self.subscription}/resourceGroups/{self.owner.group}"

    @property
    def database(self) -> Database:
        return self.services.database

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: str | None = toys.NEW,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Reply:
        """Send a request as the owner, or as whoever a token is of; the api-version goes into the query."""
        query = ({} if version is None else {"api-version": version}) | kwargs.pop("query", {})
        sent = {"Authorization": f"Bearer {token or self.token}", **(headers or {})}
        if body is not None:
            kwargs["json"] = body
        answer = self.client.open(path, method=method, query_string=query or None, headers=sent, **kwargs)
        return reply_of(answer)

    def get(self, path: str, **kwargs: Any) -> Reply:
        return self.call("GET", path, **kwargs)

    def put(self, path: str, body: Any, **kwargs: Any) -> Reply:
        return self.call("PUT", path, body, **kwargs)

    def patch(self, path: str, body: Any, **kwargs: Any) -> Reply:
        return self.call("PATCH", path, body, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Reply:
        return self.call("DELETE", path, **kwargs)

    def follow(self, url: str, **kwargs: Any) -> Reply:
        """Get an absolute URL that an answer named; it has its own query."""
        return self.call("GET", url, version=None, **kwargs)

    def work(self) -> int:
        """Run what the outbox rings for, once; return how many operations that was."""
        with self.database.write() as tx:
            rung = outbox.take(tx, 100)
            outbox.delete(tx, [row.id for row in rung])
        operations = [row for row in rung if row.topic == doorbell.TOPIC]
        for row in operations:
            self.engine.run(str(row.payload["id"]))
        return len(operations)

    def with_own_client(self) -> Deployment:
        """Return the same deployment with a client for another thread."""
        return replace(self, client=self.client.application.test_client())

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document as it is served."""
        answer = reply_of(self.client.get("/openapi.json"))
        assert answer.status_code == 200
        document: dict[str, Any] = answer.json
        return document

    def persona(self, role: str | None, scope: str) -> str:
        """Return the token of a new service principal that has one role at a scope, or none."""
        directory = self.services.directory
        application = directory.create_application(f"persona-{len(self.personas)}")
        principal = directory.create_principal(application.app_id)
        secret = directory.add_secret(application.id).text
        if role is not None:
            self.assign(principal.id, role, scope)
        token = sign_in(self.services, application.app_id, secret, self.owner.tenant_id)
        self.personas[token] = principal.id
        return token

    def assign(self, principal_id: str, role: str, scope: str) -> str:
        """Assign a role; return the assignment's id."""
        name = self.services.ids.uuid()
        path = f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{name}"
        definitions = f"{self.subscription}/providers/Microsoft.Authorization/roleDefinitions"
        properties = {
            "roleDefinitionId": f"{definitions}/{role}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
        answer = self.put(path, {"properties": properties}, version=ROLES)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])


def renew(deployment: Deployment, template: Template) -> None:
    """Put a deployment's database back to what the template's is."""
    restore(template, deployment.services.settings.state_dir)
    deployment.personas.clear()
    deployment.notes.clear()


def restore(template: Template, folder: Path) -> None:
    """Put the database in a state folder, which may be in use, back to what the template's is."""
    with (
        contextlib.closing(sqlite3.connect(template.folder / "acrctl.db")) as source,
        contextlib.closing(sqlite3.connect(folder / "acrctl.db")) as target,
    ):
        target.execute("PRAGMA synchronous=OFF")  # what a crash would lose is not missed
        source.backup(target)


def open_deployment(
    template: Template, folder: Path, further: Sequence[ResourceType] = toys.ALL
) -> Deployment:
    """Copy a template and serve it."""
    shutil.copytree(template.folder, folder, dirs_exist_ok=True)
    return serve(template, settings_in(folder), further)


def serve(template: Template, settings: Settings, further: Sequence[ResourceType] = toys.ALL) -> Deployment:
    """Serve what a template made, with the product's types and further ones."""
    services = assemble(settings, open_database(settings), SystemClock(), RandomIds())
    product = Types.discover(resources)
    types = Types.of([*product, *further], product.endpoints)
    app = management_plane(services, types)
    app.testing = False
    plans = plans_of(types, services.database, services, services.clock)
    engine = Engine(services.database, plans, services.clock, settings)
    return Deployment(services, types, template.owner, template.token, app.test_client(), engine)
