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
# What an address or a query names, where the call itself does not say it. A name means the same wherever it stands, but a `code`.
NAMED = {
    "machine_id": "The machine's name to the world.",
    "id": "Its number.",
    "number": "Its number within the machine.",
    "version": "The version's number.",
    "prefix": "The token's name in lists and logs.",
    "name": "The secret's name.",
    "command_id": "The command's UUID.",
    "sha256": "SHA-256 of the picture.",
    "actor_kind": "Only acts of this kind of actor, such as user, machine or system.",
    "actor_name": "Only acts of whom this names.",
    "object_type": "Only acts on this kind of thing, such as api.virtualmachine.",
    "object_pk": "Only acts on the thing of this number or name.",
    "refused": "Only acts that were refused, or only those that were not.",
    "verb": "Only acts of this kind.",
    "is_active": "Only machines that are in use, or only retired ones.",
    "part_id": "Only results of this part.",
    "simulated": "Only results of drawn pictures, or only of real ones.",
}
CODES = {"groups": "The group's code.", "sites": "The site's code.", "products": "The product's code."}
PAGE = {
    "next": "Address of the following page; null: there is none.",
    "previous": "Address of the page before; null: there is none.",
    "results": "The rows of this page.",
}
# Where something is asked of a machine.
ACTS = {
    "409": "It makes sense, but not in the state the machine is in.",
    "413": "A body may have at most 1 MiB.",
    "412": "Somebody asked for something else meanwhile; details.version is the newest.",
}


def complete(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Add the refusals to every operation, and the key to those that do something."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    body = ErrorAnswer.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(body.pop("$defs", {}))
    schemas["ErrorAnswer"] = body
    for name, schema in schemas.items():
        if name.startswith("Paginated"):
            for field, description in PAGE.items():
                schema["properties"][field].setdefault("description", description)
    for address, path in result.get("paths", {}).items():
        for method, operation in path.items():
            _name_parameters(address, operation.get("parameters", []))
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


def _name_parameters(address: str, parameters: list[dict[str, Any]]) -> None:
    """Describe what the address and the query of a call name, where nothing does yet."""
    known = NAMED | {"code": CODES.get(address.split("/")[3], "")}
    for parameter in parameters:
        if not parameter.get("description") and (description := known.get(parameter["name"])):
            parameter["description"] = description
