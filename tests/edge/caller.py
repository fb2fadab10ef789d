"""A machine's side of the door, without a machine."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

EPOCH = "ab" * 16


class Door:
    """Calls the door as one machine does; every answer's status and body."""

    def __init__(self, token: str) -> None:
        self.token = token
        self._client = Client()

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send body (bytes as they are, anything else as JSON) with the token."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}"} | {
            name.replace("_", "-"): text for name, text in headers.items()
        }
        kind = sent.pop("Content-Type", "application/json")
        response = self._client.generic(method, f"/edge/v1/{path}", raw, content_type=kind, headers=sent)
        return response.status_code, json.loads(response.content) if response.content else None

    def fetch(self, path: str) -> tuple[int, Any, bytes]:
        """Ask for a file; return status, headers and bytes."""
        response = self._client.get(f"/edge/v1/{path}", headers={"Authorization": f"Bearer {self.token}"})
        return response.status_code, response.headers, b"".join(response)

    def beat(self, number: int = 1, epoch: str = EPOCH, epoch_no: int = 1, **more: Any) -> tuple[int, Any]:
        """Send a heartbeat."""
        said = {
            "epoch": epoch,
            "epoch_no": epoch_no,
            "hb_seq": number,
            "wall": "2026-01-01T00:00:00+00:00",
            "status": "stopped",
            "mode": "TESTE",
        }
        return self.call("POST", "heartbeat", {**said, **more})

    def batch(self, records: list[dict[str, Any]], epoch: str = EPOCH, epoch_no: int = 1) -> tuple[int, Any]:
        """Send a batch."""
        return self.call("POST", "batches", {"epoch": epoch, "epoch_no": epoch_no, "records": records})
