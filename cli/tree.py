"""The tree of commands: names, one-line summaries and where each command is declared.

Help is written from this table alone, so that `acrctl --help` imports no command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Leaf(NamedTuple):
    """One command: the module under `cli.commands` and its key in that module's COMMANDS."""

    module: str
    key: str
    summary: str


@dataclass(frozen=True, slots=True)
class Branch:
    """One group of commands."""

    summary: str
    children: dict[str, Leaf | Branch]


REGISTRY_LOGIN = Leaf("registry_login", "login", "Log a container client in to a registry.")


def _five(module: str, what: str, many: str) -> dict[str, Leaf | Branch]:
    """Return the five commands of what belongs to a registry."""
    return {
        "create": Leaf(module, "create", f"Create {what}."),
        "delete": Leaf(module, "delete", f"Delete {what}."),
        "list": Leaf(module, "list", f"List {many} of a registry."),
        "show": Leaf(module, "show", f"Show {what}."),
        "update": Leaf(module, "update", f"Change {what}."),
    }


def _policy(name: str, what: str) -> Branch:
    """Return the commands of one policy."""
    show = Leaf("config_policy", f"{name} show", f"Show {what}.")
    return Branch(
        f"Manage {what}.",
        {"show": show, "update": Leaf("config_policy", f"{name} update", f"Change {what}.")},
    )


_REGISTRY: dict[str, Leaf | Branch] = {
    "check-health": Leaf("check_health", "check-health", "Check the way to the service and to a registry."),
    "check-name": Leaf("registry", "check-name", "Tell whether a registry name is free."),
    "create": Leaf("registry_write", "create", "Create a registry."),
    "delete": Leaf("registry", "delete", "Delete a registry with everything in it."),
    "import": Leaf("import_image", "import", "Copy an image from another registry."),
    "list": Leaf("registry", "list", "List registries."),
    "login": REGISTRY_LOGIN,
    "show": Leaf("registry", "show", "Show one registry."),
    "show-endpoints": Leaf("registry", "show-endpoints", "Show the hosts a registry answers on."),
    "show-usage": Leaf("registry", "show-usage", "Show how much of its quota a registry uses."),
    "update": Leaf("registry_write", "update", "Change properties of a registry."),
}

_CREDENTIAL = Branch(
    "Show and renew the admin user's passwords.",
    {
        "renew": Leaf("credential", "renew", "Replace one of the admin user's passwords."),
        "show": Leaf("credential", "show", "Show the admin user's name and passwords."),
    },
)

_REPOSITORY = Branch(
    "Look at, protect and delete repositories and images.",
    {
        "delete": Leaf("repository_delete", "delete", "Delete a repository, or an image with all its tags."),
        "history": Leaf("repository_usage", "history", "Show where a tag pointed when."),
        "list": Leaf("repository", "list", "List the repositories of a registry."),
        "list-deleted": Leaf("repository", "list-deleted", "List repositories with deleted manifests."),
        "purge": Leaf("repository_purge", "purge", "Delete tags by pattern and age."),
        "purge-deleted": Leaf("repository_restore", "purge-deleted", "Remove what was deleted for good."),
        "restore": Leaf("repository_restore", "restore", "Restore a deleted repository."),
        "show": Leaf("repository", "show", "Show the attributes of a repository or an image."),
        "show-manifests": Leaf("repository", "show-manifests", "List the manifests of a repository."),
        "show-tags": Leaf("repository", "show-tags", "List the tags of a repository."),
        "untag": Leaf("repository_delete", "untag", "Remove a tag and keep the image."),
        "update": Leaf("repository", "update", "Change the attributes of a repository or an image."),
        "usage": Leaf("repository_usage", "usage", "Show what takes how much space."),
    },
)

