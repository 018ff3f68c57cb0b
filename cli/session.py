"""What a running command is given: the profile, the clients (made when first used) and a voice on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError, LoginNeededError, NotFoundError
from cli.profiles import LOGIN_HINT, Profile, ProfileStore, require_login, resolve

if TYPE_CHECKING:
    from cli.arm import Arm
    from cli.graph import Graph
    from cli.http import Http
    from cli.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Common:
    """Values of the global options."""

    output: str = "json"
    query: str | None = None
    subscription: str | None = None
    profile: str | None = None
    verbose: bool = False
    debug: bool = False
    only_show_errors: bool = False


class Session:
    """One run of one command."""

    def __init__(self, common: Common) -> None:
        self.common = common

    @cached_property
    def store(self) -> ProfileStore:
        """The file of profiles."""
        return ProfileStore()

    @cached_property
    def profile(self) -> Profile:
        """The profile in use, changed by the environment and by `--profile`."""
        return resolve(self.store, self.common.profile)

    def warn(self, text: str) -> None:
        """Tell the user something that is not the result, unless only errors are wanted."""
        if not self.common.only_show_errors:
            print(f"WARNING: {text}", file=sys.stderr)

    def tell(self, text: str) -> None:
        """Say what is being done, for `--verbose` and `--debug`."""
        if self.common.verbose or self.common.debug:
            print(text, file=sys.stderr)

    @property
    def _trace(self) -> Callable[[str], None] | None:
        return (lambda text: print(text, file=sys.stderr)) if self.common.debug else None

    @cached_property
    def http(self) -> Http:
        """The transport, trusting the profile's certificate authority."""
        from cli.http import Http  # noqa: PLC0415 - commands without HTTP must not pay for it

        return Http(self.profile.ca_file, self._trace)

    @cached_property
    def tokens(self) -> Tokens:
        """Access tokens of the profile."""
        from cli.tokens import Tokens  # noqa: PLC0415 - as above

        return Tokens(self.profile, self.http)

    @cached_property
    def arm(self) -> Arm:
        """The management API; LoginNeededError when the profile cannot log in."""
        from cli.arm import Arm  # noqa: PLC0415 - as above

        return Arm(require_login(self.profile), self.http, self.tokens)

    @cached_property
    def graph(self) -> Graph:
        """The directory; LoginNeededError when the profile cannot log in."""
        from cli.graph import Graph  # noqa: PLC0415 - as above

        return Graph(require_login(self.profile), self.http, self.tokens)

    @cached_property
    def subscription(self) -> str:
        """The id of the subscription in use: `--subscription`, the profile's, or the only one there is."""
        wanted = self.common.subscription
        if not wanted and self.profile.subscription_id:
            return self.profile.subscription_id
        return str(self.find_subscription(wanted or "")["subscriptionId"])

    def subscriptions(self) -> list[Any]:
        """Return the subscriptions the caller can see, as the API lists them."""
        from cli.arm import SUBSCRIPTIONS_API  # noqa: PLC0415 - as above

        return self.arm.list("/subscriptions", SUBSCRIPTIONS_API)

    def find_subscription(self, wanted: str) -> dict[str, Any]:
        """Return the subscription with a name or id, or the only one when the text is empty."""
        visible = self.subscriptions()
        if not visible:
            raise LoginNeededError("This identity can see no subscription.", hint=LOGIN_HINT)
        keys = ("subscriptionId", "displayName")
        found = [s for s in visible if not wanted or wanted.lower() in [str(s[k]).lower() for k in keys]]
        if len(found) == 1:
            return dict(found[0])
        hint = "Choose one: acrctl account set --subscription NAME_OR_ID"
        if not found:
            raise NotFoundError(f"The subscription '{wanted}' doesn't exist.", hint="acrctl account list")
        raise CommandError("There are several subscriptions.", hint=hint)

    def path(self, *parts: str) -> str:
        """Return a path below the subscription, each part as one or more percent-encoded segments."""
        from urllib.parse import quote  # noqa: PLC0415 - as above

        encoded = [quote(part, safe="/") for part in parts]
        return "/".join([f"/subscriptions/{self.subscription}", *encoded])

    def operate(  # noqa: PLR0913 - a request and how to wait for it
        self,
        method: str,
        path: str,
        api: str,
        *,
        json: Any = None,
        no_wait: bool = False,
        timeout: float | None = None,
        etag: str = "",
    ) -> Any:
        """Send a request that may start a long-running operation and return its final body.

        With ``no_wait`` the operation is only started, and None is returned. With an ``etag`` the request
        is refused when the resource has another one by now.
        """
        from cli.arm import FIRST_ERROR_STATUS, error_of  # noqa: PLC0415 - as above
        from cli.lro import Poller  # noqa: PLC0415 - as above

        first = self.arm.send(method, path, api, json=json, etag=etag)
        if first.status_code >= FIRST_ERROR_STATUS:
            raise error_of(first)
        with _progress(quiet=self.common.only_show_errors) as waiting:
            if timeout is not None:
                waiting.timeout = timeout
            poller = Poller(self.arm, first, path, waiting)
            if not no_wait:
                return poller.result()
        if poller.operation and not self.common.only_show_errors:
            print(f"Started. Follow it with: acrctl operation wait {poller.operation}", file=sys.stderr)
        return None


def _progress(*, quiet: bool) -> Any:
    from cli.progress import progress  # noqa: PLC0415 - only for operations

    return progress(quiet=quiet)
