"""Results of a machine, delivered as batches, for the pages to show."""

from __future__ import annotations

from typing import Any

from analyticlens.protocol.records import BatchEnvelope
from api.models import VirtualMachine
from results.ingest import ingest
from results.models import InspectionResult
from tests.rows import EPOCH, heartbeat

COUNT = {
    "id": 1,
    "name": "Count",
    "type": "blob",
    "status": "ok",
    "verdict": "nok",
    "features": {"blob_count": 23, "total_area": 1305.5},
    "limits": [{"feature": "blob_count", "min": 24, "max": 24}],
    "reason": "limit",
}


def verdict_body(cycle: int, verdict: str = "ok", **more: Any) -> dict[str, Any]:
    """Return one verdict as a machine sends it."""
    return {
        "verdict": verdict,
        "cycle": cycle,
        "generation": 1,
        "trigger_count": cycle,
        "mode": "PRODUCAO",
        "simulated": False,
        "wall": "2026-01-01T00:00:00+00:00",
        "frame": {"number": cycle, "width": 752, "height": 480},
        **more,
    }


def deliver(machine: VirtualMachine, *verdicts: str, start: int = 1, **more: Any) -> list[InspectionResult]:
    """Deliver verdicts one after another; return their rows."""
    records = [
        {"seq": seq, "kind": "verdict", "body": verdict_body(seq, verdict, **more)}
        for seq, verdict in enumerate(verdicts, start=start)
    ]
    ingest(machine, BatchEnvelope.model_validate({"epoch": EPOCH, "epoch_no": 1, "records": records}))
    return list(InspectionResult.objects.filter(machine=machine, seq__gte=start).order_by("seq"))


def hear(machine: VirtualMachine, hb_seq: int = 1, **more: Any) -> VirtualMachine:
    """Have the machine report; it runs in production unless `more` says otherwise."""
    machine.receive_heartbeat(heartbeat(hb_seq, **{"status": "running", "mode": "PRODUCAO", **more}))
    return machine
