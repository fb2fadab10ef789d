"""Words, signs and numbers for the templates: `{% load pages %}`."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import numbers, sentences, shell, words

register = template.Library()

SIGN = '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"/></svg>'


# A page of two hundred machines draws a thousand signs, of which a few dozen differ.
@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, size: str = "") -> SafeString:
    """Draw an icon. It never stands alone: a word or a label is beside it."""
    return format_html(SIGN, size, static("dashboard/vendor/icons.svg"), name)


@register.simple_tag
@lru_cache(maxsize=256)
def shape(name: str, size: str = "") -> SafeString:
    """Draw one of the house's own signs: a verdict (ok, nok, undecided, error, none), a priority (p1 to p4) or the mark."""
    return format_html(SIGN, size, static("dashboard/shapes.svg"), name)


BADGE = '<svg class="badge-sign {0}" x="4" y="4.5" width="13" height="13"><use href="{1}#{0}"/></svg>'


@register.simple_tag
def badge_shape(verdict: str) -> SafeString:
    """Draw a verdict's sign inside a badge on a picture."""
    return format_html(BADGE, verdict, static("dashboard/shapes.svg"))


@register.simple_tag(takes_context=True)
def shell_of(context: dict[str, Any]) -> shell.Shell:
    """Return what the frame around every page shows."""
    request: HttpRequest = context["request"]
    return shell.Shell(request)


@register.simple_tag
def provider_name() -> str:
    """Return what people call the sign-in provider; empty where there is none."""
    return settings.SSO.name if settings.SSO else ""


@register.filter
def number(value: float | None, digits: int | None = None) -> str:
    """Print a number in the page's language; None is a dash."""
    return numbers.text(value, digits)


@register.filter
def verdict_word(verdict: str | None) -> str:
    """Return a verdict's word."""
    return words.verdict(verdict)


@register.filter
def reason_text(reason: str | None) -> str:
    """Return a reason word as a sentence."""
    return words.reason(reason)


@register.filter
def machine_text(text: str) -> str:
    """Return what a machine said in the page's language, where it is a known sentence."""
    return sentences.said(text)


@register.filter
def schema_text(text: str) -> str:
    """Return a title or description of the contract in the page's language."""
    return words.schema(text)


@register.filter
def clock_time(moment: datetime | None) -> str:
    """Print a moment of today as time, an older one with its day."""
    return words.moment(moment)


@register.filter
def age(seconds: float | None) -> str:
    """Print how long ago something was."""
    return words.age(seconds)
