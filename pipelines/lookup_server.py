"""Serves the page for look-ups on this host alone: marimo in this process, behind a key and a short list of paths.

marimo is the extra ``analysts``; everything it needs is in its wheel, and the page asks nothing of another host.
"""

import importlib.util
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from pipelines.errors import UsageError
from pipelines.lookup import NO_EDITION, Desk

HOST = "127.0.0.1"
PAGE = Path(__file__).with_name("lookup_page.py")
ALLOWED = re.compile(
    r"/|/ws|/health|/assets/.*|/@file/.*|/public-files-sw\.js|/(favicon|logo|apple-touch|android-chrome)[\w.-]*"
    r"|/manifest\.json|/files-.*|/custom\.css"
    r"|/api/(status|version|usage)|/api/kernel/(instantiate|set_ui_element_value|function_call|set_model_value|takeover)"
)
REFUSED = "<!doctype html><meta charset=utf-8><title>稳岗数据查询</title><p>请使用启动时给出的完整地址打开本页。"
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
_DESKS: list[Desk] = []


def is_installed() -> bool:
    """Whether the extra ``analysts`` is there."""
    return importlib.util.find_spec("marimo") is not None


def desk_of_page() -> Desk:
    """The desk that the page of this process answers from."""
    return _DESKS[-1]


def serve(desk: Desk, *, port: int, tell: Callable[[str], None], key: str | None = None) -> None:
    """Serve the page until it is interrupted; ``tell`` is given its address, with a key that others do not know.

    While no edition can be read, page and ``tell`` say so. Raises ``UsageError`` where the extra is missing.
    """
    if not is_installed():
        raise UsageError("the page needs marimo: install it with pip install 'wengang[analysts]'")
    import uvicorn  # noqa: PLC0415  of the extra

    _DESKS.append(desk)
    key = key or secrets.token_urlsafe(18)
    tell(f"http://{HOST}:{port}/?access_token={key}")
    if not desk.has_edition():
        tell(NO_EDITION)
    config = uvicorn.Config(application(key), host=HOST, port=port, log_level="error", access_log=False)
    uvicorn.Server(config).run()


def application(key: str) -> Application:
    """The page as an ASGI application that answers those who have ``key``, on the paths that reading it needs."""
    import marimo  # noqa: PLC0415  of the extra

    head = '<meta name="robots" content="noindex">' + HIDDEN
    built = marimo.create_asgi_app(quiet=True, include_code=False, token=key, html_head=head)
    return _narrowed(built.with_app(path="", root=str(PAGE)).build())


HIDDEN = """<style>
[data-testid="notebook-menu-dropdown"],[data-testid="notebook-actions-dropdown"],[data-testid="watermark"],
#app-chrome-footer,.marimo-watermark{display:none!important}
</style>"""


def _narrowed(inner: Application) -> Application:
    """``inner`` without the paths that reading does not need: exports of the page, files, logins in English."""

    async def answer(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"} and not ALLOWED.fullmatch(scope["path"]):
            await _refuse(scope, send)
            return
        await inner(scope, receive, send)

    return answer


async def _refuse(scope: Message, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/html; charset=utf-8")]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSED.encode()})