_MANIFEST_METADATA: dict[str, Leaf] = {
    "list": Leaf("manifest_list", "list-metadata", "List the attributes of all manifests of a repository."),
    "show": Leaf("manifest", "show-metadata", "Show the attributes of an image."),
    "update": Leaf("manifest", "update-metadata", "Change the attributes of an image."),
}

_MANIFEST = Branch(
    "Look at, protect, delete and restore manifests.",
    {
        "delete": Leaf("manifest", "delete", "Delete an image with all its tags."),
        "list": Leaf("manifest_list", "list", "List the manifests of a repository."),
        "list-deleted": Leaf("manifest_deleted", "list-deleted", "List deleted manifests."),
        "list-deleted-tags": Leaf("manifest_deleted", "list-deleted-tags", "List deleted tags."),
        "list-referrers": Leaf("manifest_list", "list-referrers", "List what refers to an image."),
        "metadata": Branch("The metadata commands under az's older names.", {**_MANIFEST_METADATA}),
        "quarantine": Leaf("manifest", "quarantine", "Mark an image as passed or failed."),
        "restore": Leaf("manifest_deleted", "restore", "Restore a deleted manifest and its tag."),
        "show": Leaf("manifest", "show", "Show a manifest."),
        **{f"{verb}-metadata": leaf for verb, leaf in _MANIFEST_METADATA.items()},
    },
)

_CONFIG = Branch(
    "Manage the policies and rules of a registry.",
    {
        "authentication-as-arm": _policy(
            "authentication-as-arm", "whether tokens of the management API count"
        ),
        "content-trust": _policy("content-trust", "content trust"),
        "retention": _policy("retention", "how long untagged manifests are kept"),
        "retention-rule": Branch(
            "Manage rules for what goes by itself.",
            {
                **_five("retention_rule", "a retention rule", "the retention rules"),
                "preview": Leaf("retention_rule", "preview", "Show what a rule would take now."),
            },
        ),
        "soft-delete": _policy("soft-delete", "how long deleted content can be restored"),
        "write-once": Branch(
            "Manage rules that keep tags from moving.",
            _five("write_once", "a write-once rule", "the write-once rules"),
        ),
    },
)

_NETWORK: dict[str, Leaf | Branch] = {
    "cache": Branch(
        "Manage repositories filled from other registries.", _five("cache", "a cache rule", "the cache rules")
    ),
    "credential-set": Branch(
        "Manage the credentials of cache rules.",
        _five("credential_set", "a credential set", "the credential sets"),
    ),
    "identity": Branch(
        "Manage the identity of a registry.",
        {
            "assign": Leaf("identity", "assign", "Give a registry an identity."),
            "remove": Leaf("identity", "remove", "Take an identity away."),
            "show": Leaf("identity", "show", "Show the identity of a registry."),
        },
    ),
    "network-rule": Branch(
        "Manage the addresses that a registry admits.",
        {
            "add": Leaf("network_rule", "add", "Admit an address or a range."),
            "list": Leaf("network_rule", "list", "List the addresses admitted."),
            "remove": Leaf("network_rule", "remove", "Admit an address no more."),
        },
    ),
    "replication": Branch(
        "Manage the regions of a registry.",
        {
            **_five("replication", "a replication", "the replications"),
            "status": Leaf("replication", "status", "Show how far behind each region is."),
        },
    ),
    "scope-map": Branch(
        "Manage sets of rights for tokens.", _five("scope_map", "a scope map", "the scope maps")
    ),
    "token": Branch(
        "Manage tokens: credentials with rights on repositories.",
        {
            **_five("token", "a token", "the tokens"),
            "credential": Branch(
                "Manage the passwords of a token.",
                {
                    "delete": Leaf("token_credential", "delete", "Delete passwords."),
                    "generate": Leaf("token_credential", "generate", "Make new passwords."),
                },
            ),
        },
    ),
    "webhook": Branch(
        "Manage who is told what happens in a registry.",
        {
            **_five("webhook", "a webhook", "the webhooks"),
            "get-config": Leaf("webhook_events", "get-config", "Show where a webhook posts to."),
            "list-events": Leaf("webhook_events", "list-events", "List what was sent and answered."),
            "ping": Leaf("webhook_events", "ping", "Send a test."),
            "redeliver": Leaf("webhook_events", "redeliver", "Send an event once more."),
        },
    ),
}

