"""The vault: encrypts what must be shown again, and hashes with a key what must only be recognised.

Master keys have ids; the first one is used for new text, all of them for old, so that a key is rotated by
putting a new one in front. Three keys are derived from each: to encrypt (AES-256-GCM), to hash and to sign
(HMAC-SHA-256). The id stands in front of what is stored and is authenticated with it; signatures are of
things that live for hours, and name no key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from controlplane.settings.model import Settings

KEY_BYTES = 32
_SIGNED_BYTES = 16  # of the hash: 128 bits that would have to be guessed
_NONCE_BYTES = 12  # what GCM takes
_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
KEY_FILE = "master.key"


class VaultError(Exception):
    """A master key is missing or malformed, or a sealed text was not made with any key at hand."""


class Vault:
    """Encryption and keyed hashes under the deployment's master keys. Safe to share between threads.

    Args:
        keys: 32-byte keys by id; the first one seals.

    Raises:
        VaultError: there is no key, or one has the wrong length or id.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        if not keys:
            raise VaultError("no master key is set")
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise VaultError(f"a master key is an id, a colon and {KEY_BYTES} bytes in base64")
        self._first = next(iter(keys))
        self._ciphers = {key_id: AESGCM(_derive(key, b"seal")) for key_id, key in keys.items()}
        self._hashes = {key_id: _derive(key, b"hash") for key_id, key in keys.items()}
        self._signers = [_derive(key, b"sign") for key in keys.values()]

    def seal(self, plain: str) -> str:
        """Encrypt a text; every call gives another result."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        body = self._ciphers[self._first].encrypt(nonce, plain.encode(), self._first.encode())
        return f"{self._first}:{base64.b64encode(nonce + body).decode()}"

    def open(self, sealed: str) -> str:
        """Decrypt what ``seal`` made.

        Raises:
            VaultError: its key is not among the master keys, or it was tampered with.
        """
        key_id, _, text = sealed.partition(":")
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise VaultError(f"the master key '{key_id}' is not set")
        try:
            body = base64.b64decode(text, validate=True)
            return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], key_id.encode()).decode()
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise VaultError("a sealed text does not open with its master key") from error

    def mac(self, text: str) -> str:
        """Hash a high-entropy text with the first key; what people choose would need a slow hash."""
        return self._mac(self._first, text)

    def matches(self, text: str, mac: str) -> bool:
        """Tell in constant time whether ``mac`` was made of ``text``, with whichever key is still set."""
        key_id = mac.partition(":")[0]
        return key_id in self._hashes and hmac.compare_digest(self._mac(key_id, text), mac)

    def sign(self, *parts: str) -> str:
        """Return 22 URL-safe characters that only this deployment can make of these texts, without NUL."""
        return _signature(self._signers[0], parts)

    def is_signed(self, signature: str, *parts: str) -> bool:
        """Tell in constant time whether a signature was made of texts, with whichever key is still set."""
        return any(hmac.compare_digest(_signature(key, parts), signature) for key in self._signers)

    def _mac(self, key_id: str, text: str) -> str:
        return f"{key_id}:{hmac.new(self._hashes[key_id], text.encode(), hashlib.sha256).hexdigest()}"


def vault_from(settings: Settings) -> Vault:
    """Open the vault with the keys of the settings, or those of the state folder.

    Raises:
        VaultError: neither has a key, or one is malformed.
    """
    if settings.master_key is not None:
        return Vault(parse_keys(settings.master_key.get_secret_value()))
    path = settings.state_dir / KEY_FILE
    try:
        return Vault(parse_keys(path.read_text(encoding="ascii").strip()))
    except FileNotFoundError:
        raise VaultError(f"ACRCTL_MASTER_KEY is not set and {path} does not exist") from None


def ensure_key_file(settings: Settings) -> Vault:
    """Open the vault; at the very first start, make the key file of the state folder (mode 0600).

    Twice, or from several processes at once: the first file stays, everybody reads that one.

    Raises:
        VaultError: a key is malformed.
        OSError: the state folder cannot be written.
    """
    path = settings.state_dir / KEY_FILE
    if settings.master_key is None and not path.exists():
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        _write_once(
            path, f"k{secrets.token_hex(4)}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}\n"
        )
    return vault_from(settings)


def parse_keys(text: str) -> dict[str, bytes]:
    """Read ``id:base64[,id:base64…]``.

    Raises:
        VaultError: it is malformed. The text is not repeated: it is secret.
    """
    keys = {}
    for part in text.split(","):
        key_id, _, encoded = part.strip().partition(":")
        try:
            keys[key_id] = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            raise VaultError("a master key is not valid base64") from None
    return keys


def _write_once(path: Path, text: str) -> None:
    """Let a file appear whole or not at all, and never replace one: a lost master key loses every secret."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _signature(key: bytes, parts: Sequence[str]) -> str:
    mac = hmac.digest(key, "\0".join(parts).encode(), "sha256")
    return base64.urlsafe_b64encode(mac[:_SIGNED_BYTES]).rstrip(b"=").decode()


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"acrctl " + purpose).derive(key)
