from __future__ import annotations

import threading
import uuid

import pytest

from controlplane.domain.scopes import ROOT
from controlplane.kernel.ids import RandomIds
from controlplane.persistence import resources
from controlplane.services.authentication import Refusal, SignIn
from controlplane.services.bootstrap import BootstrapError, BootstrapResult, bootstrap, new_owner_secret
from controlplane.services.graph import Services
from controlplane.settings.model import Settings


def start(services: Services, settings: Settings | None = None) -> BootstrapResult:
    return bootstrap(
        services.database, settings or services.settings, services.clock, services.ids, services.vault
    )


def reset(services: Services) -> BootstrapResult:
    return new_owner_secret(
        services.database, services.settings, services.clock, services.ids, services.vault
    )


def test_the_first_start_makes_an_owner_who_may_do_everything(
    services: Services, owner: BootstrapResult
) -> None:
    assert owner.secret is not None
    signed_in = services.authentication.sign_in(owner.app_id, owner.secret)
    assert isinstance(signed_in, SignIn)
    assert signed_in.principal.tenant_id == owner.tenant_id
    services.access.require(signed_in.principal, "Microsoft.Anything/at/all/write", ROOT)


def test_the_first_start_makes_subscription_group_and_assignment(
    services: Services, owner: BootstrapResult
) -> None:
    subscription = f"/subscriptions/{owner.subscription_id}"
    with services.database.read() as tx:
        group = resources.get(tx, f"{subscription}/resourcegroups/default")
        assert resources.get(tx, subscription) is not None
        assert group is not None
        assert (group.parent_key, group.location) == (subscription, "eastus")
        assignments = resources.page(tx, resources.Where(types=["microsoft.authorization/roleassignments"]))
        assert [row.parent_key for row in assignments] == ["/"]


def test_a_further_start_changes_nothing_and_tells_no_secret(
    services: Services, owner: BootstrapResult
) -> None:
    again = start(services)
    assert again.secret is None
    assert (again.tenant_id, again.subscription_id, again.app_id, again.object_id) == (
        owner.tenant_id, owner.subscription_id, owner.app_id, owner.object_id,
    )  # fmt: skip


def test_several_first_starts_at_once_make_one_owner(services: Services) -> None:
    results: list[BootstrapResult] = []
    threads = [threading.Thread(target=lambda: results.append(start(services))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result.app_id for result in results}) == 1
    assert len([result for result in results if result.secret is not None]) == 1


def test_the_secret_is_stored_nowhere(services: Services, owner: BootstrapResult) -> None:
    assert owner.secret is not None
    with services.database.read() as tx:
        stored = str(tx.connection.exec_driver_sql("SELECT * FROM application_secrets").all())
    assert owner.secret not in stored
    assert owner.secret[13:] not in stored
    assert owner.secret not in repr(owner)


def test_ids_can_be_chosen_and_contradictions_are_refused(services: Services) -> None:
    tenant, subscription = str(uuid.uuid4()), str(uuid.uuid4())
    chosen = services.settings.model_copy(
        update={"tenant_id": tenant.upper(), "subscription_id": subscription}
    )
    made = start(services, chosen)
    assert (made.tenant_id, made.subscription_id) == (tenant, subscription)
    assert start(services, chosen).secret is None
    with pytest.raises(BootstrapError, match="ACRCTL_TENANT_ID"):
        start(services, services.settings.model_copy(update={"tenant_id": str(uuid.uuid4())}))


def test_a_new_owner_secret_replaces_the_old_one(services: Services, owner: BootstrapResult) -> None:
    made = reset(services)
    assert owner.secret is not None
    assert made.secret is not None
    assert made.app_id == owner.app_id
    assert services.authentication.sign_in(owner.app_id, owner.secret) is Refusal.WRONG_SECRET
    assert isinstance(services.authentication.sign_in(made.app_id, made.secret), SignIn)


@pytest.mark.parametrize("harm", ["principal", "application", "disabled"])
def test_a_lost_owner_is_put_back(services: Services, owner: BootstrapResult, harm: str) -> None:
    if harm == "disabled":
        services.directory.enable_principal(owner.object_id, enabled=False)
    elif harm == "principal":
        services.directory.delete_principal(owner.object_id)
    else:
        services.directory.delete_application(services.directory.application(app_id=owner.app_id).id)
    assert start(services).secret is None  # a plain start does not bring back what was taken away
    made = reset(services)
    assert made.secret is not None
    signed_in = services.authentication.sign_in(made.app_id, made.secret)
    assert isinstance(signed_in, SignIn)
    services.access.require(signed_in.principal, "Microsoft.Anything/write", ROOT)


def test_a_reset_before_the_first_start_says_so(services: Services) -> None:
    with pytest.raises(BootstrapError, match="start the service first"):
        reset(services)


def test_ids_are_random() -> None:
    assert len({RandomIds().token(16) for _ in range(100)}) == 100
