"""A distribution plane for tests: a real object graph over a database and a folder, and a client of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from werkzeug.test import Client, TestResponse

from controlplane.distribution.application import DistributionPlane, wsgi
from controlplane.domain.roles import built_in_roles
from controlplane.domain.scopes import registry_id
from controlplane.domain.tiers import Tier
from controlplane.domain.webhooks import Happened
from controlplane.kernel.clock import Clock
from controlplane.persistence import events, registries, role_assignments
from controlplane.persistence.database import Database
from controlplane.persistence.registries import EndpointRow, RegistryRow, RegistrySettings
from controlplane.persistence.role_assignments import AssignmentRow
from controlplane.services.access import LEGACY
from controlplane.services.assembly import assemble
from controlplane.services.bootstrap import bootstrap
from controlplane.services.graph import Services
from controlplane.services.registry_credentials import AdminUser
from controlplane.services.vault import KEY_FILE
from controlplane.settings.model import Settings

HOST = "demo.example.test:5001"
SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
# One for all planes, so that a database which was made beforehand fits each of them.
_MASTER_KEY = f"k1:{base64.b64encode(bytes(32)).decode()}\n"
DEFAULTS = RegistrySettings(
    tier=Tier.PREMIUM,
    admin_enabled=True,
    anonymous_pull=False,
    role_assignment_mode=LEGACY,
    arm_tokens_accepted=True,
    public_access=True,
    default_action="Allow",
    ip_rules=(),
)


def services_over(database: Database, settings: Settings, clock: Clock | None = None) -> Services:
    """Build the object graph, as one process does."""
    key = settings.state_dir / KEY_FILE
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_text(_MASTER_KEY)
    return assemble(settings, database, clock)


def start_first(services: Services) -> None:
    """Make what a deployment cannot be without, unless it is there."""
    arguments = (services.settings, services.clock, services.ids, services.vault)
    bootstrap(services.database, *arguments)


@dataclass
class Plane:
    """The plane of one process, and everything a test wants to arrange behind it."""

    services: Services
    application: DistributionPlane = field(init=False)
    others: list[Plane] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.application = wsgi(self.services)
        start_first(self.services)

    def add_registry(self, name: str = "demo", host: str = HOST, **changes: Any) -> RegistryRow:
        """Store a registry that is ready, with a login server and an admin user."""
        settings = RegistrySettings(**{**_members(DEFAULTS), **changes})
        key = registry_id(SUBSCRIPTION, "group", name).lower()
        with self.services.database.write() as tx:
            row = registries.insert(tx, key, name, settings)
            assert row is not None
            assert registries.add_endpoint(tx, EndpointRow(host, row.id, "login", "eastus"))
            AdminUser(self.services.vault, self.services.ids, self.services.clock).create(tx, row.id)
            registries.set_ready(tx, row.id, True)
        return row

    def change(self, row: RegistryRow, *, revokes: bool = True, **changes: Any) -> None:
        """Put other settings of a registry in force."""
        settings = RegistrySettings(**{**_members(row.settings), **changes})
        with self.services.database.write() as tx:
            registries.update(tx, row.id, settings, revokes=revokes)

    def admin_password(self, row: RegistryRow, name: str = "password") -> str:
        """Return one of the admin user's passwords."""
        user = AdminUser(self.services.vault, self.services.ids, self.services.clock)
        with self.services.database.read() as tx:
            return next(shown.value for shown in user.show(tx, row.id) if shown.name == name)

    def add_principal(self, row: RegistryRow, *roles: str) -> Principal:
        """Make a service principal with a secret that holds roles on a registry."""
        directory = self.services.directory
        application = directory.create_application("robot")
        service_principal = directory.create_principal(application.app_id)
        secret = directory.add_secret(application.id)
        principal = Principal(service_principal.id, application.id, application.app_id, secret.text)
        for role in roles:
            self.assign(row, principal, role)
        return principal

    def assign(self, row: RegistryRow, principal: Principal, role: str) -> str:
        """Give a principal a role on a registry; return the assignment's key."""
        role_id = next(r.id for r in built_in_roles().values() if r.name == role)
        key = f"{row.key}/providers/microsoft.authorization/roleassignments/{self.services.ids.uuid()}"
        with self.services.database.write() as tx:
            role_assignments.add(
                tx, AssignmentRow(key, row.key, principal.object_id, "ServicePrincipal", role_id, None)
            )
        return key

    def events(self, row: RegistryRow) -> list[Happened]:
        """Return what happened to a registry's content, in order."""
        with self.services.database.read() as tx:
            return [event for _, _, event in reversed(events.page(tx, row.id, None, 1000))]

    def another_process(self) -> Plane:
        """Return the plane of another process over the same database and folder."""
        services = self.services
        self.others.append(Plane(services_over(services.database, services.settings, services.clock)))
        return self.others[-1]

    def close(self) -> None:
        """Close connections, also those of other processes."""
        for plane in (self, *self.others):
            plane.application.close()

    def client(self, row: RegistryRow | None = None, host: str = HOST, **kwargs: Any) -> RegistryClient:
        """Return a client; of the admin user when a registry is given."""
        client = RegistryClient(self.application, host, **kwargs)
        return client if row is None else client.with_basic(row.name, self.admin_password(row))


