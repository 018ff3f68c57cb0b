"""The identity stores, the same on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.persistence import facts, identity, role_assignments, signing_keys, stamps
from controlplane.persistence.database import Database, UniqueViolationError
from controlplane.persistence.identity import ApplicationRow, Match, SecretRow, ServicePrincipalRow
from controlplane.persistence.role_assignments import Around, AssignmentRow, CustomRoleRow
from controlplane.persistence.signing_keys import SigningKeyRow

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def application(name: str, number: int = 1) -> ApplicationRow:
    return ApplicationRow(f"object-{name}-{number}", f"app-{name}-{number}", name, NOW)


def principal(name: str, *, resource: str | None = None) -> ServicePrincipalRow:
    kind = identity.APPLICATION if resource is None else identity.MANAGED_IDENTITY
    return ServicePrincipalRow(
        f"sp-{name}", f"app-{name}-1", kind, resource, name, enabled=True, created_at=NOW
    )


def secret(key_id: str, application_id: str) -> SecretRow:
    return SecretRow(key_id, application_id, None, "acr_x", "lookup", "k:hash", NOW, NOW + timedelta(days=1))


def assignment(scope: str, who: str = "p", role: str = "r") -> AssignmentRow:
    return AssignmentRow(f"{scope}|{who}|{role}", scope, who, "ServicePrincipal", role, None)


def test_a_stamp_grows_with_every_bump_and_none_is_lost(database: Database) -> None:
    with database.read() as tx:
        assert stamps.read(tx, "identity") == 0

    def bump() -> None:
        for _ in range(5):
            with database.write() as tx:
                stamps.bump(tx, "identity")

    threads = [threading.Thread(target=bump) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        assert stamps.read(tx, "identity") == 20


def test_a_stamp_does_not_grow_when_its_change_is_undone(database: Database) -> None:
    def change() -> None:
        with database.write() as tx:
            stamps.bump(tx, "identity")
            raise InterruptedError

    with pytest.raises(InterruptedError):
        change()
    with database.read() as tx:
        assert stamps.read(tx, "identity") == 0


def test_a_fact_is_decided_once(database: Database) -> None:
    with database.write() as tx:
        assert facts.get(tx, "tenant") is None
        assert facts.set_default(tx, "tenant", "first") == "first"
        assert facts.set_default(tx, "tenant", "second") == "first"


def test_keys_are_newest_first_and_end(database: Database) -> None:
    def key(kid: str, age: int) -> SigningKeyRow:
        return SigningKeyRow(kid, "entra", "RS256", "sealed", "public", NOW - timedelta(days=age), None)

    with database.write() as tx:
        for kid, age in (("old", 2), ("new", 0), ("middle", 1)):
            signing_keys.add(tx, key(kid, age))
        assert [row.kid for row in signing_keys.usable(tx, NOW)] == ["new", "middle", "old"]
        signing_keys.retire(tx, "entra", keep="new", retires_at=NOW + timedelta(hours=1))
        assert len(signing_keys.usable(tx, NOW)) == 3
        assert [row.kid for row in signing_keys.usable(tx, NOW + timedelta(hours=1))] == ["new"]
        signing_keys.retire(tx, "entra", keep="new", retires_at=NOW + timedelta(hours=9))
        signing_keys.remove_retired(tx, NOW + timedelta(hours=1))
        assert [row.kid for row in signing_keys.usable(tx, NOW)] == ["new"]


def test_lists_match_and_continue(database: Database) -> None:
    with database.write() as tx:
        for name in ("Beta", "alpha", "100%", "under_score", "alpha two"):
            identity.add_application(tx, application(name))
        identity.add_application(tx, application("alpha", 2))

        def found(match: Match, limit: int = 100) -> list[str]:
            return [row.id for row in identity.list_applications(tx, match, limit)]

        everything = found(Match())
        assert len(everything) == 6
        assert set(found(Match(display_name="ALPHA"))) == {"object-alpha-1", "object-alpha-2"}
        assert set(found(Match(display_name_prefix="Alpha"))) == {
            "object-alpha-1", "object-alpha-2", "object-alpha two-1",
        }  # fmt: skip
        assert found(Match(display_name_prefix="100%")) == ["object-100%-1"]
        assert found(Match(display_name_prefix="%")) == []
        assert found(Match(display_name_prefix="under_")) == ["object-under_score-1"]
        assert found(Match(display_name_prefix="underx")) == []
        assert found(Match(ids=("object-Beta-1", "nobody"))) == ["object-Beta-1"]
        assert found(Match(ids=())) == []
        assert found(Match(app_id="app-Beta-1", display_name="alpha")) == []
        seen: list[str] = []
        after = None
        while batch := identity.list_applications(tx, Match(after=after), 2):
            seen += [row.id for row in batch]
            after = (batch[-1].display_name, batch[-1].id)
        assert seen == everything


def test_secrets_go_with_their_application(database: Database) -> None:
    with database.write() as tx:
        for name in ("a", "b"):
            identity.add_application(tx, application(name))
        for key_id, owner in (("k1", "a"), ("k2", "a"), ("k3", "b")):
            identity.add_secret(tx, secret(key_id, f"object-{owner}-1"))
        by_app = identity.secrets_by_app_id(tx, ["app-a-1", "app-b-1", "app-c-1"])
        assert {app: [row.key_id for row in rows] for app, rows in by_app.items()} == {
            "app-a-1": ["k1", "k2"], "app-b-1": ["k3"],
        }  # fmt: skip
        assert by_app["app-b-1"][0] == identity.secret(tx, "k3")
        assert [row.key_id for row in identity.secrets_by_lookup(tx, "object-b-1", "lookup")] == ["k3"]
        assert not identity.delete_secret(tx, "object-b-1", "k1")
        assert identity.delete_secret(tx, "object-a-1", "k1")
        assert identity.delete_application(tx, "object-a-1")
        assert not identity.delete_application(tx, "object-a-1")
        assert identity.secret(tx, "k2") is None
        assert identity.secret(tx, "k3") is not None


def test_an_application_and_a_resource_have_one_principal(database: Database) -> None:
    with database.write() as tx:
        identity.add_principal(tx, principal("a"))
        identity.add_principal(tx, principal("m", resource="/r"))
        assert identity.principal(tx, app_id="app-a-1") == principal("a")
        assert identity.principal(tx, resource_key="/r") == principal("m", resource="/r")
        assert identity.update_principal(tx, "sp-a", enabled=False)
        assert identity.principal(tx, object_id="sp-a") == replace(principal("a"), enabled=False)
        assert not identity.update_principal(tx, "nobody", enabled=False)
    for second in (replace(principal("a"), id="other"), principal("n", resource="/r")):
        with pytest.raises(UniqueViolationError), database.write() as tx:
            identity.add_principal(tx, second)


def test_grants_are_those_of_the_principals_at_the_scopes(database: Database) -> None:
    blocks = [{"actions": ["*"]}]
    with database.write() as tx:
        role_assignments.add_custom_role(tx, CustomRoleRow("custom", "/k", "name", blocks, ["/s"]))
        for row in (
            assignment("/"),
            assignment("/s", role="custom"),
            assignment("/s/g", "other"),
            assignment("/t"),
        ):
            role_assignments.add(tx, row)
        found = role_assignments.grants(tx, ["p", "q"], ["/s/g", "/s", "/"])
        assert {row.role_id: row.permissions for row in found} == {"r": None, "custom": blocks}
        assert role_assignments.grants(tx, [], ["/"]) == []
        assert role_assignments.role_in_use(tx, "custom")
        assert role_assignments.find(tx, "/s", "p", "custom") == "/s|p|custom"
        role_assignments.remove(tx, "/s|p|custom")
        assert not role_assignments.role_in_use(tx, "custom")
    with pytest.raises(UniqueViolationError), database.write() as tx:
        role_assignments.add(tx, replace(assignment("/"), key="another"))


def test_keys_around_a_scope(database: Database) -> None:
    scopes = ("/", "/s", "/s/g_1", "/s/gx1", "/s/g_1/r", "/sx")
    with database.write() as tx:
        for scope in scopes:
            role_assignments.add(tx, assignment(scope))
        role_assignments.add(tx, assignment("/s", "q"))

        def found(around: Around) -> set[str]:
            return set(role_assignments.keys_around(tx, around))

        assert found(Around(["/s", "/"])) == {"/s|p|r", "/|p|r", "/s|q|r"}
        assert found(Around(["/s/g_1"], below="/s/g_1")) == {"/s/g_1|p|r", "/s/g_1/r|p|r"}
        assert found(Around(["/"], below="/", principal_id="p")) == {f"{scope}|p|r" for scope in scopes}
        assert found(Around(["/s"], principal_id="q")) == {"/s|q|r"}


def test_custom_roles_have_names_of_their_own(database: Database) -> None:
    first = CustomRoleRow("one", "/k1", "first", [], ["/s"])
    with database.write() as tx:
        role_assignments.add_custom_role(tx, first)
        role_assignments.change_custom_role(tx, replace(first, role_name_key="renamed"))
        assert role_assignments.custom_role(tx, role_name="Renamed") == replace(
            first, role_name_key="renamed"
        )
        assert role_assignments.custom_role(tx, role_id="two") is None
    for clash in (CustomRoleRow("two", "/k2", "renamed", [], []), CustomRoleRow("one", "/k2", "x", [], [])):
        with pytest.raises(UniqueViolationError), database.write() as tx:
            role_assignments.add_custom_role(tx, clash)
