"""Importing images: from a registry of this deployment or from any other, as a durable operation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from controlplane.domain.events import Origin
from controlplane.domain.principals import Principal
from controlplane.domain.references import is_tag
from controlplane.domain.repository_names import is_repository_name
from controlplane.domain.scopes import REGISTRY_TYPE, parse_scope
from controlplane.domain.upstreams import HOST_RULE, Image, host_of, is_host, parse_image, repository_at
from controlplane.kernel import catalogue
from controlplane.kernel.errors import Failure
from controlplane.kernel.refusals import wrong_member
from controlplane.persistence import content_repositories, content_tags, registries
from controlplane.persistence.database import Database, Transaction
from controlplane.persistence.registries import RegistryRow
from controlplane.services.access import Access
from controlplane.services.content_copy import Copier, Into, read_artifact
from controlplane.services.content_sources import LocalSource, Source, UpstreamSource
from controlplane.services.upload_sessions import Place
from controlplane.services.upstream import Login
from controlplane.services.upstream_errors import UpstreamError
from controlplane.services.upstreams import Upstreams
from controlplane.services.vault import Vault

NO_FORCE, FORCE = "NoForce", "Force"
_MOST_TARGETS = 100


@dataclass(frozen=True, slots=True)
class Target:
    """Where an image goes: a repository, and the tag to set there (None: no tag)."""

    repository: str
    tag: str | None


class Imports:
    """Checks and carries out imports. Safe to share between threads."""

    def __init__(
        self, database: Database, access: Access, vault: Vault, upstreams: Upstreams, copier: Copier
    ) -> None:
        self._database = database
        self._access = access
        self._vault = vault
        self._upstreams = upstreams
        self._copier = copier

    def accept(
        self, tx: Transaction, target: RegistryRow, wanted: Mapping[str, Any], principal: Principal
    ) -> dict[str, Any]:
        """Check an import and return the operation's input; a password in it is sealed.

        Raises:
            Failure: INVALID_REQUEST_CONTENT, IMPORT_CONFLICT, SOURCE_NOT_FOUND or AUTHORIZATION_FAILED.
        """
        source = wanted["source"]
        image = _image(source["sourceImage"])
        targets = _targets(wanted, image)
        mode = wanted.get("mode") or NO_FORCE
        if mode == NO_FORCE:
            _refuse_existing(tx, target.id, targets)
        found: dict[str, Any] = {
            "image": image.text,
            "mode": mode,
            "targets": [{"repository": one.repository, "tag": one.tag} for one in targets],
            "referrers": bool(wanted.get("referrers")),
        }
        local = self._local(tx, source)
        if local is not None:
            self._check_rights(tx, local, image, principal)
            return found | {"registry": local.id}
        return found | self._remote(source)

    def digest(self, given: Mapping[str, Any]) -> str:
        """Return the digest of the manifest to import: whatever becomes of its tag, this one is imported.

        Raises:
            Failure: IMPORT_FAILED, with the cause.
        """
        image = _image(given["image"])
        try:
            return self._source(given).manifest(image.reference).digest
        except UpstreamError as error:
            raise _failed(image, error) from error

    def copy(
        self, target: RegistryRow, given: Mapping[str, Any], digest: str, report: Callable[[int], None]
    ) -> int:
        """Copy an artifact to its targets, tags not yet set; return its bytes.

        Twice, or dies midway: what is there is skipped.

        Raises:
            Failure: IMPORT_FAILED, with the cause, or what the target refuses.
        """
        image, source = _image(given["image"]), self._source(given)
        try:
            artifact = read_artifact(source, digest, referrers=given["referrers"])
            for repository in dict.fromkeys(one["repository"] for one in given["targets"]):
                place = Place(target.id, repository, "import")
                self._copier.blobs(source, artifact, place, report)
                self._copier.manifests(artifact, _into(target, repository, given))
        except UpstreamError as error:
            raise _failed(image, error) from error
        return artifact.size

    def tag(self, target: RegistryRow, given: Mapping[str, Any], digest: str) -> list[str]:
        """Let the tags of an import name what was copied; return them.

        Raises:
            Failure: IMPORT_CONFLICT, or what the target refuses.
        """
        targets = [Target(one["repository"], one["tag"]) for one in given["targets"] if one["tag"]]
        if given["mode"] == NO_FORCE:
            with self._database.read() as tx:
                _refuse_existing(tx, target.id, targets, digest)
        for one in targets:
            local = LocalSource(self._database, self._copier.store, target.id, one.repository)
            found = local.manifest(digest)
            self._copier.manifest(found, _into(target, one.repository, given), one.tag or "")
        return [f"{one.repository}:{one.tag}" for one in targets]

    def _local(self, tx: Transaction, source: Mapping[str, Any]) -> RegistryRow | None:
        """Return the registry of this deployment that a source is, if it is one."""
        key, uri = source.get("resourceId"), source.get("registryUri")
        if bool(key) == bool(uri):
            raise wrong_member("source", "needs either resourceId or registryUri")
        if key:
            row = registries.by_key(tx, key.rstrip("/").lower())
            if row is None:
                raise Failure(catalogue.IMPORT_SOURCE_NOT_FOUND, source=key, target="source.resourceId")
            return row
        found = None if source.get("credentials") else registries.by_host(tx, host_of(str(uri)))
        return None if found is None else found[0]

    def _check_rights(self, tx: Transaction, source: RegistryRow, image: Image, principal: Principal) -> None:
        scope = parse_scope(source.key)
        held = self._access.registry_actions(
            tx, principal, scope, source.role_assignment_mode, image.repository
        )
        if "pull" not in held:
            raise Failure(
                catalogue.AUTHORIZATION_FAILED,
                client=principal.app_id or principal.object_id,
                object_id=principal.object_id,
                action=f"{REGISTRY_TYPE}/pull/read",
                scope=scope.id,
            )

    def _remote(self, source: Mapping[str, Any]) -> dict[str, Any]:
        host = host_of(source["registryUri"])
        if not is_host(host):
            raise wrong_member("source.registryUri", HOST_RULE)
        known = source.get("credentials")
        if known is None:
            return {"host": host}
        sealed = self._vault.seal(known["password"])
        # An access token of the source's own comes without a user name.
        return {"host": host, "username": known.get("username") or _TOKEN_USER, "password": sealed}

    def _source(self, given: Mapping[str, Any]) -> Source:
        image = _image(given["image"])
        if "registry" in given:
            return LocalSource(self._database, self._copier.store, given["registry"], image.repository)
        login = None
        if "password" in given:
            login = Login(given["username"], self._vault.open(given["password"]))
        upstream = self._upstreams.client(given["host"], login)
        return UpstreamSource(upstream, repository_at(given["host"], image.repository))


_TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - the user name of whoever has a token


def _into(target: RegistryRow, repository: str, given: Mapping[str, Any]) -> Into:
    origin = Origin(actor=given.get("actor"), method="IMPORT", host=given.get("host", ""))
    return Into(target.id, repository, origin, target.quarantine)


def _image(text: str) -> Image:
    try:
        return parse_image(text)
    except ValueError as error:
        raise wrong_member("source.sourceImage", str(error)) from None


def _targets(wanted: Mapping[str, Any], image: Image) -> list[Target]:
    """Return where an image goes; without a word about it, to where it comes from."""
    found = [_target(text, image) for text in wanted.get("targetTags") or ()]
    for name in wanted.get("untaggedTargetRepositories") or ():
        if not is_repository_name(name):
            raise wrong_member("untaggedTargetRepositories", f"'{name}' is no repository")
        found.append(Target(name, None))
    if len(found) > _MOST_TARGETS:
        raise wrong_member("targetTags", f"names more than {_MOST_TARGETS} targets")
    if not found:
        found.append(Target(image.repository, None if image.by_digest else image.reference))
    return list(dict.fromkeys(found))


def _target(text: str, image: Image) -> Target:
    name, colon, tag = text.partition(":")
    tag = tag if colon else "latest" if image.by_digest else image.reference
    if not is_repository_name(name) or not is_tag(tag):
        raise wrong_member("targetTags", f"'{text}' is not REPOSITORY:TAG")
    return Target(name, tag)


def _refuse_existing(
    tx: Transaction, registry_id: int, targets: Sequence[Target], digest: str | None = None
) -> None:
    for one in targets:
        row = None if one.tag is None else content_repositories.find(tx, registry_id, one.repository)
        tag = None if row is None or one.tag is None else content_tags.find(tx, row.id, one.tag)
        if tag is not None and tag.digest != digest:
            raise Failure(catalogue.IMPORT_CONFLICT, tag=f"{one.repository}:{one.tag}", target="targetTags")


def _failed(image: Image, error: UpstreamError) -> Failure:
    return Failure(catalogue.IMPORT_FAILED, image=image.text, reason=error)
