from __future__ import annotations

import pytest
from click.testing import CliRunner

from controlplane.__main__ import main
from controlplane.services.bootstrap import BootstrapResult
from controlplane.services.graph import Services
from controlplane.services.issuer import ENTRA, REGISTRY


@pytest.fixture
def cli(services: Services, owner: BootstrapResult, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    assert owner.secret is not None
    monkeypatch.setenv("ACRCTL_STATE_DIR", str(services.settings.state_dir))
    return CliRunner()


def kids(services: Services, purpose: str) -> list[str]:
    services.issuer._loaded = float("-inf")  # noqa: SLF001 - as if the pause between two looks were over
    return [key["kid"] for key in services.issuer.jwks(purpose)["keys"]]


def test_keys_rotate_makes_a_new_key_for_each_purpose(cli: CliRunner, services: Services) -> None:
    before = {purpose: kids(services, purpose) for purpose in (ENTRA, REGISTRY)}
    done = cli.invoke(main, ["keys", "rotate"])
    assert done.exit_code == 0, done.output
    for purpose, old in before.items():
        assert set(old) < set(kids(services, purpose))


def test_one_purpose_can_be_rotated_alone(cli: CliRunner, services: Services) -> None:
    before = kids(services, ENTRA)
    assert cli.invoke(main, ["keys", "rotate", "registry"]).exit_code == 0
    assert kids(services, ENTRA) == before


def test_an_unknown_purpose_is_a_usage_error(cli: CliRunner) -> None:
    assert cli.invoke(main, ["keys", "rotate", "tls"]).exit_code == 2
