"""What every request passes: a secret cookie, files of one's own only, nothing from elsewhere.

Gradio serves and takes any file below its folders to whoever knows its name. Here each request is
tied to the browser that it comes from, before Gradio sees it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .sessions import Sessions, is_secret, new_secret, owner_of

COOKIE = "gesticulate_studio"
# Everything but uploads is small: numbers, names, a timeline's spans.
_LARGEST_BODY = 2_000_000
_UPLOADS_AT_ONCE = 10
_HEADERS = {
    # The page runs Gradio's scripts, which are inline and build functions from text.
    "content-security-policy": (
        "default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        "style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def secret_in(headers: Headers) -> str | None:
    """The cookie of a request, None where it has none of ours."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and is_secret(found.value) else None


class Gate:
    """ASGI middleware. max_upload: bytes of one file; ten times as much may lie there at once."""

    def __init__(self, app: ASGIApp, sessions: Sessions, max_upload: int) -> None:
        self.app, self.sessions, self.max_upload = app, sessions, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        secret = secret_in(Headers(scope=scope))
        fresh = None if secret else new_secret()
        if fresh:
            scope = {**scope, "headers": [*scope["headers"], (b"cookie", _cookie(fresh).encode())]}
        owner = owner_of(secret or fresh or "")

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if fresh:
                    cookie = f"{_cookie(fresh)}; Path=/; HttpOnly; SameSite=Strict"
                    headers.append("set-cookie", cookie)
            await send(message)

        await self._pass(scope, receive, answer, owner)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, owner: str) -> None:
        path, refusal = scope["path"], None
        _, is_file, name = path.partition("/file=")
        if is_file and not self.sessions.owns(name, owner):
            refusal = (403, "This file is not yours, or it is gone.")
        page = parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [None])[0]
        if page is not None and not self.sessions.claim_page(page, owner):
            refusal = (403, "This page is another one's.")
        if scope["method"] == "POST" and not refusal:
            if path.endswith("/upload"):
                if self.sessions.used(owner) > _UPLOADS_AT_ONCE * self.max_upload:
                    refusal = (413, "Too many files were uploaded. Wait for them to be deleted.")
                else:
                    await self.app(scope, receive, _Claims(self.sessions, owner, send))
                    return
            elif not path.endswith("/login"):
                body, refusal = await self._checked_body(receive, owner)
                receive = _replay(body, receive)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, send)
            return
        await self.app(scope, receive, send)

    async def _checked_body(
        self, receive: Receive, owner: str
    ) -> tuple[bytes, tuple[int, str] | None]:
        """The whole body, and why it is refused."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > _LARGEST_BODY:
                return b"", (413, "The request is too large.")
        try:
            content = json.loads(body) if body else None
        except ValueError:
            return b"", (400, "Expected JSON.")
        except RecursionError:
            return b"", (400, "The request is nested too deeply.")
        for path in _paths(content):
            if not self.sessions.owns(path, owner):
                return b"", (403, "This file is not yours, or it is gone.")
        page = content.get("session_hash") if isinstance(content, dict) else None
        if page is not None and not self.sessions.claim_page(str(page), owner):
            return b"", (403, "This page is another one's.")
        return body, None


class _Claims:
    """A sender that notes which files an upload became."""

    def __init__(self, sessions: Sessions, owner: str, send: Send) -> None:
        self.sessions, self.owner, self.send = sessions, owner, send
        self.status, self.body = 0, b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            if self.status == 200 and not message.get("more_body", False):
                for path in json.loads(self.body):
                    self.sessions.claim(path, self.owner)
        await self.send(message)


def _paths(content: Any) -> Iterator[str]:
    """All files that a request names: Gradio's file values are dictionaries with a path."""
    waiting = [content]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            path = item.get("path")
            if path is not None:
                yield str(path)
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _replay(body: bytes, receive: Receive) -> Receive:
    """A receiver that gives a body which was read already, and then what comes."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _cookie(secret: str) -> str:
    return f"{COOKIE}={secret}"
