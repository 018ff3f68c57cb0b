from __future__ import annotations

import base64
import os
import threading

import pytest

from controlplane.services.vault import KEY_FILE, Vault, VaultError, ensure_key_file, parse_keys, vault_from
from controlplane.settings.model import Settings


def test_what_is_sealed_opens_and_never_looks_the_same() -> None:
    vault = Vault({"a": os.urandom(32)})
    first, second = vault.seal("open sesame"), vault.seal("open sesame")
    assert first != second
    assert "sesame" not in first
    assert vault.open(first) == vault.open(second) == "open sesame"


def test_a_new_key_in_front_seals_and_the_old_one_still_opens() -> None:
    old, new = os.urandom(32), os.urandom(32)
    before = Vault({"old": old})
    sealed, mac = before.seal("text"), before.mac("secret")
    after = Vault({"new": new, "old": old})
    assert after.open(sealed) == "text"
    assert after.matches("secret", mac)
    assert after.seal("text").startswith("new:")
    assert not Vault({"new": new}).matches("secret", mac)


@pytest.mark.parametrize(
    "sealed", ["", "a", "a:", "a:!!!", "b:AAAA", "a:" + base64.b64encode(b"x" * 40).decode()]
)
def test_what_the_vault_did_not_seal_does_not_open(sealed: str) -> None:
    with pytest.raises(VaultError):
        Vault({"a": os.urandom(32)}).open(sealed)


def test_a_sealed_text_does_not_open_under_the_id_of_another_key() -> None:
    key = os.urandom(32)
    sealed = Vault({"a": key}).seal("text")
    with pytest.raises(VaultError):
        Vault({"b": key}).open("b" + sealed[1:])


def test_a_hash_is_keyed() -> None:
    one, other = Vault({"a": os.urandom(32)}), Vault({"a": os.urandom(32)})
    assert one.mac("x") == one.mac("x")
    assert one.mac("x") != other.mac("x")
    assert not one.matches("y", one.mac("x"))


def test_the_key_file_is_made_once_for_all_and_private(settings: Settings) -> None:
    vaults: list[Vault] = []
    threads = [threading.Thread(target=lambda: vaults.append(ensure_key_file(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = settings.state_dir / KEY_FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in settings.state_dir.iterdir()] == [KEY_FILE]
    sealed = vaults[0].seal("text")
    assert all(vault.open(sealed) == "text" for vault in vaults)
    assert vault_from(settings).open(sealed) == "text"


def test_without_any_key_the_vault_says_what_to_set(settings: Settings) -> None:
    with pytest.raises(VaultError, match="ACRCTL_MASTER_KEY"):
        vault_from(settings)


@pytest.mark.parametrize("text", ["", "a", "a:", "a:notbase64!", "a:" + base64.b64encode(b"short").decode()])
def test_a_malformed_master_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(VaultError) as caught:
        Vault(parse_keys(text))
    assert "short" not in str(caught.value)
    assert "notbase64" not in str(caught.value)
