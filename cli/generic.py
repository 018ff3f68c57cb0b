"""az's generic update: `--set path=value`, `--add path value`, `--remove path [index]` on a JSON object."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from cli.errors import BadUsageError

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def steps(path: str) -> list[str | int]:
    """Return the steps of a path such as `policies.retentionPolicy` or `ipRules[0].value`."""
    found: list[str | int] = [name or int(index) for name, index in _STEP.findall(path)]
    if not found:
        raise BadUsageError(f"'{path}' is not the path of a member")
    return found


def _value(text: str, *, force_string: bool) -> Any:
    """Return a value as JSON if it is JSON, else as text."""
    if force_string:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _parent(target: Any, path: str, *, create: bool) -> tuple[Any, str | int]:
    """Return the object that holds the last step of a path, and that step."""
    *way, last = steps(path)
    for step in way:
        if isinstance(target, dict):
            if create and target.get(str(step)) is None:
                target[str(step)] = {}
            target = target.get(str(step))
        elif isinstance(target, list) and isinstance(step, int) and step < len(target):
            target = target[step]
        else:
            target = None
    holds = isinstance(target, dict) or (
        isinstance(target, list) and isinstance(last, int) and last < len(target)
    )
    if not holds:
        raise BadUsageError(f"Couldn't find '{path}'.")
    return target, last


def _set(target: Any, words: Sequence[str], *, force_string: bool) -> None:
    for word in words:
        path, sep, text = word.partition("=")
        if not sep:
            raise BadUsageError(f"--set: '{word}' is not of the form path=value")
        holder, last = _parent(target, path, create=True)
        holder[last] = _value(text, force_string=force_string)


def _add(target: Any, words: Sequence[str], *, force_string: bool) -> None:
    path, *values = words
    if not values:
        raise BadUsageError("--add: give a path and a value")
    holder, last = _parent(target, path, create=True)
    items = holder.get(last) if isinstance(holder, dict) else holder[last]
    if items is None:
        items = holder[last] = []
    if not isinstance(items, list):
        raise BadUsageError(f"--add: '{path}' is not a list")
    pairs = {k: _value(v, force_string=force_string) for k, s, v in (w.partition("=") for w in values) if s}
    items += [pairs] if pairs else [_value(v, force_string=force_string) for v in values]


def _remove(target: Any, words: Sequence[str], *, force_string: bool) -> None:
    del force_string
    path, *index = words
    full = f"{path}[{index[0]}]" if index else path
    holder, last = _parent(target, full, create=False)
    if isinstance(holder, dict) and last not in holder:
        raise BadUsageError(f"Couldn't find '{full}'.")
    del holder[last]


_ACTIONS: dict[str, Callable[..., None]] = {"set": _set, "add": _add, "remove": _remove}


def is_asked(args: Any) -> bool:
    """Tell whether any of the generic options was given."""
    return any(getattr(args, name) for name in _ACTIONS)


def apply(target: Any, args: Any) -> None:
    """Change an object in place as the generic options say; BadUsageError when they do not fit it."""
    for name, action in _ACTIONS.items():
        if words := getattr(args, name):
            action(target, words, force_string=args.force_string)


def changes(before: dict[str, Any], args: Any) -> dict[str, Any]:
    """Return the members of an object that the generic options change, with their new values."""
    after: dict[str, Any] = json.loads(json.dumps(before))
    apply(after, args)
    return {name: after.get(name) for name in {*before, *after} if before.get(name) != after.get(name)}
