"""Measured values against limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from analyticlens.protocol.limits import Limit
from analyticlens.protocol.words import Verdict, worst


class Judgement(NamedTuple):
    """A verdict, and, when it is not ok, why: a word of REASONS and a sentence."""

    verdict: Verdict
    reason: str | None = None
    message: str = ""


def against(limit: Limit, value: float | None) -> Judgement:
    """Judge one value: both ends are good, within `guard` of an end nobody can tell, no value is undecided.

    >>> [against(Limit(feature="area", min=10, guard=1), v).verdict for v in (8, 9, 10, 11, 12, None)]
    ['nok', 'undecided', 'undecided', 'undecided', 'ok', 'undecided']
    """
    if value is None:
        return Judgement("undecided", "value_missing", f"{limit.feature} could not be measured")
    for end in (limit.min, limit.max):
        if limit.guard > 0 and end is not None and abs(value - end) <= limit.guard:
            return Judgement(
                "undecided", "guard_band", f"{limit.feature} {value:.6g} is within {limit.guard:g} of {end:.6g}"
            )
    if limit.min is not None and value < limit.min:
        return Judgement("nok", "limit", f"{limit.feature} {value:.6g} is below {limit.min:.6g}")
    if limit.max is not None and value > limit.max:
        return Judgement("nok", "limit", f"{limit.feature} {value:.6g} is above {limit.max:.6g}")
    # Written so that a value that compares with nothing can never be good.
    if (limit.min is None or value >= limit.min) and (limit.max is None or value <= limit.max):
        return Judgement("ok")
    return Judgement("error", "tool_error", f"{limit.feature} is no number")


def judge(limits: Iterable[Limit], features: Mapping[str, float]) -> Judgement:
    """Judge a tool's features: the worst of its limits, the first of equals. No limits at all is undecided, never ok."""
    judgements = [against(limit, features.get(limit.feature)) for limit in limits]
    if not judgements:
        return Judgement("undecided", "nothing_judges", "the tool has no limits")
    verdict = worst([judgement.verdict for judgement in judgements])
    return next(judgement for judgement in judgements if judgement.verdict == verdict)
