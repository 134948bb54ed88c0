"""Writes ``docs/openapi.json`` and the reference part of ``docs/api.md`` from the models of the control API.

``python -m talkpath.bridge.api.reference`` writes both into the current source tree; with ``--check`` it only
says whether they are current. The reference stands between ``<!-- reference -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from talkpath.bridge.generated_files import write_or_check

from .app import create_api, describe

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: Final = Path("docs/openapi.json")
PAGE: Final = Path("docs/api.md")
_BLOCK: Final = re.compile(r"(<!-- reference -->\n).*?(<!-- end -->)", re.DOTALL)


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return describe(create_api(None))


def reference(described: dict[str, Any]) -> str:
    """Tables of what can be asked, what is sent, and what comes back."""
    return "\n".join(["", *_operations(described), *_models(described), ""])


def _operations(described: dict[str, Any]) -> Iterator[str]:
    yield "| | path | token | what |"
    yield "|---|---|---|---|"
    for path, operations in described["paths"].items():
        for method, operation in operations.items():
            role = operation.get("x-right") or ("read" if method == "get" else "operate")
            what = operation["description"].split("\n")[0]
            yield f"| {method.upper()} | `{path}` | {role} | {what}{_body(operation)} |"


def _body(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    sent = f" Takes {_link(content['schema'])}." if content else ""
    answers = [
        _link(body["schema"])
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for body in answer.get("content", {}).values()
        if body.get("schema")
    ]
    return sent + (f" Answers {answers[0]}." if answers else "")


def _models(described: dict[str, Any]) -> Iterator[str]:
    for name, schema in described["components"]["schemas"].items():
        yield f"\n#### `{name}`\n"
        yield (schema.get("description") or "").split("\n")[0]
        if "anyOf" in schema:
            yield "\nOne of " + ", ".join(_link(one) for one in schema["anyOf"]) + "."
        fields = schema.get("properties")
        if fields:
            yield "\n| field | type | meaning |\n|---|---|---|"
            required = set(schema.get("required", ()))
            for field, facts in fields.items():
                mark = "" if field in required or "default" not in facts else ", optional"
                yield f"| `{field}` | {_type(facts)}{mark} | {facts.get('description', '')} |"


def _type(facts: dict[str, Any]) -> str:
    if "$ref" in facts:
        return _link(facts)
    if "const" in facts:
        return f"`{facts['const']}`"
    if "enum" in facts:
        return ", ".join(f"`{choice}`" if choice != "" else "empty" for choice in facts["enum"])
    if "anyOf" in facts:
        return " or ".join(_type(one) for one in facts["anyOf"])
    if "allOf" in facts:
        return _type(facts["allOf"][0])
    if facts.get("type") == "array":
        return f"list of {_type(facts.get('items', {}))}"
    if facts.get("type") == "object" and isinstance(facts.get("additionalProperties"), dict):
        return f"table of {_type(facts['additionalProperties'])}"
    return str(facts.get("format") or facts.get("type") or "anything").replace("-", " ")


def _link(schema: dict[str, Any]) -> str:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return f"[`{name}`](#{name.lower()})" if name else "JSON"


def page(text: str) -> str:
    """The page with its reference part as it is now.

    Raises:
        ValueError: the page has no place for it.
    """
    if not _BLOCK.search(text):
        raise ValueError(f"{PAGE} has no <!-- reference --> … <!-- end -->")
    return _BLOCK.sub(lambda found: found[1] + reference(document()) + found[2], text)


def main(arguments: list[str]) -> int:
    """Write or check both files; 1 when a check finds one that is not current."""
    described = json.dumps(document(), indent=1) + "\n"
    return write_or_check({DOCUMENT: described, PAGE: page(PAGE.read_text(encoding="utf-8"))}, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
