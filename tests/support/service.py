"""The whole service as real processes over a database of the test's choice, and callers of its API."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from controlplane.persistence.database import Database
from controlplane.services.assembly import assemble, open_database
from controlplane.services.bootstrap import BootstrapResult, bootstrap
from controlplane.services.directory import Directory
from controlplane.services.vault import ensure_key_file
from controlplane.settings.model import Settings
from controlplane.supervisor import certificates
from tests.support.ports import free_port
from tests.support.processes import Process, python
from tests.support.waiting import eventually

API = "2025-11-01"
GROUPS = "2024-11-01"
ROLES = "2022-04-01"
REGISTRY = "Microsoft.ContainerRegistry/registries"
_OPERATION = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?=[^/]*$)")
_PAUSE = 0.1


@dataclass
class Service:
    """A deployment in a folder: prepared like a first start, its processes not started yet."""

    folder: Path
    settings: Settings
    owner: BootstrapResult
    env: dict[str, str]
    database: Database
    directory: Directory

    @classmethod
    def prepare(cls, folder: Path, database_url: str, **changes: Any) -> Service:
        """Bootstrap over a migrated database; ``changes`` are further settings."""
        values = {
            "state_dir": folder, "database_url": database_url, "port": free_port(), "web_threads": 16,
            "login_server_mode": "domain", "operation_lease": 1.5, "sweep_interval": 0.5, **changes,
        }  # fmt: skip
        env = {f"ACRCTL_{name.upper()}": str(value) for name, value in values.items()}
        settings = Settings(**values)
        ensure_key_file(settings)
        database = open_database(settings)
        services = assemble(settings, database)
        certificates.ensure(settings, services.clock.now())
        owner = bootstrap(database, settings, services.clock, services.ids, services.vault)
        return cls(folder, settings, owner, env, database, services.directory)

    def process(self, name: str) -> Process:
        """Return a process of the service, not started; ``worker2`` is a second worker."""
        command = python("controlplane", name.rstrip("0123456789"))
        return Process(name, command, self.folder / f"{name}.log", self.env)

    def caller(self) -> Caller:
        """Return the owner as a caller."""
        return Caller(self, self.owner.app_id, self.owner.secret or "")

    def another_caller(self, name: str) -> Caller:
        """Make a service principal that has no role yet, and return it as a caller."""
        application = self.directory.create_application(name)
        secret = self.directory.add_secret(application.id)
        principal = self.directory.create_principal(application.app_id)
        return Caller(self, application.app_id, secret.text, object_id=principal.id)

    def wait_until_ready(self) -> None:
        """Wait until the web process answers and its database with it."""
        caller = self.caller()
        try:
            eventually(caller.sees_a_ready_service, within=30, every=0.1, what="a ready service")
        finally:
            caller.close()


@dataclass
class Caller:
    """A service principal at a keyboard. It repeats what nobody answered, as real clients do."""

    service: Service
    client_id: str
    secret: str = field(repr=False)
    object_id: str = ""
    accepted: list[str] = field(default_factory=list)  # operations it was told of
    patience: float = 90.0
    _token: str = ""
    _session: requests.Session | None = None

    @property
    def group(self) -> str:
        """Id of the default resource group."""
        owner = self.service.owner
        return f"/subscriptions/{owner.subscription_id}/resourceGroups/{owner.group}"

    def registry(self, name: str, group: str | None = None) -> str:
        """Id of a registry."""
        return f"{group or self.group}/providers/{REGISTRY}/{name}"

    def sees_a_ready_service(self) -> bool:
        """Tell whether the service answers at all."""
        try:
            return bool(self.once("GET", self.group, version=GROUPS).ok)
        except requests.ConnectionError:
            return False

    def once(self, method: str, path: str, body: Any = None, *, version: str = API) -> requests.Response:
        """Send one request.

        Raises:
            requests.ConnectionError: nobody answered.
        """
        if not self._token:
            self._sign_in()
        answer = self._send(
            method,
            path,
            params={"api-version": version},
            json=body,
            headers={"Authorization": f"Bearer {self._token}"},
        )
        for header in ("Azure-AsyncOperation", "Location"):
            found = _OPERATION.search(answer.headers.get(header, ""))
            if found:
                self.accepted.append(found.group())
        return answer

    def call(self, method: str, path: str, body: Any = None, *, version: str = API) -> requests.Response:
        """Send a request again and again until somebody answers it; 503 says that nothing was done."""
        end = time.monotonic() + self.patience
        while True:
            try:
                answer = self.once(method, path, body, version=version)
                if answer.status_code != requests.codes.unavailable:
                    return answer
                trouble = answer.text
            except requests.RequestException as error:
                trouble = repr(error)
            assert time.monotonic() < end, f"{method} {path}: {trouble}"
            time.sleep(_PAUSE)

    def let(self, other: Caller, role: str) -> None:
        """Assign a role (its GUID) to another caller over the whole subscription."""
        scope = f"/subscriptions/{self.service.owner.subscription_id}"
        path = f"{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
        definition = f"{scope}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        properties = {"roleDefinitionId": definition, "principalId": other.object_id}
        answer = self.call("PUT", path, {"properties": properties}, version=ROLES)
        assert answer.ok, answer.text

    def create(self, name: str) -> str:
        """Create a registry and wait for its end state, which is returned."""
        answer = self.call("PUT", self.registry(name), {"location": "eastus", "sku": {"name": "Basic"}})
        assert answer.status_code in {200, 201, 409}, answer.text  # 409: an earlier try was accepted
        return self._settled(name)

    def delete(self, name: str) -> str:
        """Delete a registry and wait until it is gone; return "" or the state it is left in."""
        answer = self.call("DELETE", self.registry(name))
        assert answer.status_code in {200, 202, 204, 409}, answer.text
        return self._settled(name)

    def _settled(self, name: str) -> str:
        """Wait until a registry is in an end state, or gone ("")."""
        end = time.monotonic() + self.patience
        while True:
            answer = self.call("GET", self.registry(name))
            if answer.status_code == requests.codes.not_found:
                return ""
            assert answer.status_code == requests.codes.ok, answer.text
            state = str(answer.json()["properties"]["provisioningState"])
            if state in {"Succeeded", "Failed", "Canceled"}:
                return state
            assert time.monotonic() < end, f"{name} is still {state}"
            time.sleep(_PAUSE)

    def _sign_in(self) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret,
            "scope": "https://management.azure.com/.default",
        }
        answer = self._send("POST", f"/{self.service.owner.tenant_id}/oauth2/v2.0/token", data=form)
        if answer.status_code != requests.codes.ok:
            raise requests.ConnectionError(answer.text)
        self._token = answer.json()["access_token"]

    def _send(self, method: str, path: str, **more: Any) -> requests.Response:
        if self._session is None:
            self._session = requests.Session()
            self._session.verify = str(self.service.settings.state_dir / "tls" / "ca.pem")
            self._session.trust_env = False
        return self._session.request(method, f"{self.service.settings.public_url}{path}", timeout=30, **more)

    def close(self) -> None:
        """Close its connections."""
        if self._session is not None:
            self._session.close()


def stop_all(processes: Sequence[Process]) -> None:
    """Kill what is left of some processes."""
    for process in processes:
        process.kill()
