"""Calls at the orchestrator's door, and what their answers mean: done, not now, or refused."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import httpx2
from pydantic import BaseModel, ValidationError

from analyticlens import __version__
from analyticlens.protocol.canonical import strict_loads
from analyticlens.protocol.errors import ErrorAnswer
from analyticlens.protocol.strict import Strict, first_error, plain

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
# Silence after which a download is given up.
FETCH_SECONDS = 30.0
# What these statuses say may be true of the next try; everything else that is refused stays refused.
PASSING = frozenset({408, 425, 429})
A = TypeVar("A", bound=Strict)


class DoorDown(Exception):
    """No answer that counts: the network, a time-out, a server in trouble, or somebody else answering. Try again later."""

    def __init__(self, sentence: str, retry_after: float = 0.0) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class DoorRefused(Exception):
    """The orchestrator itself said no: `status`, its word, its sentence, and what a program needs to go on."""

    def __init__(self, status: int, code: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details

    @property
    def credential(self) -> bool:
        """Whether the machine itself is refused, not what it said."""
        return self.status in (401, 403)


class Door:
    """One connection to `<django_url>/edge/v1/`. Used by one thread; each worker has its own, so that none waits for another."""

    def __init__(
        self,
        django_url: str,
        token: Callable[[], str] = str,
        seconds: float = ANSWER_SECONDS,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        """Prepare the connection, which believes whom `verify` says; nothing is sent yet. Each call carries what `token` says then."""
        headers = {"User-Agent": f"analyticlens-machine/{__version__}", "Accept": "application/json"}
        self._token = token
        self._client = httpx2.Client(
            base_url=django_url.rstrip("/") + "/edge/v1/",
            headers=headers,
            timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)),
            limits=httpx2.Limits(max_connections=1),
            verify=verify,
            trust_env=False,
            follow_redirects=False,
            auth=self._signed,
        )

    def _signed(self, request: httpx2.Request) -> httpx2.Request:
        if token := self._token():
            request.headers["Authorization"] = f"Bearer {token}"
        return request

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def call(self, method: str, path: str, body: BaseModel | None = None, **options: Any) -> dict[str, Any]:
        """Make one call and return the JSON object it was answered with. Raises DoorDown, DoorRefused."""
        if body is not None:
            options["json"] = plain(body)
        try:
            response = self._client.request(method, path, **options)
        except httpx2.HTTPError as error:
            raise DoorDown(f"{type(error).__name__}: {error}") from None
        self._check_token(response)
        return _read(response)

    def fetch(self, path: str, limit: int, seconds: float = FETCH_SECONDS) -> bytes:
        """Return the bytes at path, of which there may be so many. Raises DoorDown, DoorRefused."""
        content = bytearray()
        try:
            with self._client.stream("GET", path, timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS)) as response:
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > limit:
                        raise DoorDown(f"more than {limit} bytes came for {path}")
        except httpx2.HTTPError as error:
            raise DoorDown(f"{type(error).__name__}: {error}") from None
        self._check_token(response)
        if response.status_code != 200:
            _refuse(response, bytes(content))
        return bytes(content)

    def _check_token(self, response: httpx2.Response) -> None:
        """Raise DoorDown where a call was under way with the old token while another thread began with the new one."""
        sent = response.request.headers.get("Authorization", "")
        if response.status_code == 401 and sent.removeprefix("Bearer ") != self._token():
            raise DoorDown("the token was changed meanwhile")

    def ask(self, answer: type[A], method: str, path: str, body: BaseModel | None = None, **options: Any) -> A:
        """Make one call and return its checked answer. A success that is not this answer is no success. Raises DoorDown, DoorRefused."""
        data = self.call(method, path, body, **options)
        try:
            return answer.model_validate(data)
        except ValidationError as error:
            raise DoorDown(f"an answer that is not the orchestrator's: {first_error(error)}") from None


def _read(response: httpx2.Response) -> dict[str, Any]:
    """Return a success's JSON object; raise what any other answer means."""
    data = _loaded(response.content)
    if response.is_success and isinstance(data, dict):
        return data
    _refuse(response, response.content)


def _loaded(content: bytes) -> Any:
    try:
        return strict_loads(content)
    except ValueError:
        return None


def _refuse(response: httpx2.Response, content: bytes) -> NoReturn:
    """Raise what an answer that is no success means."""
    status, data = response.status_code, _loaded(content)
    if status in PASSING or status >= 500 or status < 400 or not isinstance(data, dict):
        raise DoorDown(f"answered {status}", _retry_after(response))
    try:
        error = ErrorAnswer.model_validate(data).error
    except ValidationError:
        raise DoorDown(f"answered {status} in a shape that is not the orchestrator's") from None
    raise DoorRefused(status, error.code, error.message, error.details)


def _retry_after(response: httpx2.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return min(float(text), 300.0) if text.isascii() and text.isdigit() else 0.0
