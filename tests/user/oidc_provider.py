"""A sign-in provider on loopback: OpenID Connect over HTTP, in a thread of its own.

It is strict with its client, and lies where a test says so.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID, CLIENT_SECRET = "lens", "s3cret-of-the-client-which-nobody-reads"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)
STRANGERS_KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}, auto_kid=False)


@dataclass
class Said:
    """What the provider says, to be changed by a test."""

    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "42", "preferred_username": "ana", "groups": ["makers"]}
    )
    # Laid over the ID token's claims; None takes one away.
    claims: dict[str, Any] = field(default_factory=dict)
    description: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    key: RSAKey = field(default_factory=lambda: KEY)
    algorithm: str = "RS256"
    error: str = ""
    state: str = ""


class OidcProvider:
    """The provider: `url` is its issuer, `said` what it says, `asked` the paths it was asked for, `secrets` what nobody may repeat."""

    def __init__(self) -> None:
        self.said = Said()
        self.asked: list[str] = []
        self.secrets: set[str] = {CLIENT_SECRET}
        self.codes: dict[str, dict[str, str]] = {}
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"provider": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self.server.shutdown()
        self.server.server_close()

    def description(self) -> dict[str, Any]:
        """Return the discovery document."""
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            # Some do offer the last two; nobody should take them up on it.
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        if self.said.userinfo is not None:
            said["userinfo_endpoint"] = f"{self.url}/userinfo"
        return {**said, **self.said.description}

    def id_token(self, asked: dict[str, str]) -> str:
        """Return a signed token for a sign-in that was asked for."""
        now = int(time.time())  # noqa: TID251  the provider's own clock
        true = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.said.person,
        }
        claims = {name: value for name, value in {**true, **self.said.claims}.items() if value is not None}
        if self.said.algorithm == "none":
            parts = ({"alg": "none"}, claims)
            return (
                ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
                + "."
            )
        header = {"alg": self.said.algorithm, "kid": self.said.key.kid}
        return jwt.encode(header, claims, self.said.key, algorithms=[self.said.algorithm])


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    provider: OidcProvider

    def do_GET(self) -> None:
        """Describe, sign in, give the keys, or tell of a person."""
        provider, address = self.provider, urlsplit(self.path)
        provider.asked.append(address.path)
        if address.path == "/.well-known/openid-configuration":
            self._json(200, provider.description())
        elif address.path == "/jwks":
            self._json(200, {"keys": [KEY.as_dict(private=False)]})
        elif address.path == "/userinfo" and self.headers.get("Authorization", "")[7:] in provider.secrets:
            self._json(200, provider.said.userinfo or {})
        elif address.path == "/authorize":
            self._authorize({name: values[0] for name, values in parse_qs(address.query).items()})
        else:
            self._json(404, {})

    def _authorize(self, asked: dict[str, str]) -> None:
        said = self.provider.said
        whole = (
            asked["client_id"] == CLIENT_ID and asked["response_type"] == "code" and "openid" in asked["scope"].split()
        )
        if not whole or asked["code_challenge_method"] != "S256" or not asked["state"] or not asked["nonce"]:
            return self._json(400, {"error": "invalid_request"})
        code = secrets.token_urlsafe(24)
        self.provider.codes[code] = asked
        self.provider.secrets |= {code, asked["state"], asked["nonce"]}
        answer = {"error": said.error} if said.error else {"code": code}
        self.send_response(302)
        back = urlencode({**answer, "state": said.state or asked["state"]})
        self.send_header("Location", f"{asked['redirect_uri']}?{back}")
        self.end_headers()

    def do_POST(self) -> None:
        """Give tokens for a code: once, to the client it was made for, who can show the verifier."""
        self.provider.asked.append(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.provider.codes.pop(given.get("code", ""), None)
        client = base64.b64decode(self.headers.get("Authorization", "")[6:]).decode()
        if unquote(client) != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return self._json(401, {"error": "invalid_client"})
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or challenge != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
            return self._json(400, {"error": "invalid_grant"})
        access, id_token = secrets.token_urlsafe(24), self.provider.id_token(asked)
        self.provider.secrets |= {access, id_token, given["code_verifier"]}
        self._json(200, {"access_token": access, "token_type": "Bearer", "expires_in": 300, "id_token": id_token})

    def _json(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
