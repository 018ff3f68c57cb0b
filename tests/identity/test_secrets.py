from __future__ import annotations

from collections.abc import Callable

import pytest

from controlplane.domain.secrets import lookup_of, new_secret
from controlplane.kernel.ids import RandomIds


def test_a_new_secret_is_recognisable_and_names_its_lookup() -> None:
    secret = new_secret(RandomIds())
    assert secret.text.startswith("acr_")
    assert len(secret.text) == 62
    assert secret.text.removeprefix("acr_").isalnum()
    assert lookup_of(secret.text) == secret.lookup
    assert secret.text.startswith(secret.hint)


def test_secrets_differ_in_every_part() -> None:
    made = [new_secret(RandomIds()) for _ in range(50)]
    assert len({secret.text[13:56] for secret in made}) == 50
    assert len({secret.lookup for secret in made}) == 50


def test_a_secret_is_not_told_by_its_repr() -> None:
    secret = new_secret(RandomIds())
    assert secret.text not in repr(secret)
    assert secret.text[13:] not in repr(secret)


@pytest.mark.parametrize(
    "change", [lambda s: s[:-1], lambda s: s + "0", lambda s: s[:4], lambda s: "acr-" + s[4:]]
)
def test_text_of_another_form_has_no_lookup(change: Callable[[str], str]) -> None:
    assert lookup_of(change(new_secret(RandomIds()).text)) is None


def test_a_typing_error_is_noticed_before_any_lookup() -> None:
    text = new_secret(RandomIds()).text
    for place in range(4, len(text)):
        other = "0" if text[place] != "0" else "1"
        assert lookup_of(text[:place] + other + text[place + 1 :]) is None


def test_text_that_is_not_ascii_is_refused_calmly() -> None:
    assert lookup_of("acr_" + "é" * 58) is None
