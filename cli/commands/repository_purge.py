"""`acrctl repository purge`: delete tags by pattern and age, and manifests without tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli import options, purge
from cli.access import open_registry
from cli.commands.repository import ACCESS
from cli.dataplane import RegistryClient, attributes_path
from cli.progress import counted
from cli.prompts import confirm
from cli.spec import Args, Command, Kind, Option, Rows

if TYPE_CHECKING:
    from cli.session import Session


def _purge(session: Session, args: Args) -> object:
    filters = [purge.parse(text) for text in args.filter]
    client = open_registry(session, args)
    wanted = purge.selected(filters, lambda: _catalog(client))
    if not args.dry_run and not args.yes:
        confirm(_question(_run(session, client, args, wanted, dry_run=True)), yes=False)
    return _run(session, client, args, wanted, dry_run=args.dry_run)


def _catalog(client: RegistryClient) -> list[str]:
    return client.list("/v2/_catalog", client.access_token("registry:catalog:*"), "repositories")


def _run(
    session: Session, client: RegistryClient, args: Args, wanted: list[tuple[str, str]], *, dry_run: bool
) -> dict[str, Any]:
    """Purge one repository after the other and return what went, or would go, and the sums."""
    given = {"ago": args.ago, "keep": args.keep, "untagged": args.untagged, "dryRun": dry_run}
    body = {name: value for name, value in given.items() if value is not None}
    done = []
    for repository, pattern in counted(wanted, "Repository", quiet=session.common.only_show_errors):
        token = client.access_token(f"repository:{repository}:delete,metadata_read")
        path = f"{attributes_path(repository)}/_purge"
        answer = client.call("POST", path, token, json={"filter": pattern, **body}).json()
        done.append({"repository": repository, **answer})
    return {
        "dryRun": dry_run,
        "repositories": done,
        "tags": sum(len(one["tags"]) for one in done),
        "manifests": sum(len(one["manifests"]) for one in done),
        "freed": sum(one["freed"] for one in done),
    }


def _question(plan: dict[str, Any]) -> str:
    lines = [f"  {one['repository']}:{tag}" for one in plan["repositories"] for tag in one["tags"]]
    count = f"{plan['tags']} tags and {plan['manifests']} manifests ({plan['freed']} bytes)"
    return "\n".join([*lines, f"This operation will delete {count}.\nAre you sure you want to continue?"])


def _rows(result: Any) -> Rows:
    return [
        {
            "REPOSITORY": one["repository"],
            "TAGS": len(one["tags"]),
            "MANIFESTS": len(one["manifests"]),
            "FREED": one["freed"],
        }
        for one in result["repositories"]
    ]


COMMANDS = {
    "purge": Command(
        _purge,
        (
            options.REGISTRY,
            Option(
                ("--filter",),
                "REPOSITORY:TAGS, both regular expressions for the whole name; may be given again.",
                Kind.WORDS,
                required=True,
            ),
            Option(("--ago",), "Only what is older, such as 7d, 12h or 1d6h.", default="0d"),
            Option(("--keep",), "Keep so many of the newest tags that fit.", Kind.NUMBER),
            Option(("--untagged",), "Also manifests without a tag.", Kind.FLAG),
            Option(("--dry-run",), "Only tell what would go.", Kind.FLAG),
            *ACCESS,
            options.YES,
        ),
        (
            (
                "What would go: builds older than a week, except the newest three?",
                "acrctl repository purge -n demo01 --filter 'hello:build-.*' --ago 7d --keep 3 --dry-run",
            ),
            (
                "In all repositories of a team, with manifests that have no tag.",
                "acrctl repository purge -n demo01 --filter 'team-a/.*:pr-.*' --ago 30d --untagged --yes",
            ),
        ),
        about="Locks, write-once rules and soft delete hold here as for every deletion.",
        table=_rows,
    ),
}
