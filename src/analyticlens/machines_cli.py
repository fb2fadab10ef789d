"""`analyticlens machines`: see machines and steer them from a terminal, over REST."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from analyticlens.client import Asked, Client, Command, Machine, Refused, Unreachable

SERVER = "http://127.0.0.1:8000"
COLUMNS = ("machine_id", "status", "connection_status", "mode", "asked", "running", "name")


def main(arguments: Sequence[str]) -> int:
    """Run one act; return the exit code: 0 done, 1 something was refused, 2 not understood."""
    args = parser().parse_args(arguments)
    try:
        token = _token(args)
        with Client(args.server, token, verify=str(args.authority) if args.authority else True) as client:
            return _run(client, args)
    except (Refused, Unreachable, OSError) as problem:
        print(f"analyticlens machines: {problem}", file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    """Return what understands the arguments."""
    made = argparse.ArgumentParser(
        prog="analyticlens machines",
        description="See machines and steer them, over REST. A token is made at /api/docs/ (POST /api/v1/tokens/).",
    )
    made.add_argument("act", choices=("list", "show", *ACTS))
    made.add_argument("machines", nargs="*", metavar="MACHINE", help="machine ids (list: none means all)")
    made.add_argument("--server", default=os.environ.get("AL_SERVER", SERVER), help=f"AL_SERVER, else {SERVER}")
    made.add_argument("--token-file", type=Path, help="file the token is in (else AL_TOKEN says it)")
    made.add_argument("--authority", type=Path, help="certificate of the authority the server's is from (PEM)")
    made.add_argument("--reason", default="", help="why; it stays in the history")
    made.add_argument("--status", help="list: only machines of this status")
    made.add_argument("--search", help="list: only machines with this in their id, name or description")
    made.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return made


def _token(args: argparse.Namespace) -> str:
    if args.token_file:
        return str(args.token_file.read_text(encoding="utf-8")).strip()
    token = os.environ.get("AL_TOKEN", "")
    if not token:
        raise OSError("say a token with AL_TOKEN or --token-file")
    return token


Act = Callable[[Client, str, str], "Asked | Command"]
ACTS: dict[str, Act] = {
    "start": lambda client, machine_id, reason: client.start(machine_id, reason=reason),
    "stop": lambda client, machine_id, reason: client.stop(machine_id, reason=reason),
    "restart": lambda client, machine_id, reason: client.restart(machine_id, reason=reason),
    "trigger": lambda client, machine_id, _reason: client.trigger(machine_id),
}


def _run(client: Client, args: argparse.Namespace) -> int:
    if args.act in ACTS:
        return _each(client, args)
    chosen = {name: value for name in ("status", "search") if (value := getattr(args, name))}
    found = (
        [client.machine(machine_id) for machine_id in args.machines]
        if args.machines
        else list(client.machines(**chosen))
    )
    if args.json:
        for machine in found:
            print(machine.model_dump_json())
    elif args.act == "show":
        print("\n\n".join(map(_told, found)))
    else:
        _table([_row(machine) for machine in found])
    return 0


def _each(client: Client, args: argparse.Namespace) -> int:
    """Ask it of each machine; one that refuses does not keep the others from it."""
    if not args.machines:
        print(f"analyticlens machines {args.act}: name at least one machine", file=sys.stderr)
        return 2
    refused = 0
    for machine_id in args.machines:
        try:
            answer = ACTS[args.act](client, machine_id, args.reason)
        except Refused as problem:
            refused = 1
            _say(args, machine_id, {"refused": problem.code, "message": str(problem)}, f"refused: {problem}")
            continue
        asked = f"version {answer.version} asked" if isinstance(answer, Asked) else f"{answer.kind} {answer.state}"
        _say(args, machine_id, answer.model_dump(mode="json"), asked)
    return refused


def _say(args: argparse.Namespace, machine_id: str, body: dict[str, Any], sentence: str) -> None:
    print(json.dumps({"machine_id": machine_id, **body}) if args.json else f"{machine_id}: {sentence}")


def _row(machine: Machine) -> dict[str, str]:
    said = machine.model_dump()
    said |= {"asked": machine.desired_version, "running": machine.reported_version}
    return {column: _plain(said[column]) for column in COLUMNS}


def _plain(value: object) -> str:
    """Return a value for a terminal: whatever a machine is called, it moves no cursor."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(value))


def _table(rows: list[dict[str, str]]) -> None:
    widths = {column: max(len(column), *(len(row[column]) for row in rows), 0) for column in COLUMNS}
    for row in [dict(zip(COLUMNS, COLUMNS, strict=True)), *rows]:
        print("  ".join(row[column].ljust(widths[column]) for column in COLUMNS).rstrip())


def _told(machine: Machine) -> str:
    return "\n".join(f"{name:<18}{_plain(value)}" for name, value in machine.model_dump(mode="json").items())