@dataclass(frozen=True)
class Principal:
    """A service principal of a test."""

    object_id: str
    application_id: str
    app_id: str
    secret: str


@dataclass(frozen=True)
class RegistryClient:
    """A client of a registry that sends one Authorization header, or none."""

    application: WSGIApplication
    host: str = HOST
    authorization: str | None = None
    address: str = "127.0.0.1"

    def with_basic(self, username: str, password: str) -> RegistryClient:
        """Return a client that sends a user name and a password."""
        encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
        return RegistryClient(self.application, self.host, f"Basic {encoded}", self.address)

    def with_token(self, token: str) -> RegistryClient:
        """Return a client that sends a token."""
        return RegistryClient(self.application, self.host, f"Bearer {token}", self.address)

    def open(self, method: str, path: str, **kwargs: Any) -> TestResponse:
        """Send a request."""
        headers = dict(kwargs.pop("headers", {}))
        if self.authorization is not None:
            headers.setdefault("Authorization", self.authorization)
        environ = {"REMOTE_ADDR": self.address, "HTTP_HOST": self.host, **kwargs.pop("environ", {})}
        client = Client(self.application)
        return client.open(path, method=method, headers=headers, environ_overrides=environ, **kwargs)

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        """Send a GET."""
        return self.open("GET", path, **kwargs)

    def token(self, *scopes: str, **query: str) -> str:
        """Get an access token as docker does."""
        response = self.token_response(*scopes, **query)
        assert response.status_code == 200, response.text
        return str(json_of(response)["access_token"])

    def token_response(self, *scopes: str, **query: str) -> TestResponse:
        """Ask for an access token as docker does."""
        wanted = {"service": self.host, "scope": list(scopes), **query}
        return self.get("/oauth2/token", query_string=wanted)

    def scoped(self, *scopes: str) -> RegistryClient:
        """Return a client with an access token for scopes."""
        return self.with_token(self.token(*scopes))

    def push_blob(self, repository: str, content: bytes) -> str:
        """Push a blob in one request; return its digest."""
        digest = digest_of(content)
        response = self.open(
            "POST", f"/v2/{repository}/blobs/uploads/", query_string={"digest": digest}, data=content
        )
        assert response.status_code == 201, response.text
        return digest

    def begin(self, repository: str) -> str:
        """Begin an upload; return its address."""
        response = self.open("POST", f"/v2/{repository}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def put_manifest(
        self, repository: str, reference: str, manifest: Any, media_type: str | None = MANIFEST, **kwargs: Any
    ) -> TestResponse:
        """Push a manifest, given as bytes or as a document."""
        payload = manifest if isinstance(manifest, bytes) else as_json(manifest)
        headers = {} if media_type is None else {"Content-Type": media_type}
        path = f"/v2/{repository}/manifests/{reference}"
        return self.open("PUT", path, data=payload, headers=headers, **kwargs)

    def push_image(
        self, repository: str, tag: str, layers: Iterable[bytes] = (b"layer",), **more: Any
    ) -> str:
        """Push an image with its blobs; return the manifest's digest."""
        config = as_json({"architecture": "amd64", "os": "linux"})
        contents = list(layers)
        for content in (config, *contents):
            self.push_blob(repository, content)
        document = image(config, contents) | more
        response = self.put_manifest(repository, tag, document)
        assert response.status_code == 201, response.text
        return response.headers["Docker-Content-Digest"]


def as_json(document: Any) -> bytes:
    """Return a document as bytes."""
    return json.dumps(document).encode()


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of bytes."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    """Return the descriptor of content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def image(config: bytes, layers: Iterable[bytes]) -> dict[str, Any]:
    """Return an OCI image manifest."""
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(config, CONFIG),
        "layers": [descriptor(layer, LAYER) for layer in layers],
    }


def json_of(response: TestResponse) -> Any:
    """Return the JSON document of an answer, which must have one."""
    assert response.json is not None, (response.status_code, response.text)
    return response.json


def codes(response: TestResponse) -> list[str]:
    """Return the error codes of an answer."""
    return [error["code"] for error in json_of(response)["errors"]]


def _members(settings: RegistrySettings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in RegistrySettings.__dataclass_fields__}


def plane_at(folder: Path, database: Database, **settings: Any) -> Plane:
    """Build a plane with its state in a folder."""
    settings = {"login_server_mode": "domain", "login_domain": "example.test", **settings}
    return Plane(services_over(database, Settings(state_dir=folder / "state", **settings)))
