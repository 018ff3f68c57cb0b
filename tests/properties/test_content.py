"""Content changed in any order: nothing reachable is ever deleted, everything unreachable is in the end.

A machine does to the real services what clients, owners and time do, and after each step compares what is
served with a model of what must be. What retention takes is not predicted but bounded: nothing that is tagged
or locked, and what is young only along with what it belongs to. At the end all graces pass, and nothing may
be left in database and store but what is still named.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controlplane.domain.digests import digest_of, parse_digest
from controlplane.domain.events import Origin
from controlplane.kernel.errors import Failure
from controlplane.persistence.database import Database
from controlplane.services.content_attributes import Attributes
from controlplane.services.content_attributes import Wish as Attribute
from controlplane.services.content_events import Place
from controlplane.services.content_purge import purges_of
from controlplane.services.content_restore import Restores, Wish
from tests.support.content import Content
from tests.support.databases import postgres_copy, sqlite_copy
from tests.support.distribution import MANIFEST, image
from tests.support.postgres import PostgresServer

REPOSITORIES = ("one", "two")
TAGS = ("v1", "v2", "latest")
LAYERS = tuple(f"layer {number}".encode() for number in range(4))
CONFIG = json.dumps({"architecture": "amd64", "os": "linux"}).encode()
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RETENTION_DAYS = 2
SOFT_DELETE_DAYS = 3
SCRUB_DAYS = 0.001

Key = tuple[str, str]  # repository, digest of a manifest

repositories = st.sampled_from(REPOSITORIES)
some_tags = st.lists(st.sampled_from(TAGS), max_size=2, unique=True)
some_layers = st.lists(st.sampled_from(LAYERS), min_size=1, max_size=3, unique=True)
a_choice = st.integers(min_value=0, max_value=2**16)


class ContentMachine(RuleBasedStateMachine):
    """Drives one registry of two repositories."""

    opened: Callable[[], Content]
    closed: Callable[[Content], None]

    def __init__(self) -> None:
        super().__init__()
        self.content = type(self).opened()
        self.live: dict[Key, bytes] = {}
        self.tags: dict[Key, str] = {}  # by repository and tag
        self.locked: set[Key] = set()
        self.damaged: set[str] = set()
        self.retained = False
        self.pushed = False  # what does nothing to an empty registry comes later

    # --- what clients do

    @rule(repository=repositories, layers=some_layers, tags=some_tags, subject=st.none() | a_choice)
    def push_image(self, repository: str, layers: list[bytes], tags: list[str], subject: int | None) -> None:
        for content in (CONFIG, *layers):
            self.content.push_blob(repository, content)
            self.damaged.discard(digest_of(content))
        document = image(CONFIG, layers)
        if subject is not None and (chosen := self._chosen(subject, repository)):
            document["subject"] = {"mediaType": MANIFEST, "digest": chosen[1], "size": len(self.live[chosen])}
        self._pushed(repository, document, tags, self.content.push(repository, document, *tags))

    @rule(repository=repositories, choices=st.lists(a_choice, max_size=2), tags=some_tags)
    def push_index(self, repository: str, choices: list[int], tags: list[str]) -> None:
        """Push an index; one of what it names may have gone or never have been."""
        children = {chosen[1] for choice in choices if (chosen := self._chosen(choice, repository))}
        children.add(digest_of(b"not here"))
        digest = self.content.push_index(repository, sorted(children), *tags)
        payload = self.content.manifest(repository, digest)
        assert payload is not None
        self._pushed(repository, json.loads(payload), tags, digest)

    @rule(repository=repositories, content=st.sampled_from(LAYERS))
    def push_a_blob_and_no_more(self, repository: str, content: bytes) -> None:
        self.content.push_blob(repository, content)
        self.damaged.discard(digest_of(content))

    @precondition(lambda self: self.pushed)
    @rule(repository=repositories)
    def begin_an_upload_and_no_more(self, repository: str) -> None:
        place = self.content.place(repository)
        upload = str(self.content.uploads.begin(place))
        self.content.uploads.receive(place, upload, None, [b"half"])

    @precondition(lambda self: self.pushed)
    @rule(choice=a_choice, tag=st.sampled_from(TAGS))
    def tag_what_is_there(self, choice: int, tag: str) -> None:
        if (chosen := self._chosen(choice)) and not self._damage_of(chosen):
            document = json.loads(self.live[chosen])
            media_type = document["mediaType"]
            assert self.content.push(chosen[0], document, tag, media_type=media_type) == chosen[1]
            self.tags[chosen[0], tag] = chosen[1]

    @precondition(lambda self: self.pushed)
    @rule(repository=repositories, tag=st.sampled_from(TAGS))
    def untag(self, repository: str, tag: str) -> None:
        known = (repository, tag) in self.tags
        refused = self._refused(lambda: self._deletions.tag(self._registry, repository, tag, Origin()))
        assert refused == (None if known else refused)
        if known:
            del self.tags[repository, tag]

    @precondition(lambda self: self.pushed)
    @rule(choice=a_choice)
    def delete(self, choice: int) -> None:
        if chosen := self._chosen(choice):
            refused = self._refused(lambda: self.content.delete(*chosen))
            assert (refused is not None) == self._stays(chosen)
            if refused is None:
                self._gone(chosen)

    @precondition(lambda self: self.pushed)
    @rule(repository=repositories)
    def delete_a_repository(self, repository: str) -> None:
        mine = [key for key in self.live if key[0] == repository]
        refused = self._refused(lambda: self._deletions.repository(self._registry, repository, Origin()))
        assert (refused is not None) == (not mine or bool(self.locked.intersection(mine)))
        if refused is None:
            for key in mine:
                self._gone(key)

    # --- what owners do

    @precondition(lambda self: self.pushed)
    @rule(choice=a_choice, enabled=st.booleans())
    def lock(self, choice: int, enabled: bool) -> None:
        if chosen := self._chosen(choice):
            services = self.content.services
            wish = Attribute(self._place(chosen[0]), {"deleteEnabled": enabled}, Origin())
            Attributes(services.database, services.clock, services.events).manifest(wish, chosen[1])
            (self.locked.discard if enabled else self.locked.add)(chosen)

    @precondition(lambda self: self.pushed)
    @rule(on=st.booleans())
    def soft_delete(self, on: bool) -> None:
        self.content.change(soft_delete_days=SOFT_DELETE_DAYS if on else None)

    @precondition(lambda self: self.pushed)
    @rule(on=st.booleans())
    def retention(self, on: bool) -> None:
        self.content.change(retention_days=RETENTION_DAYS if on else None)
        self.retained = on

    @precondition(lambda self: self.pushed)
    @rule(choice=a_choice)
    def restore(self, choice: int) -> None:
        deleted = self.content.rows(
            "SELECT r.name, m.digest FROM manifests m JOIN repositories r ON r.id = m.repository_id "
            "WHERE m.deleted_at IS NOT NULL ORDER BY r.name, m.digest"
        )
        if deleted:
            repository, digest = deleted[choice % len(deleted)]
            services = self.content.services
            restores = Restores(services.database, services.clock, services.events)
            back = restores.manifest(Wish(self._place(repository), digest, None, force=False))
            assert digest in back.manifests
            self._look_again()
            assert (repository, digest) in self.live

    @precondition(lambda self: self.pushed)
    @rule(repository=repositories)
    def purge(self, repository: str) -> None:
        purges = purges_of(self.content.services)
        self._refused(lambda: purges.repository(self._place(repository), Origin()))

    # --- what time does

    @rule(seconds=st.sampled_from([MINUTE, HOUR, 2 * HOUR, DAY, 4 * DAY]))
    def time_passes(self, seconds: float) -> None:
        self.content.clock.pass_by(seconds)

    @precondition(lambda self: self.pushed)
    @rule()
    def upkeep(self) -> None:
        before, tags, locked = dict(self.live), dict(self.tags), set(self.locked)
        young = self._changed_since(RETENTION_DAYS * DAY)
        self.content.do()
        self._look_again()
        assert self.tags == tags
        gone = {key: json.loads(before[key]) for key in before.keys() - self.live.keys()}
        for key, document in gone.items():
            assert self.retained, key
            assert key not in locked, key
            assert key[1] not in {digest for (name, _), digest in tags.items() if name == key[0]}, key
            assert key not in young or _went_along(key, document, gone), key

    @precondition(lambda self: self.pushed)
    @rule(choice=a_choice)
    def a_disk_fails(self, choice: int) -> None:
        if stored := sorted(self.content.stored()):
            digest = stored[choice % len(stored)]
            (path,) = (self._state / "blobs").rglob(f"blobs/**/{parse_digest(digest).hex}")
            path.write_bytes(b"X" + path.read_bytes()[1:])
            self.content.clock.pass_by(2 * SCRUB_DAYS * DAY)
            self.content.do("scrub")
            self.damaged.add(digest)

    # --- what must hold

    @invariant()
    def what_must_be_served_is(self) -> None:
        for (repository, digest), payload in self.live.items():
            assert self.content.manifest(repository, digest) == payload
            for blob, content in _blobs_of(payload).items():
                served = self.content.blob(repository, blob)
                assert served == (None if blob in self.damaged else content), (repository, digest, blob)

    @invariant()
    def tags_name_what_they_should(self) -> None:
        found = self.content.rows(
            "SELECT r.name, t.name, t.digest FROM tags t JOIN repositories r ON r.id = t.repository_id "
            "WHERE t.until IS NULL"
        )
        assert {(repository, tag): digest for repository, tag, digest in found} == self.tags

    @invariant()
    def everything_adds_up(self) -> None:
        assert self.content.differences() == []

    def teardown(self) -> None:
        """Let all graces pass: what is left is what manifests name, in the store and in the database."""
        self.content.clock.pass_by(8 * DAY)
        self.content.settle()
        self._look_again()
        named = {
            blob
            for (_, payload) in self.content.rows("SELECT digest, payload FROM manifests")
            for blob in _blobs_of(bytes(payload))
        }
        assert self.content.stored() == named - self.damaged
        assert {digest for (digest,) in self.content.rows("SELECT digest FROM blobs")} == named
        assert list((self._state / "blobs").rglob("uploads/*")) == []
        self.everything_adds_up()
        type(self).closed(self.content)

    # --- helpers

    @property
    def _registry(self) -> int:
        return self.content.registry.id

    @property
    def _deletions(self) -> Any:
        return self.content.services.deletions

    @property
    def _state(self) -> Path:
        return self.content.services.settings.state_dir

    def _place(self, repository: str) -> Place:
        return Place(self._registry, repository)

    def _chosen(self, choice: int, repository: str | None = None) -> Key | None:
        keys = sorted(key for key in self.live if repository in {None, key[0]})
        return keys[choice % len(keys)] if keys else None

    def _pushed(self, repository: str, document: dict[str, Any], tags: list[str], digest: str) -> None:
        if (repository, digest) not in self.live:
            self.locked.discard((repository, digest))
            self._relock((repository, digest))
        self.pushed = True
        self.live[repository, digest] = json.dumps(document).encode()
        self.tags |= {(repository, tag): digest for tag in tags}

    def _gone(self, key: Key) -> None:
        del self.live[key]
        self.locked.discard(key)
        self.tags = {
            (repository, tag): digest
            for (repository, tag), digest in self.tags.items()
            if (repository, digest) != key
        }

    def _stays(self, key: Key, seen: frozenset[Key] = frozenset()) -> bool:
        """Tell whether a manifest may not be deleted: it is locked, or part of an index that is."""
        return key in self.locked or any(
            self._stays(above, seen | {key})
            for above, payload in self.live.items()
            if above[0] == key[0] and above not in seen and key[1] in _children_of(json.loads(payload))
        )

    def _damage_of(self, key: Key) -> set[str]:
        return self.damaged.intersection(_blobs_of(self.live[key]))

    def _refused(self, action: Callable[[], Any]) -> str | None:
        try:
            action()
        except Failure as failure:
            return failure.kind.code
        return None

    def _changed_since(self, seconds: float) -> set[Key]:
        """Manifests that were pushed or lost their last tag within some time."""
        moment = int((self.content.clock.now().timestamp() - seconds) * 10**6)
        rows = self.content.rows(
            "SELECT r.name, m.digest FROM manifests m JOIN repositories r ON r.id = m.repository_id "
            "WHERE m.untagged_at > :moment OR m.untagged_at IS NULL",
            moment=moment,
        )
        return {(repository, digest) for repository, digest in rows}

    def _look_again(self) -> None:
        """Take over what is there now: after time, and after a restore, which brings more than was asked."""
        rows = self.content.rows(
            "SELECT r.name, m.digest, m.payload, m.locks FROM manifests m "
            "JOIN repositories r ON r.id = m.repository_id WHERE m.deleted_at IS NULL"
        )
        self.live = {(repository, digest): bytes(payload) for repository, digest, payload, _ in rows}
        self.locked = {(repository, digest) for repository, digest, _, locks in rows if locks}
        found = self.content.rows(
            "SELECT r.name, t.name, t.digest FROM tags t JOIN repositories r ON r.id = t.repository_id "
            "WHERE t.until IS NULL"
        )
        self.tags = {(repository, tag): digest for repository, tag, digest in found}

    def _relock(self, key: Key) -> None:
        """A manifest that comes back by a push may have kept its locks."""
        rows = self.content.rows(
            "SELECT m.locks FROM manifests m JOIN repositories r ON r.id = m.repository_id "
            "WHERE r.name = :name AND m.digest = :digest",
            name=key[0],
            digest=key[1],
        )
        if rows and rows[0][0]:
            self.locked.add(key)


def _blobs_of(payload: bytes) -> dict[str, bytes]:
    """Return the blobs that a manifest of the machine names."""
    known = {digest_of(content): content for content in (CONFIG, *LAYERS)}
    document = json.loads(payload)
    named = [document["config"], *document["layers"]] if "config" in document else []
    return {one["digest"]: known[one["digest"]] for one in named}


def _children_of(document: dict[str, Any]) -> set[str]:
    return {child["digest"] for child in document.get("manifests", ())}


def _went_along(key: Key, document: dict[str, Any], gone: dict[Key, dict[str, Any]]) -> bool:
    """Tell whether a manifest went because its subject did, or an index that named it."""
    subject = document.get("subject", {}).get("digest")
    return (key[0], subject) in gone or any(
        key[1] in _children_of(other) for (repository, _), other in gone.items() if repository == key[0]
    )


def run(database: Callable[[Path], AbstractContextManager[str]], folder: Path, examples: int) -> None:
    """Run the machine over fresh databases; the same chance every time, unless it is a long run."""
    is_long = os.environ.get("PROPERTIES_FULL") == "1"
    copies: dict[int, AbstractContextManager[str]] = {}
    numbers = iter(range(10**6))

    def opened() -> Content:
        home = folder / str(next(numbers))
        home.mkdir()
        copy = database(home)
        content = Content.begin(
            home, Database(copy.__enter__()), scrub_days=SCRUB_DAYS, upload_lifetime=2 * DAY
        )
        copies[id(content)] = copy
        return content

    def closed(content: Content) -> None:
        content.services.database.dispose()
        copies.pop(id(content)).__exit__(None, None, None)

    machine = type(
        "Machine", (ContentMachine,), {"opened": staticmethod(opened), "closed": staticmethod(closed)}
    )
    chosen = settings(
        max_examples=examples * (5 if is_long else 1),
        stateful_step_count=50 if is_long else 25,
        derandomize=not is_long,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=set(Phase) - ({Phase.explain} if is_long else {Phase.shrink, Phase.explain}),
    )
    run_state_machine_as_test(machine, settings=chosen)


@pytest.mark.timeout(7200)
def test_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    run(lambda folder: sqlite_copy(sqlite_template, folder), tmp_path, 30)


@pytest.mark.timeout(7200)
def test_on_postgresql(postgres: PostgresServer, postgres_template: str, tmp_path: Path) -> None:
    run(lambda _folder: postgres_copy(postgres, postgres_template), tmp_path, 5)
