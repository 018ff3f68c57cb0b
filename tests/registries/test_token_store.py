"""The stores of tokens, scope maps and the catalog, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.domain.locks import Lock
from controlplane.domain.visibility import ALL_NAMES, Span, merged
from controlplane.persistence import catalog, content_repositories, registries, tokens
from controlplane.persistence.content_repositories import Counts
from controlplane.persistence.content_tables import repositories
from controlplane.persistence.database import Database
from controlplane.persistence.registries import RegistryRow
from controlplane.persistence.tokens import PasswordRow, TokenRow
from tests.registries.test_store import NOW, SETTINGS

NAMES = ["a", "a-b", "a/b", "a/c", "a0", "b", "b/x", "c"]


@pytest.fixture
def registry(database: Database) -> RegistryRow:
    with database.write() as tx:
        row = registries.insert(tx, "/subscriptions/s/demo01", "demo01", SETTINGS)
    assert row is not None
    return row


@pytest.fixture
def token(registry: RegistryRow) -> TokenRow:
    return TokenRow(f"{registry.key}/tokens/robot", registry.id, "robot", True, None)


def password(token: TokenRow, name: str, lookup: str = "lookup") -> PasswordRow:
    return PasswordRow(token.key, name, lookup, "k:hash", NOW, NOW + timedelta(seconds=1))


def test_a_token_is_put_found_changed_and_deleted_with_its_passwords(
    database: Database, token: TokenRow
) -> None:
    changed = replace(token, enabled=False, scope_map_key="map")
    with database.write() as tx:
        tokens.put(tx, token)
        tokens.put_password(tx, password(token, "password1"))
        tokens.put(tx, changed)
        assert tokens.find(tx, token.registry_id, "robot") == changed
        assert tokens.find(tx, token.registry_id + 1, "robot") is None
        tokens.delete(tx, token.key)
        assert tokens.find(tx, token.registry_id, "robot") is None
        assert tokens.passwords(tx, token.key) == []


def test_a_password_takes_the_place_of_the_one_of_its_name(database: Database, token: TokenRow) -> None:
    with database.write() as tx:
        tokens.put(tx, token)
        for name, lookup in (("password2", "b"), ("password1", "a"), ("password2", "c")):
            tokens.put_password(tx, password(token, name, lookup))
        rows = tokens.passwords(tx, token.key)
        assert [(row.name, row.lookup) for row in rows] == [("password1", "a"), ("password2", "c")]
        tokens.keep_passwords(tx, token.key, ["password2"])
        assert [row.name for row in tokens.passwords(tx, token.key)] == ["password2"]
        tokens.keep_passwords(tx, token.key, [])
        assert tokens.passwords(tx, token.key) == []


def test_a_password_counts_until_its_end(token: TokenRow) -> None:
    row = password(token, "password1")
    assert row.valid_at(NOW)
    assert not row.valid_at(NOW + timedelta(seconds=1))
    assert replace(row, expires_at=None).valid_at(datetime(9999, 1, 1, tzinfo=UTC))
    assert "k:hash" not in repr(row)


def test_everything_goes_with_the_registry(
    database: Database, registry: RegistryRow, token: TokenRow
) -> None:
    with database.write() as tx:
        tokens.put(tx, token)
        tokens.put_password(tx, password(token, "password1"))
        tokens.put_scope_map(tx, registry.id, "map", ["one"])
        tokens.put_scope_map(tx, registry.id, "map", ["two"])
        assert tokens.scope_map(tx, "map") == ["two"]
        registries.delete(tx, registry.id)
        assert tokens.scope_map(tx, "map") == []
        assert tokens.passwords(tx, token.key) == []


@pytest.fixture
def full(database: Database, registry: RegistryRow) -> RegistryRow:
    with database.write() as tx:
        for name in [*NAMES, "b/hidden", "b/empty"]:
            row = content_repositories.ensure(tx, registry.id, name, NOW)
            count = Counts(manifests=0 if name == "b/empty" else 1)
            content_repositories.count(tx, row.id, count, NOW)
        hidden = repositories.c.name == "b/hidden"
        tx.connection.execute(repositories.update().where(hidden).values(locks=Lock.LIST.value))
    return registry


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([ALL_NAMES], NAMES),
        ([], []),
        ([Span.of_name("a")], ["a"]),
        ([Span.below("a/")], ["a/b", "a/c"]),
        (
            [Span.below("b/"), Span.of_name("a/c"), Span.below("a/"), Span.of_name("c")],
            ["a/b", "a/c", "b/x", "c"],
        ),
        ([Span.of_name("nothing"), Span.of_name("b/empty"), Span.of_name("b")], ["b"]),
        ([Span.of_name(name) for name in NAMES], NAMES),
        ([Span.below("a/"), ALL_NAMES, Span.of_name("zz")], NAMES),
    ],
)
def test_the_catalog_shows_what_lies_within_spans_page_by_page(
    database: Database, full: RegistryRow, spans: list[Span], expected: list[str]
) -> None:
    within = merged(spans)
    with database.read() as tx:
        for limit in (1, 2, 3, 20):
            found: list[str] = []
            while page := catalog.names(tx, full.id, within, found[-1] if found else "", limit):
                assert len(page) <= limit
                found += page
            assert found == expected
        assert catalog.names(tx, full.id, within, "zzz", 5) == []
