"""A bootstrapped deployment with its identity endpoints, on SQLite, at a time the tests own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from controlplane.domain.principals import Principal
from controlplane.identity.blueprints import identity_blueprints
from controlplane.kernel.ids import RandomIds
from controlplane.persistence.database import Database
from controlplane.services.access import Access
from controlplane.services.audiences import Audiences
from controlplane.services.authentication import Authentication, SignIn
from controlplane.services.bootstrap import BootstrapResult, bootstrap
from controlplane.services.directory import Directory
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA, REGISTRY, Issuer
from controlplane.services.vault import ensure_key_file
from controlplane.settings.model import Settings
from tests.support.clocks import ManualClock
from tests.support.databases import close_as_one_file

LIFETIMES = {ENTRA: 3600, REGISTRY: 10800}
MANAGEMENT_SCOPE = "https://management.azure.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def prepared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a migrated database, its master key, and signing keys, which take long to make."""
    folder = tmp_path_factory.mktemp("prepared")
    shutil.copy(sqlite_template, folder / "acrctl.db")
    settings = Settings(state_dir=folder)
    database = Database(settings.database)
    issuer = Issuer(database, ensure_key_file(settings), ManualClock(), RandomIds(), LIFETIMES)
    for purpose in (ENTRA, REGISTRY):
        issuer.jwks(purpose)
    close_as_one_file(database)
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state_dir=tmp_path / "state")


@pytest.fixture
def identity_database(prepared: Path, settings: Settings) -> Iterator[Database]:
    shutil.copytree(prepared, settings.state_dir)
    database = Database(settings.database)
    yield database
    database.dispose()


@pytest.fixture
def build(identity_database: Database, settings: Settings, clock: ManualClock) -> Callable[[], Services]:
    """Build the identity part of the object graph; each call stands for a process of its own."""

    def make() -> Services:
        vault, ids = ensure_key_file(settings), RandomIds()
        issuer = Issuer(identity_database, vault, clock, ids, LIFETIMES)
        nothing = cast("Any", None)  # what stores content has no part in identity
        unused = {one.name: nothing for one in fields(Services)}
        built: dict[str, Any] = {
            "settings": settings,
            "clock": clock,
            "ids": ids,
            "database": identity_database,
            "vault": vault,
            "issuer": issuer,
            "access": Access(identity_database),
            "authentication": Authentication(identity_database, vault, issuer, clock, Audiences(settings)),
            "directory": Directory(identity_database, vault, clock, ids),
        }
        return Services(**(unused | built))

    return make


@pytest.fixture
def services(build: Callable[[], Services]) -> Services:
    return build()


@pytest.fixture
def owner(services: Services) -> BootstrapResult:
    """The owner, at first start."""
    return bootstrap(services.database, services.settings, services.clock, services.ids, services.vault)


@pytest.fixture
def flask_client(services: Services, owner: BootstrapResult) -> FlaskClient:
    assert owner.secret is not None
    app = Flask("identity")
    for blueprint in identity_blueprints(services):
        app.register_blueprint(blueprint)
    return app.test_client()


@dataclass(frozen=True)
class Caller:
    """A client that has signed in; ``secret`` is what it did so with."""

    client: FlaskClient
    app_id: str
    secret: str
    tenant: str

    def token_response(self, **changes: Any) -> TestResponse:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.app_id,
            "client_secret": self.secret,
            "scope": MANAGEMENT_SCOPE,
        }
        path = changes.pop("path", f"/{self.tenant}/oauth2/v2.0/token")
        form = {name: value for name, value in (form | changes).items() if value is not None}
        return self.client.post(path, data=form)

    def token(self, **changes: Any) -> str:
        response = self.token_response(**changes)
        assert response.status_code == 200, response.text
        return str(response.get_json()["access_token"])

    def graph(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.token(scope=GRAPH_SCOPE)}"}
        return self.client.open(f"/v1.0{path}", method=method, headers=headers, **kwargs)


@pytest.fixture
def owner_caller(flask_client: FlaskClient, owner: BootstrapResult) -> Caller:
    assert owner.secret is not None
    return Caller(flask_client, owner.app_id, owner.secret, owner.tenant_id)


@pytest.fixture
def principal_maker(services: Services, owner: BootstrapResult) -> Callable[[str], tuple[Principal, str]]:
    """Make a service principal with a secret and no roles."""
    assert owner.secret is not None

    def make(name: str) -> tuple[Principal, str]:
        application = services.directory.create_application(name)
        services.directory.create_principal(application.app_id)
        secret = services.directory.add_secret(application.id).text
        signed_in = services.authentication.sign_in(application.app_id, secret)
        assert isinstance(signed_in, SignIn)
        return signed_in.principal, secret

    return make


@pytest.fixture
def stranger(
    flask_client: FlaskClient,
    owner: BootstrapResult,
    principal_maker: Callable[[str], tuple[Principal, str]],
) -> Caller:
    """A service principal without any role."""
    principal, secret = principal_maker("stranger")
    assert principal.app_id is not None
    return Caller(flask_client, principal.app_id, secret, owner.tenant_id)