ROOT = Branch(
    "Run and use your own container registries.",
    {
        "account": Branch(
            "Look at subscriptions and get access tokens.",
            {
                "get-access-token": Leaf("account", "get-access-token", "Print an access token."),
                "list": Leaf("account", "list", "List the subscriptions you can see."),
                "set": Leaf("account", "set", "Choose the subscription commands work in."),
                "show": Leaf("account", "show", "Show the chosen subscription."),
            },
        ),
        "completion": Leaf("shell", "completion", "Print the completion script of a shell."),
        "config": _CONFIG,
        "configure": Leaf("profile", "configure", "Set and list defaults for options."),
        "credential": _CREDENTIAL,
        "env": Leaf("env", "env", "Print the settings that point az and the SDKs here."),
        "group": Branch(
            "Manage resource groups.",
            {
                "create": Leaf("group", "create", "Create a resource group."),
                "delete": Leaf("group", "delete", "Delete a resource group with everything in it."),
                "exists": Leaf("group", "exists", "Tell whether a resource group exists."),
                "list": Leaf("group", "list", "List resource groups."),
                "show": Leaf("group", "show", "Show one resource group."),
                "update": Leaf("group", "update", "Change the tags of a resource group."),
            },
        ),
        "logout": Leaf("login", "logout", "Forget the credentials of a profile."),
        "manifest": _MANIFEST,
        "operation": Branch(
            "Follow long-running operations.",
            {
                "cancel": Leaf("operation", "cancel", "Ask an operation to stop."),
                "list": Leaf("operation", "list", "List operations, newest first."),
                "show": Leaf("operation", "show", "Show one operation."),
                "wait": Leaf("operation", "wait", "Wait until an operation has ended."),
            },
        ),
        "profile": Branch(
            "Manage the services and identities this command line knows.",
            {
                "delete": Leaf("profile", "delete", "Remove a profile."),
                "list": Leaf("profile", "list", "List profiles."),
                "show": Leaf("profile", "show", "Show a profile, without its secret."),
                "use": Leaf("profile", "use", "Make a profile the current one."),
            },
        ),
        "registry": Branch("Manage container registries.", _REGISTRY),
        "repository": _REPOSITORY,
        "role": Branch(
            "Manage who may do what.",
            {
                "assignment": Branch(
                    "Manage role assignments.",
                    {
                        "create": Leaf("role_assign", "create", "Give a role to a principal."),
                        "delete": Leaf("role_assignment", "delete", "Take roles away."),
                        "list": Leaf("role_assignment", "list", "List role assignments."),
                    },
                ),
                "definition": Branch(
                    "Look at role definitions.",
                    {"list": Leaf("role_definition", "list", "List role definitions.")},
                ),
            },
        ),
        "sp": Branch(
            "Manage service principals.",
            {
                "create-for-rbac": Leaf(
                    "sp_create", "create-for-rbac", "Create a service principal and its secret."
                ),
                "delete": Leaf("sp", "delete", "Delete a service principal."),
                "list": Leaf("sp", "list", "List service principals."),
                "reset": Leaf("sp_reset", "reset", "Make a new secret for a service principal."),
                "show": Leaf("sp", "show", "Show one service principal."),
            },
        ),
        "version": Leaf("shell", "version", "Print the version."),
        **_NETWORK,
        **_REGISTRY,
        "login": Leaf("login", "login", "Log in to the service, or with -n to a registry."),
    },
)

SHORTCUTS = frozenset(_REGISTRY) - {"login"}
"""Commands of `registry` that are also found without it, under az's names."""
