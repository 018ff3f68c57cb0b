"""The declaration of a type of ARM that a service does not have; ``absent_answers`` is what it answers.

One file under ``resources/`` declares them as its module attribute ``ABSENT``. A type is declared as absent
or as a resource, never as both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm.declaration import Verb

# Method and permission of each verb.
_VERBS: Mapping[Verb, tuple[str, str]] = {
    Verb.GET: ("GET", "read"),
    Verb.LIST: ("GET", "read"),
    Verb.PUT: ("PUT", "write"),
    Verb.PATCH: ("PATCH", "write"),
    Verb.DELETE: ("DELETE", "delete"),
}


@dataclass(frozen=True, slots=True)
class AbsentOperation:
    """One operation: where, which verb (None: a call), and which permission a caller needs for its answer."""

    verb: Verb | None
    method: str
    path: str
    operation_id: str
    permission: str
    api_versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AbsentType:
    """A type that this service does not have.

    Args:
        parent: the type it lies below.
        path: of one resource below its parent; parameters in braces. Empty: calls on the parent itself.
        plural: its operation group.
        feature, hint: what is not supported, and what to do instead, for the error.
        api_versions: oldest first.
        verbs: the words of its operations, ``{plural}_{word}``, and what they do.
        calls: the words of its POSTs, and the last segment of their paths.
        since: api-versions of words that are not in all.
        queries: query parameters of its lists.
    """

    parent: str
    path: str
    plural: str
    feature: str
    hint: str
    api_versions: tuple[str, ...]
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    calls: Mapping[str, str] = field(default_factory=dict)
    since: Mapping[str, str] = field(default_factory=dict)
    queries: tuple[str, ...] = ()

    @property
    def type(self) -> str:
        """The type path."""
        words = [part for part in self.path.split("/") if part and not part.startswith("{")]
        return "/".join([self.parent, *words])

    def operations(self, above: str) -> Iterator[AbsentOperation]:
        """Yield all operations; ``above`` is the path of the parent."""
        item = f"{above}/{self.path}" if self.path else above
        for word, verb in self.verbs.items():
            method, right = _VERBS[verb]
            path = item.rpartition("/")[0] if verb is Verb.LIST else item
            yield self._operation(word, verb, method, path, right)
        for word, last in self.calls.items():
            yield self._operation(word, None, "POST", f"{item}/{last}", f"{last}/action")

    def _operation(self, word: str, verb: Verb | None, method: str, path: str, right: str) -> AbsentOperation:
        versions = tuple(known for known in self.api_versions if known >= self.since.get(word, ""))
        return AbsentOperation(verb, method, path, f"{self.plural}_{word}", f"{self.type}/{right}", versions)
