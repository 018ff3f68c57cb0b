"""What was taken away stops the next call, in every process, however long a token had left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jwt
import pytest

from controlplane.kernel.errors import Failure
from controlplane.services.audiences import GRAPH, MANAGEMENT
from controlplane.services.audiences import REGISTRY as REGISTRY_AUDIENCE
from controlplane.services.authentication import CACHE_SIZE
from controlplane.services.bootstrap import BootstrapResult
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA, REGISTRY
from tests.identity.conftest import GRAPH_SCOPE, Caller
from tests.support.clocks import ManualClock


def refused(services: Services, token: str, **kwargs: Any) -> str:
    with pytest.raises(Failure) as caught:
        services.authentication.bearer(token, **kwargs)
    assert caught.value.kind.status == 401
    return caught.value.kind.code


@pytest.fixture
def elsewhere(build: Callable[[], Services]) -> Services:
    """Another process."""
    return build()


def test_a_removed_secret_ends_its_tokens_and_no_others(
    stranger: Caller, services: Services, elsewhere: Services
) -> None:
    application = services.directory.application(app_id=stranger.app_id)
    second = services.directory.add_secret(application.id)
    first_token, second_token = stranger.token(), stranger.token(client_secret=second.text)
    for process in (services, elsewhere):
        process.authentication.bearer(first_token)
        process.authentication.bearer(second_token)
    services.directory.remove_secret(application.id, second.row.key_id)
    for process in (services, elsewhere):
        assert refused(process, second_token) == "InvalidAuthenticationToken"
        process.authentication.bearer(first_token)


@pytest.mark.parametrize("change", ["delete principal", "delete application", "disable"])
def test_a_principal_that_is_gone_ends_its_tokens(
    stranger: Caller, services: Services, elsewhere: Services, change: str
) -> None:
    token = stranger.token()
    principal = elsewhere.authentication.bearer(token)
    if change == "disable":
        services.directory.enable_principal(principal.object_id, enabled=False)
    elif change == "delete principal":
        services.directory.delete_principal(principal.object_id)
    else:
        services.directory.delete_application(services.directory.application(app_id=stranger.app_id).id)
    for process in (services, elsewhere):
        assert refused(process, token) == "InvalidAuthenticationToken"


def test_a_principal_that_is_enabled_again_may_go_on(stranger: Caller, services: Services) -> None:
    token = stranger.token()
    object_id = services.authentication.bearer(token).object_id
    services.directory.enable_principal(object_id, enabled=False)
    refused(services, token)
    services.directory.enable_principal(object_id, enabled=True)
    services.authentication.bearer(token)


def test_what_is_remembered_of_a_token_ends_with_the_token(
    stranger: Caller, services: Services, clock: ManualClock
) -> None:
    token = stranger.token()
    services.authentication.bearer(token)
    clock.pass_by(3600)
    assert refused(services, token) == "ExpiredAuthenticationToken"


def test_a_token_is_good_only_for_the_api_it_names(stranger: Caller, services: Services) -> None:
    cases = {
        "https://management.azure.com/.default": {MANAGEMENT},
        GRAPH_SCOPE: {GRAPH},
        "https://containerregistry.azure.net/.default": {REGISTRY_AUDIENCE},
        "https://localhost:8443/.default": {MANAGEMENT, GRAPH},
    }
    for scope, good in cases.items():
        token = stranger.token(scope=scope)
        for audience in (MANAGEMENT, GRAPH, REGISTRY_AUDIENCE):
            if audience in good:
                services.authentication.bearer(token, frozenset({audience}))
            else:
                assert refused(services, token, accept=frozenset({audience})) == "InvalidAuthenticationToken"


@pytest.mark.parametrize(
    "changes",
    [
        {"tid": "99999999-9999-9999-9999-999999999999"},
        {"tid": None},
        {"iss": "https://login.example.com/x/v2.0"},
        {"oid": "99999999-9999-9999-9999-999999999999"},
        {"oid": None},
        {"aud": ["https://management.azure.com"]},
        {"aud": "https://management.azure.com.evil.example"},
        {"cred": "99999999-9999-9999-9999-999999999999"},
    ],
)
def test_a_signed_token_with_other_claims_is_refused(
    stranger: Caller, services: Services, changes: dict[str, Any]
) -> None:
    claims = jwt.decode(stranger.token(), options={"verify_signature": False})
    services.authentication.bearer(services.issuer.sign(ENTRA, claims))
    assert refused(services, services.issuer.sign(ENTRA, claims | changes)) == "InvalidAuthenticationToken"


def test_a_registry_token_is_no_access_token(stranger: Caller, services: Services) -> None:
    claims = jwt.decode(stranger.token(), options={"verify_signature": False})
    assert refused(services, services.issuer.sign(REGISTRY, claims)) == "InvalidAuthenticationToken"


def test_a_managed_identity_has_no_secret_and_ends_with_its_resource(
    services: Services, owner: BootstrapResult, clock: ManualClock
) -> None:
    with services.database.write() as tx:
        made = services.directory.ensure_identity(tx, "/subscriptions/s/registries/r", "r")
        assert services.directory.ensure_identity(tx, "/subscriptions/s/registries/r", "r") == made
    now = int(clock.now().timestamp())
    claims = {
        "aud": "https://management.azure.com",
        "iss": f"https://localhost:8443/{owner.tenant_id}/v2.0",
        "iat": now,
        "exp": now + 60,
        "tid": owner.tenant_id,
        "oid": made.id,
    }
    token = services.issuer.sign(ENTRA, claims)
    assert services.authentication.bearer(token).object_id == made.id
    with services.database.write() as tx:
        services.directory.remove_identity(tx, "/subscriptions/s/registries/r")
        services.directory.remove_identity(tx, "/subscriptions/s/registries/r")
    assert refused(services, token) == "InvalidAuthenticationToken"


def test_a_credential_behind_another_token_can_be_asked_about(stranger: Caller, services: Services) -> None:
    claims = jwt.decode(stranger.token(), options={"verify_signature": False})
    assert services.authentication.principal(claims["oid"], claims["cred"]) is not None
    application = services.directory.application(app_id=stranger.app_id)
    services.directory.remove_secret(application.id, claims["cred"])
    assert services.authentication.principal(claims["oid"], claims["cred"]) is None
    assert services.authentication.principal(claims["oid"]) is not None


def test_a_call_with_a_known_token_asks_one_small_question(
    stranger: Caller, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = stranger.token()
    services.authentication.bearer(token)
    monkeypatch.setattr(services.issuer, "verify", None)
    services.authentication.bearer(token)


def test_the_memory_of_tokens_is_bounded(stranger: Caller, services: Services) -> None:
    token = stranger.token()
    services.authentication.bearer(token)
    remembered = services.authentication._cache  # noqa: SLF001 - its size is the behaviour
    for number in range(CACHE_SIZE + 10):
        services.authentication._remember(number.to_bytes(8), next(iter(remembered.values())))  # noqa: SLF001
    assert len(remembered) == CACHE_SIZE
