"""Lets only the tutor's own browser reach the page: every request needs the token of this server.

The page shows names and marks, and any website that the tutor visits can send requests to 127.0.0.1. So a request needs
the token in a cookie, the Host header of this server (against DNS rebinding), and, if it changes something, the Origin
header of this server (against forged requests). See OWASP's cheat sheets on these two attacks.
"""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "lab4-review"
_TOKEN_BYTES = 32
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "frame-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
SHEET_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)
"""For a student's page: as an origin of its own, without scripts."""
FILE_POLICY = "default-src 'none'; frame-ancestors 'self'"
"""For a student's picture, PDF or text. With ``sandbox``, browsers would not show a PDF."""


class Guard:
    """Answers 403 to every request that does not come from the page at ``http://127.0.0.1:port``."""

    def __init__(self, app: ASGIApp, *, port: int) -> None:
        self.token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._app = app
        # A cookie belongs to a host, not to a port, so two servers need two names.
        self._cookie = f"{COOKIE}-{port}"
        self._host = f"127.0.0.1:{port}"

    @property
    def address(self) -> str:
        """The address that a browser opens. It contains the token, which the page then keeps in a cookie."""
        return f"http://{self._host}/?token={self.token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request of the page; refuse any other."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        if not self._is_addressed(headers, scope["method"]):
            await PlainTextResponse("This request does not come from the page.", 403)(scope, receive, send)
            return
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        if scope["path"] == "/" and self._is_token(given):
            welcome = RedirectResponse("/", 303)
            welcome.set_cookie(self._cookie, self.token, httponly=True, samesite="strict")
            await welcome(scope, receive, send)
            return
        if not self._is_token(cookie_parser(headers.get("cookie", "")).get(self._cookie, "")):
            text = "This page needs the address that the grader printed when it started."
            await PlainTextResponse(text, 403)(scope, receive, send)
            return
        await self._app(scope, receive, _with_headers(send))

    def _is_addressed(self, headers: Headers, method: str) -> bool:
        origin = headers.get("origin")
        is_ours = origin == f"http://{self._host}"
        is_read = method in ("GET", "HEAD")
        return headers.get("host") == self._host and (is_ours or (is_read and origin is None))

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self.token.encode())


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("content-security-policy", _PAGE_POLICY)
            headers["x-content-type-options"] = "nosniff"
            headers["referrer-policy"] = "no-referrer"
            headers["cache-control"] = "no-store"
            headers["cross-origin-resource-policy"] = "same-origin"
            headers["cross-origin-opener-policy"] = "same-origin"
        await send(message)

    return sending
