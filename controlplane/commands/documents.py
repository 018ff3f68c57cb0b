"""openapi, settings, coverage: documents made from the code, and the check that they are up to date."""

from __future__ import annotations

import json
from pathlib import Path

import click

from controlplane.app import openapi_document
from controlplane.commands import coverage_table, settings_table
from controlplane.commands.common import Refusal, load_settings, reporting

_DOCS = Path(__file__).resolve().parents[2] / "docs" / "reference"


@click.command()
@click.option("--write", is_flag=True, help="Write docs/reference/openapi.json.")
@click.option("--check", is_flag=True, help="Exit with 1 if docs/reference/openapi.json is out of date.")
@reporting
def openapi(*, write: bool, check: bool) -> None:
    """Print the OpenAPI document of the management API."""
    document = json.dumps(openapi_document(load_settings()), indent=1, sort_keys=True) + "\n"
    _deliver(document, _DOCS / "openapi.json", write=write, check=check)


@click.command()
@click.option("--markdown", is_flag=True, help="Print the reference page instead.")
@click.option("--write", is_flag=True, help="Write docs/reference/settings.md.")
@click.option("--check", is_flag=True, help="Exit with 1 if docs/reference/settings.md is out of date.")
@reporting
def settings(*, markdown: bool, write: bool, check: bool) -> None:
    """Print every setting and its value; secrets are masked, what was set is marked with *."""
    if markdown or write or check:
        _deliver(settings_table.markdown(), _DOCS / "settings.md", write=write, check=check)
        return
    for variable, value, was_set in settings_table.values(load_settings()):
        click.echo(f"{'*' if was_set else ' '} {variable:<34} {value}")


@click.command()
@click.option("--write", is_flag=True, help="Write docs/reference/coverage.md.")
@click.option("--check", is_flag=True, help="Exit with 1 if docs/reference/coverage.md is out of date.")
@reporting
def coverage(*, write: bool, check: bool) -> None:
    """Print which operations of Azure's API are served, and what is answered to the others."""
    if not coverage_table.FACTS.exists():
        raise Refusal(f"{coverage_table.FACTS} is missing.", "Run this in a checkout of the project.")
    _deliver(coverage_table.markdown(), _DOCS / "coverage.md", write=write, check=check)


def _deliver(text: str, file: Path, *, write: bool, check: bool) -> None:
    if write:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        click.echo(f"wrote {file}")
    elif check:
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            raise Refusal(f"{file} is out of date.", "Run: make openapi")
        click.echo(f"{file.name} is up to date")
    else:
        click.echo(text, nl=False)
