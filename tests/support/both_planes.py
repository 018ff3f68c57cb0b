"""The management API and the data plane over one database: what is arranged here counts there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from controlplane import resources
from controlplane.app import management_plane
from controlplane.arm.plans import plans_of
from controlplane.arm.types import Types
from controlplane.distribution.application import DistributionPlane, wsgi
from controlplane.domain.scopes import REGISTRY_TYPE
from controlplane.kernel.ids import RandomIds
from controlplane.operations.engine import Engine
from controlplane.services.assembly import assemble, open_database
from tests.api.deployment import REGISTRIES, Deployment, Reply, Template, make_template, renew, settings_in
from tests.support.clocks import ManualClock
from tests.support.distribution import RegistryClient


@dataclass
class House:
    """A deployment with two registries, ``demo1`` (with an admin user) and ``other``, and a clock to move."""

    api: Deployment
    plane: DistributionPlane
    clock: ManualClock

    def another_process(self) -> DistributionPlane:
        """Return the data plane of another process; to be closed."""
        services = self.api.services
        return wsgi(assemble(services.settings, services.database, self.clock, RandomIds()))

    def renew(self, template: Template) -> None:
        """Put everything back to what the template has, and the clock to now."""
        renew(self.api, template)
        self.clock.pass_by((datetime.now(UTC) - self.clock.now()).total_seconds())

    def path(self, registry: str = "demo1") -> str:
        """Return a registry's id."""
        return f"{self.api.group}/providers/{REGISTRY_TYPE}/{registry}"

    def host(self, registry: str = "demo1") -> str:
        """Return a registry's login server."""
        return str(self.arm("GET").json["properties"]["loginServer"].replace("demo1", registry))

    def arm(
        self, method: str, below: str = "", body: Any = None, *, registry: str = "demo1", **kwargs: Any
    ) -> Reply:
        """Call the management API about a registry or something below it."""
        path = f"{self.path(registry)}/{below}".rstrip("/")
        return self.api.call(method, path, body, version=REGISTRIES, **kwargs)

    def done(self, method: str, below: str, body: Any = None, **kwargs: Any) -> Any:
        """Call it, expect success and return the answer's document."""
        answer = self.arm(method, below, body, **kwargs)
        assert answer.status_code in {200, 201}, answer.text
        return answer.json

    def scope_map(self, name: str, *actions: str, registry: str = "demo1") -> str:
        """Make or change a scope map; actions are given without ``repositories/``. Return its id."""
        body = {"properties": {"actions": [f"repositories/{action}" for action in actions]}}
        return str(self.done("PUT", f"scopeMaps/{name}", body, registry=registry)["id"])

    def token(self, name: str, *actions: str, registry: str = "demo1", expiry: str | None = None) -> str:
        """Make a token with a scope map of its own; return its first password."""
        map_id = self.scope_map(f"{name}-map", *actions, registry=registry)
        self.done("PUT", f"tokens/{name}", {"properties": {"scopeMapId": map_id}}, registry=registry)
        return self.passwords(name, registry=registry, expiry=expiry)[0]

    def passwords(self, token: str, /, *, registry: str = "demo1", **given: Any) -> list[str]:
        """Make passwords of a token anew; return them."""
        body = {"tokenId": f"{self.path(registry)}/tokens/{token}", **given}
        made = self.done("POST", "generateCredentials", body, registry=registry)
        assert made["username"] == token
        return [one["value"] for one in made["passwords"]]

    def client(self, registry: str = "demo1") -> RegistryClient:
        """Return a client of a registry without a credential."""
        return RegistryClient(self.plane, self.host(registry))

    def signed_in(self, name: str, password: str, registry: str = "demo1") -> RegistryClient:
        """Return a client that sends a user name and a password."""
        return self.client(registry).with_basic(name, password)

    def admin(self) -> RegistryClient:
        """Return a client with the admin user's password."""
        shown = self.done("POST", "listCredentials")
        return self.signed_in(shown["username"], shown["passwords"][0]["value"])


def house_template(folder: Path) -> Template:
    """Make a deployment with the registries, to be copied."""
    template = make_template(folder / "state")
    with house_at(template, None) as house:
        for name in ("demo1", "other"):
            body = {
                "location": "eastus",
                "sku": {"name": "Premium"},
                "properties": {"adminUserEnabled": name == "demo1"},
            }
            assert house.arm("PUT", "", body, registry=name).status_code == 201
            house.api.work()
        house.admin().token()  # makes the key that registry tokens are signed with
    return template


@contextmanager
def house_at(template: Template, folder: Path | None) -> Iterator[House]:
    """Serve a copy of a template in a folder, or the template itself."""
    if folder is not None:
        shutil.copytree(template.folder, folder)
    settings = settings_in(folder or template.folder)
    clock = ManualClock(datetime.now(UTC))
    services = assemble(settings, open_database(settings), clock, RandomIds())
    types = Types.discover(resources)
    plans = plans_of(types, services.database, services, clock)
    engine = Engine(services.database, plans, clock, settings)
    client = management_plane(services, types).test_client()
    house = House(
        Deployment(services, types, template.owner, template.token, client, engine), wsgi(services), clock
    )
    yield house
    house.plane.close()
    services.database.dispose()
