"""A tool's form as a browser posts it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client


def page(client: Client, address: str) -> str:
    """Return a page's HTML."""
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def written_form(html: str) -> dict[str, Any]:
    """Return the values a browser would post for a tool's form as it stands on the page."""
    form = html[html.index('<form class="tool-form"') :]
    values: dict[str, Any] = {}
    ticked = re.findall(r'<input type="checkbox" name="([^"]*)"', form)
    several = {name for name in ticked if ticked.count(name) > 1}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        kind = attributes.get("type", "text")
        if kind in {"checkbox", "radio"} and " checked" not in tag:
            continue
        value = unescape(attributes.get("value", "on"))
        if attributes["name"] == "followed" or attributes["name"] in several:
            values.setdefault(attributes["name"], []).append(value)
        elif kind != "file":
            values[attributes["name"]] = value if "value" in attributes or kind == "checkbox" else ""
    for name, options in re.findall(r'<select name="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', options) or re.search(r'value="([^"]*)"', options)
        assert chosen
        values[name] = unescape(chosen[1])
    for name, text in re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        values[name] = unescape(text).strip()
    return values


def save(client: Client, tool: int = 1, /, **changes: Any) -> Any:
    """Post the form of vm_a's tool as it stands, but for the changes."""
    values = written_form(page(client, f"/m/vm_a/tools/{tool}/"))
    return client.post(f"/m/vm_a/tools/{tool}/save", {**values, **changes})


def complaints(answer: Any) -> list[str]:
    """Return what stands beside the marked fields of a form that came back, each once."""
    html = answer.content.decode()
    marked = re.findall(r'class="wrong">.*?</svg>(.*?)</p>', html, re.DOTALL)
    return list(dict.fromkeys(unescape(text).strip() for text in marked))
