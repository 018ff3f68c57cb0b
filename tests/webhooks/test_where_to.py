"""Where a webhook may lead: attack 7, requests that the service could be talked into."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from controlplane.domain.addresses import is_reachable, networks
from controlplane.domain.webhooks import header_problem
from controlplane.kernel.errors import Failure
from controlplane.services.outbound import ForbiddenAddressError, Outbound, OutboundError
from controlplane.settings.model import Settings
from tests.support.receivers import receiver
from tests.webhooks.conftest import Hooked

_INNER = [  # none of them is bound to
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.5.4", "192.168.1.1",  # noqa: S104
    "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::127.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize("address", _INNER)
def test_addresses_of_inner_networks_are_not_reached(address: str) -> None:
    assert not is_reachable(address, ())


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_addresses_of_the_world_are_reached(address: str) -> None:
    assert is_reachable(address, ())


def test_a_network_that_an_operator_names_is_reached_and_no_other() -> None:
    named = networks(["10.1.0.0/16"])
    assert is_reachable("10.1.2.3", named)
    assert is_reachable("::ffff:10.1.2.3", named)
    assert not is_reachable("10.2.2.3", named)


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0177.0.0.1", "0x7f.1", "localhost", "[::1]"])
def test_no_spelling_of_a_loopback_address_is_connected_to(tmp_path: Path, host: str) -> None:
    outbound = Outbound(Settings(state_dir=tmp_path))
    with receiver() as there:
        with pytest.raises(OutboundError) as refused:
            outbound.post(f"http://{host}:{there.port}/", {}, b"{}", seconds=1, limit=10)
        assert isinstance(refused.value, ForbiddenAddressError) or host in {"0x7f.1", "0177.0.0.1"}
        assert not there.received


def test_a_name_with_one_forbidden_address_among_others_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        assert host == "rebinding.example.com"
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, ("93.184.216.34", port)), (*kind, ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(ForbiddenAddressError):
        Outbound(Settings(state_dir=tmp_path)).post(
            "http://rebinding.example.com/", {}, b"{}", seconds=1, limit=10
        )


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "gopher://example.com/", "ftp://example.com", "//x", "http://"]
)
def test_other_schemes_are_refused(hooked: Hooked, url: str) -> None:
    with pytest.raises(Failure) as refused:
        hooked.add(url)
    assert refused.value.target == "properties.serviceUri"


@pytest.mark.parametrize(
    "url", ["http://a b/", "http://user:pass@example.com/", "http://x\r\nHost: y/", "http://x:99999/"]
)
def test_urls_that_hide_something_are_refused(hooked: Hooked, url: str) -> None:
    with pytest.raises(Failure):
        hooked.add(url)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Evil", "a\r\nHost: inner"),
        ("X-Evil\r\nHost", "inner"),
        ("Host", "inner"),
        ("Content-Length", "0"),
        ("Transfer-Encoding", "chunked"),
        ("X-Acrctl-Signature", "forged"),
        ("X-Ä", "a"),
        ("X-Evil", "ä"),
        ("", "a"),
    ],
)
def test_headers_that_would_change_the_request_are_refused(hooked: Hooked, name: str, value: str) -> None:
    assert header_problem(name, value)
    with pytest.raises(Failure) as refused:
        hooked.add("https://example.com", customHeaders={name: value})
    assert refused.value.target == "properties.customHeaders"
