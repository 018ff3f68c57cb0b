"""What the path of an upload says: whose it is, where its bytes are, and what they hash to so far.

An upload is bytes in a store, under an id; there is no row of it. That it belongs to a caller, a repository
and a region is signed into its path, so any process can go on with it, and neither to begin one nor to add to
it writes to the database.

A process that has taken bytes in adds to the path what they hash to, so that another one that finishes the
upload need not read them again. That is a shortcut and nothing more: an older path of the same upload is as
good. It holds for one run of the machine that signed it, because bytes that were not synced may be lost
with its power, and others put in their place.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from controlplane.domain.registry_errors import UPLOAD_UNKNOWN
from controlplane.kernel.errors import Failure
from controlplane.kernel.ids import Ids
from controlplane.services.vault import Vault

_OWN, _HASHED = "upload", "hashed"  # what is signed
_SIGNATURE = "[A-Za-z0-9_-]{22}"
_TEXT = re.compile(
    rf"(?P<own>(?P<id>[0-9a-f-]{{36}})\.(?P<region>[a-z0-9]*)\.(?P<signature>{_SIGNATURE}))"
    rf"(?:\.(?P<length>[0-9]{{1,19}})\.(?P<sha256>[0-9a-f]{{64}})\.(?P<proof>{_SIGNATURE}))?"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The repository that bytes are meant for, and who brings them.

    ``region`` is the one whose store takes them; empty: the home region.
    """

    registry_id: int
    repository: str
    owner: str
    region: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """An upload as its path speaks of it.

    Attributes:
        id: names its bytes in the store.
        region: whose store has them.
        own: the path's part that does not change.
        length, sha256: so many bytes, the first ones, have this hash; None when the path does not say.
        proof: the signature over these two.
    """

    id: str
    region: str
    own: str
    length: int | None = None
    sha256: str | None = None
    proof: str = ""

    def __str__(self) -> str:
        return self.own if self.length is None else f"{self.own}.{self.length}.{self.sha256}.{self.proof}"


class Sessions:
    """Makes and reads paths of uploads. Safe to share between threads."""

    def __init__(self, vault: Vault, ids: Ids) -> None:
        self._vault = vault
        self._ids = ids
        self._run = _run_of_the_machine()

    def begin(self, place: Place) -> Session:
        """Return a new upload of a caller to a repository."""
        upload = self._ids.uuid()
        signature = self._vault.sign(_OWN, upload, *_parts(place, place.region))
        return Session(upload, place.region, f"{upload}.{place.region}.{signature}")

    def read(self, place: Place, text: str) -> Session:
        """Return the upload that a path names, to the one who began it, in the repository it was begun for.

        Raises:
            Failure: UPLOAD_UNKNOWN.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise Failure(UPLOAD_UNKNOWN)
        session = Session(found["id"], found["region"], found["own"])
        parts = _parts(place, session.region)
        if not self._vault.is_signed(found["signature"], _OWN, session.id, *parts):
            raise Failure(UPLOAD_UNKNOWN)
        length, sha256, proof = found.group("length", "sha256", "proof")
        if proof is None or not self._vault.is_signed(proof, *self._hashed(session, length, sha256)):
            return session
        return replace(session, length=int(length), sha256=sha256, proof=proof)

    def hashed(self, session: Session, length: int, sha256: str) -> Session:
        """Return the upload with what its first bytes hash to."""
        proof = self._vault.sign(*self._hashed(session, str(length), sha256))
        return replace(session, length=length, sha256=sha256, proof=proof)

    def _hashed(self, session: Session, length: str, sha256: str) -> tuple[str, ...]:
        return _HASHED, self._run, session.id, length, sha256


def _parts(place: Place, region: str) -> tuple[str, ...]:
    return str(place.registry_id), place.repository, place.owner, region


def _run_of_the_machine() -> str:
    """Return a name of the time since the machine was started; where it has none, that of this process."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())
