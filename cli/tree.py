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

_REGISTRY: dict[str, Leaf | Branch] = {
    "check-health": Leaf("check_health", "check-health", "Check the way to the service and to a registry."),
    "check-name": Leaf("registry", "check-name", "Tell whether a registry name is free."),
    "create": Leaf("registry_write", "create", "Create a registry."),
    "delete": Leaf("registry", "delete", "Delete a registry with everything in it."),
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
    "Look at and delete repositories and images.",
    {
        "delete": Leaf("repository_delete", "delete", "Delete a repository, or an image with all its tags."),
        "list": Leaf("repository", "list", "List the repositories of a registry."),
        "show": Leaf("repository", "show", "Show the attributes of a repository or an image."),
        "show-tags": Leaf("repository", "show-tags", "List the tags of a repository."),
        "untag": Leaf("repository_delete", "untag", "Remove a tag and keep the image."),
    },
)

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
        **_REGISTRY,
        "login": Leaf("login", "login", "Log in to the service, or with -n to a registry."),
    },
)

SHORTCUTS = frozenset(_REGISTRY) - {"login"}
"""Commands of `registry` that are also found without it, under az's names."""
