"""Completes the description of REST: what every call may be refused with, in the one shape."""

from __future__ import annotations

from typing import Any

from analyticlens.protocol.errors import ErrorAnswer
from config.once import HEADER, LONGEST_KEY

ERRORS = {
    "400": "What was asked makes no sense; one sentence says why.",
    "401": "Nobody is signed in, or the token is not good.",
    "403": "The role does not allow this.",
    "404": "There is nothing here.",
    "405": "This address has no such method.",
    "406": "The answer is JSON, and nothing else was asked for.",
    "415": "A body is application/json.",
}
# A call that is made under a key is made once (`config.once`).
KEY: dict[str, Any] = {
    "in": "header",
    "name": HEADER,
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY},
    "description": "A word of yours for this call: made again within 24 hours under the same word, it is done once and answered alike. "
    "With another body it is refused with 409.",
}
# Where something is asked of a machine.
ACTS = {
    "409": "It makes sense, but not in the state the machine is in.",
    "412": "Somebody asked for something else meanwhile; details.version is the newest.",
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the refusals to every operation, and the key to those that do something."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    body = ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(body.pop("$defs", {}))
    schemas["ErrorAnswer"] = body
    for path in result.get("paths", {}).values():
        for method, operation in path.items():
            wanted = {**ERRORS, **(ACTS if method != "get" else {})}
            for status, description in wanted.items():
                content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}
                operation["responses"].setdefault(status, {"description": description, "content": content})
            if method == "post":
                operation.setdefault("parameters", []).append(KEY)
    result["components"].setdefault("securitySchemes", {})["token"] = {
        "type": "http",
        "scheme": "bearer",
        "description": "A person's token, alp_…, made with POST /api/v1/tokens/.",
    }
    result["security"] = [{"token": []}, {"cookieAuth": []}]
    for path in result.get("paths", {}).values():
        for operation in path.values():
            operation.pop("security", None)
    return result
