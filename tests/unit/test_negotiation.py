"""Which Accept headers take which manifest."""

from __future__ import annotations

import pytest

from controlplane.domain.negotiation import accepts

OCI = "application/vnd.oci.image.manifest.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        "*/*",
        "application/*",
        "application/json",
        OCI,
        OCI.upper(),
        f"{DOCKER}, {OCI}",
        f"{DOCKER},{OCI};q=0.1",
        f"text/html, {DOCKER};q=0.5, */*;q=0.1",
        f"{DOCKER};{OCI}",  # as a client of the field joins them
        f"{OCI};charset=utf-8",
        "x/y," * 3000,  # too long to be looked at
    ],
)
def test_what_takes_an_oci_image(header: str) -> None:
    assert accepts(header, OCI)


@pytest.mark.parametrize(
    "header",
    [
        DOCKER,
        "text/html",
        "text/*",
        f"{OCI};q=0",
        f"{OCI};q=0.000, */*",
        "*/*;q=0.0",
        "application/vnd.oci.image.*",
        f"{OCI}x",
        "nonsense",
        ",;,;",
    ],
)
def test_what_does_not(header: str) -> None:
    assert not accepts(header, OCI)
