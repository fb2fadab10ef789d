"""Writes the tables of docs/recipes.md and docs/tools/reference.md from the contract: `python -m tests.line.recipe_tables`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from analyticlens.protocol.tools import TOOL_CLASSES, ToolCommon

DOCS = Path(__file__).parents[2] / "docs"
PAGE, REFERENCE = DOCS / "recipes.md", DOCS / "tools" / "reference.md"
BEGIN, END = "<!-- tables: written by tests/line/recipe_tables.py -->", "<!-- end of tables -->"
# The page that says how a family of tools works, by the kinds it is about.
PAGES = {
    "preparation": ("grayscale", "blur", "threshold", "morphology", "normalize", "background", "flat_field"),
    "blob": ("blob",),
    "edges": ("locate", "caliper", "line"),
    "geometry": ("circle", "measure", "calibration", "datum"),
    "match": ("match",),
    "golden": ("golden",),
    "statistics": ("intensity", "histogram", "focus", "edge"),
    "colour": ("colour",),
    "code": ("code",),
    "ai": ("onnx", "ocr"),
    "logic": ("math", "logic"),
    "../plugin": ("plugin",),
}
# More words than this are not written into one cell.
MOST_WORDS = 40


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with its references followed and "or nothing" taken away; words that may stand in several places are joined."""
    variants = [dict(one) for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    words = [word for one in variants for word in one.get("enum", [one["const"]] if "const" in one else [])]
    found = {**schema, **variants[0]}
    if "$ref" in found:
        found = {**known[found["$ref"].rpartition("/")[2]], **found}
    if len(variants) > 1 and words:
        found["enum"] = words
    return found


def _range(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """Return the values a parameter may have, with its unit."""
    found = _resolved(schema, known)
    if "enum" in found:
        return ", ".join(map(str, found["enum"][:MOST_WORDS]))
    match found.get("type"):
        case "boolean":
            return "true or false"
        case "object":
            return ", ".join(found["properties"]) if "properties" in found else "an object"
        case "array":
            return _list(found, known)
        case "string":
            return _text(found)
    return _number(found)


def _list(found: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    items = _resolved(found.get("items", {}), known)
    most = f"at most {found['maxItems']}" if "maxItems" in found else "any number"
    if "properties" in items:
        return f"a list of {most} objects: {', '.join(items['properties'])}"
    return f"a list of {most}: {_range(items, known)}"


def _text(found: Mapping[str, Any]) -> str:
    if found.get("x-blob"):
        return "SHA-256 of a stored file"
    if found.get("x-feature"):
        return "name of a feature"
    return f"text, at most {found['maxLength']} characters" if "maxLength" in found else "text"


def _number(found: Mapping[str, Any]) -> str:
    if found.get("x-tool"):
        return "number of an earlier tool"
    low = found.get("minimum", found.get("exclusiveMinimum"))
    high = found.get("maximum", found.get("exclusiveMaximum"))
    more = "more than " if "exclusiveMinimum" in found else ""
    kind = "whole number, " if found.get("type") == "integer" else ""
    unit = f" {found['unit']}" if found.get("unit") else ""
    return f"{kind}{more}{low:g} to {high:g}{unit}"


def _default(schema: Mapping[str, Any]) -> str:
    if "default" not in schema:
        return "needed"
    match schema["default"]:
        case None:
            return "none"
        case "" | []:
            return "empty"
        case bool(value):
            return str(value).lower()
        case float(value):
            return f"{value:g}"
        case list(values):
            return ", ".join(map(str, values))
        case value:
            return "empty" if value == {} else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _rows(properties: Mapping[str, Any], known: Mapping[str, Any], before: str = "") -> Iterator[str]:
    for key, schema in properties.items():
        yield f"| `{before}{key}` | {_range(schema, known)} | {_default(schema)} | {_cell(schema['description'])} |"
        items = _resolved(_resolved(schema, known).get("items", {}), known)
        yield from _rows(items.get("properties", {}), known, f"{before}{key}[].")


def _features(tool: type[ToolCommon]) -> str:
    features = [f"`{one.name}` ({one.title}{f', {one.unit}' if one.unit else ''})" for one in tool.features]
    if tool.open_features:
        return "Features: those its plug-in declares."
    return f"Features: {', '.join(features)}." if features else "It measures nothing."


def _tool(name: str, tool: type[ToolCommon]) -> Iterator[str]:
    params = tool.model_fields["params"].annotation
    assert isinstance(params, type)
    assert issubclass(params, BaseModel)
    schema = params.model_json_schema()
    yield from (f"## `{name}`", "", f"{(tool.__doc__ or '').strip()} [How it works]({page_of(name)}.md).", "")
    if schema.get("properties"):
        yield from ("| parameter | values | default | meaning |", "|---|---|---|---|")
        yield from _rows(schema["properties"], schema.get("$defs", {}))
        yield ""
    yield from (_features(tool), "")


def page_of(kind: str) -> str:
    """Return the page about a kind of tool, as docs/tools names it, without its ending."""
    return next(page for page, kinds in PAGES.items() if kind in kinds)


def tables() -> str:
    """Return the tables of all tools, as they belong between the reference's two marks."""
    kinds = [kind for kinds in PAGES.values() for kind in kinds]
    return "\n".join(line for kind in kinds for line in _tool(kind, TOOL_CLASSES[kind])).strip()


def tool_list() -> str:
    """Return the list of all tools, as it belongs between the two marks of docs/recipes.md."""
    lines = ["| tool | what it does | looks at |", "|---|---|---|"]
    for page, kinds in PAGES.items():
        address = "plugin.md" if page == "../plugin" else f"tools/{page}.md"
        for kind in kinds:
            tool = TOOL_CLASSES[kind]
            lines.append(f"| [`{kind}`]({address}) | {_cell((tool.__doc__ or '').strip())} | {_looks(tool)} |")
    return "\n".join(lines)


def _looks(tool: type[ToolCommon]) -> str:
    if tool.place == "arrow":
        return "an arrow or a rectangle" if tool.rectangles else "an arrow"
    if tool.place == "none":
        return "what earlier tools found" if "refers" in vars(tool) else "nothing"
    return "a ring or a circle" if tool.round_only else "an area"


def page_with(text: str, inside: str) -> str:
    """Return a page's text with the tables in their place."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{inside}\n\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    for page, inside in ((PAGE, tool_list()), (REFERENCE, tables())):
        page.write_text(page_with(page.read_text(encoding="utf-8"), inside), encoding="utf-8")
