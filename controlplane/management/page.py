"""A page to read the OpenAPI document by, made from the document: no script, nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
summary{cursor:pointer;padding:.3rem 0}code{font:13px/1.4 ui-monospace,monospace}h2{margin-top:2rem}
.m{display:inline-block;width:4.5rem;font-weight:600}details details{margin-left:1.2rem}
table{border-collapse:collapse;margin:.4rem 0}td,th{border:1px solid #ccc;padding:.2rem .6rem;text-align:left}
@media(prefers-color-scheme:dark){body{background:#16181b;color:#e6e6e6}td,th{border-color:#444}a{color:#8ab4ff}}
"""
_PREFIX = "#/components/schemas/"


def render(document: Mapping[str, Any]) -> str:
    """Return the page."""
    title = document["info"]["title"]
    parts = [
        Markup("<!doctype html><html lang=en><meta charset=utf-8><title>{}</title>").format(title),
        Markup("<style>{}</style><h1>{}</h1>").format(Markup(_STYLE), title),  # noqa: S704 - our own constant
        Markup('<p>The same as a document: <a href="/openapi.json">openapi.json</a>.</p>'),
        *_operations(document),
        *_schemas(document),
    ]
    return str(Markup("\n").join(parts))


def _operations(document: Mapping[str, Any]) -> Iterator[Markup]:
    groups: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, Mapping):
                groups.setdefault(operation["tags"][0], []).append((path, method, operation))
    for name, found in sorted(groups.items()):
        yield Markup("<h2>{}</h2>").format(name)
        yield from (_operation(*one) for one in found)


def _operation(path: str, method: str, operation: Mapping[str, Any]) -> Markup:
    rows = Markup("").join(
        Markup("<tr><td>{}<td>{}<td><code>{}</code>").format(
            parameter["in"], parameter["name"], ", ".join(parameter["schema"].get("enum", ()))
        )
        for parameter in operation.get("parameters", ())
    )
    answers = Markup("").join(
        Markup("<li>{}: {} {}").format(status, answer["description"], _link(answer))
        for status, answer in operation["responses"].items()
    )
    body = _link(operation.get("requestBody", {}))
    return Markup(
        "<details><summary><span class=m>{}</span><code>{}</code> {}</summary>"
        "<table>{}</table><p>Body: {}</p><ul>{}</ul></details>"
    ).format(method.upper(), path, operation["operationId"], rows, body, answers)


def _schemas(document: Mapping[str, Any]) -> Iterator[Markup]:
    yield Markup("<h2>Models</h2>")
    for name, schema in sorted(document["components"]["schemas"].items()):
        rows = Markup("").join(
            Markup("<tr><td><code>{}</code><td>{}<td>{}").format(member, _kind(facts), _notes(facts))
            for member, facts in schema.get("properties", {}).items()
        )
        yield Markup('<details id="{}"><summary><code>{}</code></summary><table>{}</table></details>').format(
            name, name, rows
        )


def _link(holder: Mapping[str, Any]) -> Markup:
    schema = holder.get("content", {}).get("application/json", {}).get("schema", {})
    return _kind(schema) if schema else Markup("none")


def _kind(facts: Mapping[str, Any]) -> Markup:
    if "$ref" in facts:
        name = str(facts["$ref"]).removeprefix(_PREFIX)
        return Markup('<a href="#{}">{}</a>').format(name, name)
    if facts.get("allOf"):
        return _kind(facts["allOf"][0])
    if facts.get("type") == "array":
        return Markup("list of {}").format(_kind(facts.get("items", {})))
    return Markup("{}").format(facts.get("type", "any"))


def _notes(facts: Mapping[str, Any]) -> str:
    words = ["read only"] if facts.get("readOnly") else []
    words += [f"one of {', '.join(map(str, facts['enum']))}"] if facts.get("enum") else []
    words += [str(facts["description"])] if facts.get("description") else []
    return "; ".join(words)
