"""Why a verdict is not ok, as words a page can translate: each word with its English sentence."""

from __future__ import annotations

REASONS: dict[str, str] = {
    "limit": "A measured value is outside its limits.",
    "guard_band": "A measured value is too close to a limit to decide.",
    "value_missing": "A value that has a limit could not be measured.",
    "not_found": "The tool found nothing to measure.",
    "datum_not_found": "The place this tool follows was not found.",
    "measure_missing": "The tool whose measures are used measured nothing.",
    "picture_missing": "A filter before this tool could not do its work.",
    "roi_outside": "The region does not lie wholly inside the picture.",
    "roi_empty": "The region covers no pixel.",
    "nothing_judges": "No tool of the recipe judges.",
    "tool_error": "A tool could not do its work.",
    "tool_broke": "A tool broke, which is a fault of the program.",
    "no_result": "The formula has no value for these measures.",
    "frame_refused": "The picture is of a kind that is not inspected.",
    "decode_failed": "The picture could not be read.",
    "too_costly": "The tool could take longer than it may with a picture of this size.",
    "input_undecided": "What this tool combines could not be decided.",
    "timeout": "The inspection took too long.",
    "frozen": "The camera gives the same picture over and over.",
    "camera_stalled": "The camera gave no picture for too long.",
    "source_changed": "The camera changed its picture.",
    "source_lost": "The picture source does not answer.",
    "child_died": "The inspecting process ended unexpectedly.",
    "outbox_failed": "The result could not be stored.",
}
