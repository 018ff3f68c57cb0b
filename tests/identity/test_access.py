"""The evaluator: what each built-in role may do, at which scopes, in both role assignment modes."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from controlplane.domain.principals import Principal
from controlplane.domain.roles import built_in_roles
from controlplane.domain.scopes import Scope, parse_scope, registry_id
from controlplane.kernel.errors import Failure
from controlplane.persistence import role_assignments, stamps
from controlplane.persistence.role_assignments import AssignmentRow, CustomRoleRow
from controlplane.services.access import ABAC, LEGACY, LEGACY_RIGHTS
from controlplane.services.graph import Services

SUB = "11111111-1111-1111-1111-111111111111"
REGISTRY = parse_scope(registry_id(SUB, "rg", "reg1"))
OTHER = parse_scope(registry_id(SUB, "rg2", "reg2"))
GROUP = parse_scope(f"/subscriptions/{SUB}/resourceGroups/rg")
SUBSCRIPTION = parse_scope(f"/subscriptions/{SUB}")
ROOT = parse_scope("/")
GUIDS = {role.name: role.id for role in built_in_roles().values()}
ALL = frozenset(LEGACY_RIGHTS)
NONE: frozenset[str] = frozenset()
PULL = frozenset({"pull", "metadata_read", "catalog"})
PUSH = PULL | {"push", "metadata_write"}
READER = PULL | {"deleted_read", "deleted_catalog", "quarantine_read"}
READ = frozenset({"pull", "metadata_read", "deleted_read"})
CONTENT = READ | {"push", "metadata_write", "deleted_restore"}
CATALOGS = frozenset({"catalog", "deleted_catalog"})
VERDICT = frozenset({"quarantine_read", "quarantine_write"})

Assign = Callable[..., None]


@pytest.fixture
def who(principal_maker: Callable[[str], tuple[Principal, str]]) -> Principal:
    return principal_maker("someone")[0]


@pytest.fixture
def assign(services: Services, who: Principal) -> Assign:
    def make(role: str, scope: Scope = REGISTRY, condition: str | None = None) -> None:
        key = f"{scope.key}/roleassignments/{uuid.uuid4()}"
        row = AssignmentRow(
            key, scope.key, who.object_id, "ServicePrincipal", GUIDS.get(role, role), condition
        )
        with services.database.write() as tx:
            role_assignments.add(tx, row)

    return make


def rights(services: Services, who: Principal, mode: str, repository: str | None = "app") -> frozenset[str]:
    with services.database.read() as tx:
        return services.access.registry_actions(tx, who, REGISTRY, mode, repository)


def may(services: Services, who: Principal, action: str, scope: Scope = REGISTRY) -> bool:
    with services.database.read() as tx:
        return services.access.allowed(tx, who, f"Microsoft.{action}", scope)


@pytest.mark.parametrize(
    ("role", "legacy", "abac"),
    [
        ("AcrPull", PULL, NONE),
        ("AcrPush", PUSH, NONE),
        ("AcrDelete", {"delete"}, NONE),
        ("AcrImageSigner", NONE, NONE),
        ("AcrQuarantineReader", {"quarantine_read"}, {"quarantine_read"}),
        ("AcrQuarantineWriter", VERDICT, VERDICT),
        ("Container Registry Repository Reader", NONE, READ),
        ("Container Registry Repository Writer", NONE, CONTENT),
        ("Container Registry Repository Contributor", NONE, CONTENT | {"delete"}),
        ("Container Registry Repository Catalog Lister", NONE, CATALOGS),
        ("Container Registry Data Importer and Data Reader", PULL, READ | CATALOGS),
        ("Container Registry Contributor and Data Access Configuration Administrator", NONE, NONE),
        ("Container Registry Configuration Reader and Data Access Configuration Reader", NONE, NONE),
        ("Container Registry Tasks Contributor", NONE, NONE),
        ("Owner", ALL, NONE),
        ("Contributor", ALL, NONE),
        ("Reader", READER, NONE),
        ("User Access Administrator", READER, NONE),
        ("Role Based Access Control Administrator", READER, NONE),
    ],
)
def test_data_rights_of_a_role_in_both_modes(
    services: Services, who: Principal, assign: Assign, role: str, legacy: set[str], abac: set[str]
) -> None:
    assign(role)
    assert rights(services, who, LEGACY) == legacy
    assert rights(services, who, ABAC) == abac


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("Owner", ["ContainerRegistry/registries/write", "Authorization/roleAssignments/write"], []),
        (
            "Contributor",
            ["ContainerRegistry/registries/delete", "ContainerRegistry/registries/listCredentials/action"],
            ["Authorization/roleAssignments/write", "Authorization/roleDefinitions/DELETE"],
        ),
        (
            "Reader",
            ["ContainerRegistry/registries/read", "Resources/subscriptions/resourceGroups/read"],
            ["ContainerRegistry/registries/write", "ContainerRegistry/registries/listCredentials/action"],
        ),
        (
            "User Access Administrator",
            ["Authorization/roleAssignments/write", "ContainerRegistry/registries/read"],
            ["ContainerRegistry/registries/write"],
        ),
        (
            "Role Based Access Control Administrator",
            ["Authorization/roleAssignments/write", "Authorization/roleAssignments/delete"],
            ["Authorization/roleDefinitions/write", "ContainerRegistry/registries/write"],
        ),
        ("AcrPull", ["ContainerRegistry/registries/pull/read"], ["ContainerRegistry/registries/read"]),
        (
            "AcrPush",
            ["ContainerRegistry/registries/push/write"],
            ["ContainerRegistry/registries/artifacts/delete"],
        ),
    ],
)
def test_control_plane_actions_of_a_role(
    services: Services, who: Principal, assign: Assign, role: str, allowed: list[str], refused: list[str]
) -> None:
    assign(role)
    assert [action for action in allowed if not may(services, who, action)] == []
    assert [action for action in refused if may(services, who, action)] == []


@pytest.mark.parametrize("scope", [ROOT, SUBSCRIPTION, GROUP, REGISTRY])
def test_a_role_counts_at_its_scope_and_below(
    services: Services, who: Principal, assign: Assign, scope: Scope
) -> None:
    assign("Reader", scope)
    child = parse_scope(f"{REGISTRY.id}/webhooks/hook")
    assert may(services, who, "ContainerRegistry/registries/webhooks/read", child)
    assert may(services, who, "ContainerRegistry/registries/read", REGISTRY)


@pytest.mark.parametrize("scope", [OTHER, SUBSCRIPTION, ROOT, parse_scope(GROUP.id + "2")])
def test_a_role_does_not_count_above_or_beside_its_scope(
    services: Services, who: Principal, assign: Assign, scope: Scope
) -> None:
    assign("Owner", GROUP)
    assert not may(services, who, "ContainerRegistry/registries/read", scope)


def test_a_group_of_a_similar_name_is_another_scope(
    services: Services, who: Principal, assign: Assign
) -> None:
    assign("Owner", parse_scope(f"/subscriptions/{SUB}/resourceGroups/r"))
    assert not may(services, who, "ContainerRegistry/registries/read", REGISTRY)


def test_ids_compare_without_case(services: Services, who: Principal, assign: Assign) -> None:
    assign("Reader")
    assert may(services, who, "containerregistry/REGISTRIES/Read", parse_scope(REGISTRY.id.upper()))


def test_roles_add_up(services: Services, who: Principal, assign: Assign) -> None:
    assign("AcrPull")
    assign("AcrDelete", GROUP)
    assert rights(services, who, LEGACY) == PULL | {"delete"}


def test_another_principals_roles_do_not_count(services: Services, who: Principal, assign: Assign) -> None:
    assign("Owner")
    other = Principal(str(uuid.uuid4()), who.type, who.tenant_id)
    assert not may(services, other, "ContainerRegistry/registries/read")
    member = Principal(str(uuid.uuid4()), who.type, who.tenant_id, group_ids=(who.object_id,))
    assert may(services, member, "ContainerRegistry/registries/read")


CONDITION = (
    "((!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/content/read'}) AND "
    "!(ActionMatches{'Microsoft.ContainerRegistry/registries/repositories/metadata/read'})) OR "
    "(@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWithIgnoreCase 'team/'))"
)


def test_a_condition_narrows_to_repositories(services: Services, who: Principal, assign: Assign) -> None:
    assign("Container Registry Repository Reader", condition=CONDITION)
    assert rights(services, who, ABAC, "team/app") == READ
    assert rights(services, who, ABAC, "other/app") == NONE
    assert rights(services, who, ABAC, None) == NONE
    assert rights(services, who, LEGACY, "team/app") == NONE


def test_what_a_condition_does_not_name_stays(services: Services, who: Principal, assign: Assign) -> None:
    assign("Container Registry Repository Writer", condition=CONDITION)
    assert rights(services, who, ABAC, "other/app") == {"push", "metadata_write", "deleted_restore"}


def test_an_unconditional_assignment_beside_a_narrowed_one_counts_whole(
    services: Services, who: Principal, assign: Assign
) -> None:
    assign("Container Registry Repository Reader", condition=CONDITION)
    assign("Container Registry Repository Reader", GROUP)
    assert rights(services, who, ABAC, "other/app") == READ


def test_a_custom_role_counts_and_stops_counting(services: Services, who: Principal, assign: Assign) -> None:
    guid = str(uuid.uuid4())
    blocks = [{"actions": ["Microsoft.ContainerRegistry/*"], "notActions": ["*/delete"]}]
    with services.database.write() as tx:
        role_assignments.add_custom_role(tx, CustomRoleRow(guid, "/k", "mine", blocks, [SUBSCRIPTION.id]))
    assign(guid)
    assert may(services, who, "ContainerRegistry/registries/write")
    assert not may(services, who, "ContainerRegistry/registries/delete")
    assert rights(services, who, LEGACY) == ALL - {"delete"}
    with services.database.write() as tx:
        role_assignments.remove_custom_role(tx, guid)
    assert not may(services, who, "ContainerRegistry/registries/write")


def test_a_refusal_names_client_action_and_scope_and_not_what_exists(
    services: Services, who: Principal
) -> None:
    nowhere = parse_scope(registry_id(str(uuid.uuid4()), "none", "none"))
    for scope in (REGISTRY, nowhere):
        with pytest.raises(Failure) as caught:
            services.access.require(who, "Microsoft.ContainerRegistry/registries/read", scope)
        assert caught.value.kind.code == "AuthorizationFailed"
        assert caught.value.kind.status == 403
        for part in (who.app_id, who.object_id, "Microsoft.ContainerRegistry/registries/read", scope.id):
            assert f"'{part}'" in caught.value.message


def test_every_change_of_rights_moves_the_identity_stamp(services: Services, assign: Assign) -> None:
    def stamp() -> int:
        with services.database.read() as tx:
            return stamps.read(tx, stamps.IDENTITY)

    before = stamp()
    assign("AcrPull")
    assert stamp() > before
    before = stamp()
    with services.database.write() as tx:
        role_assignments.remove(tx, "/whatever")
    assert stamp() > before


def test_a_decision_costs_the_same_among_many_assignments(services: Services, assign: Assign) -> None:
    """The query runs by index: the plan names no scan of the table."""
    assign("AcrPull")
    with services.database.read() as tx:
        plan = tx.connection.exec_driver_sql(
            "EXPLAIN QUERY PLAN SELECT role_id FROM role_assignments "
            "WHERE principal_id IN ('a', 'b') AND scope_key IN ('/', '/x')"
        ).all()
    assert all("SCAN" not in str(row) for row in plan)


def test_the_built_in_roles_are_complete_and_well_formed() -> None:
    roles = built_in_roles()
    assert len(roles) == 23
    assert roles["7f951dda-4ed3-4680-a7ca-43fe172d538d"].name == "AcrPull"
    assert roles["8e3af657-a8ff-443c-a75c-2fe8c4bcb635"].name == "Owner"
    assert len(roles["b24988ac-6180-42a0-ab88-20f7382dd24c"].permissions[0].not_actions) == 11
    assert all(role.description and role.assignable == ("/",) for role in roles.values())
    assert {role.name for role in roles.values() if role.conditions} == {
        "Container Registry Repository Reader",
        "Container Registry Repository Writer",
        "Container Registry Repository Contributor",
    }
