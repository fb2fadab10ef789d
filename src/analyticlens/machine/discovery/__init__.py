"""Cameras for "add a machine": which there are, and what one of them offers. A new kind is one line in PROVIDERS."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from analyticlens.machine.discovery.probe import probe
from analyticlens.machine.discovery.refusal import LookupFailed
from analyticlens.machine.discovery.v4l2 import local_cameras
from analyticlens.protocol.discovery import MOST_FOUND, Discovery, FoundCamera

Provider = Callable[[float], Iterable[FoundCamera]]
"""Lists the cameras it can see within so many seconds. Raises LookupFailed with why it could not look."""

PROVIDERS: dict[str, Provider] = {
    "camera": local_cameras,
    "onvif": probe,
}


def discover(seconds: float, providers: dict[str, Provider] = PROVIDERS) -> Discovery:
    """Return the cameras that show themselves within `seconds`. What cannot look does not keep the others from it."""
    cameras: list[FoundCamera] = []
    problems: list[str] = []
    with ThreadPoolExecutor(max_workers=max(1, len(providers))) as pool:
        for asked in [pool.submit(_list, provider, seconds) for provider in providers.values()]:
            try:
                cameras += asked.result()
            except LookupFailed as failed:
                problems.append(failed.sentence[:200])
    return Discovery(cameras=cameras[:MOST_FOUND], more=len(cameras) > MOST_FOUND, problems=problems)


def _list(provider: Provider, seconds: float) -> list[FoundCamera]:
    return list(provider(seconds))
