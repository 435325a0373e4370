"""The pages over HTTP: routes, cookies, guards and the live board; page functions do the rest."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Event

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import look
from contracts.errors import MusterError
from contracts.text import Language
from look.exporting import KINDS, Export
from look.guarding import HEADERS, Guard, new_session
from look.rendering import Renderer
from station import browsing, exporting, handing, kiosk, questioning
from station.page import Asked, Desk, Download, Outcome, Page, PageFunction, Redirect
from station.rendering import TEMPLATES

SESSION_COOKIE = "muster"
LANGUAGE_COOKIE = "language"
MAX_BODY_BYTES = 16 * 1024
_LOOK_EVERY_SECONDS = 0.2
_SAY_AGAIN_AFTER = 10  # looks: a board that hears nothing for longer tells people so
_YEAR_SECONDS = 365 * 24 * 3600
_DOWNLOAD = "application/json"

Endpoint = Callable[[Request], "asyncio.Future[Response]"]


@dataclass
class Pages:
    """One running set of pages; `stopping` ends every open event stream."""

    desk: Desk
    renderer: Renderer
    guard: Guard
    stopping: Event = field(default_factory=Event)

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        return _Guarded(
            Starlette(
                routes=[
                    *self._routes(),
                    Route("/events", self._events),
                    Mount("/look", StaticFiles(directory=look.folder())),
                    Mount("/static", StaticFiles(directory=TEMPLATES.parent / "static")),
                ],
                exception_handlers={HTTPException: self._refuse, MusterError: self._complain},
            ),
            self.guard,
        )

    def _routes(self) -> list[Route]:
        read: dict[str, PageFunction] = {
            "/": kiosk.board,
            "/receipt/{part:int}": kiosk.receipt,
            "/ledger": browsing.ledger,
            "/ledger/{part:int}": browsing.entry,
            "/ledger/{part:int}/proof": browsing.bundle,
            "/forms/usage": browsing.usage,
            "/questions": questioning.questions,
            **{f"/ledger.{kind}": partial(exporting.ledger, kind) for kind in KINDS},
            **{f"/forms/usage.{kind}": partial(exporting.usage, kind) for kind in KINDS},
        }
        filled: dict[str, PageFunction] = {
            "/issue": handing.issue,
            "/return": handing.give_back,
            "/declare": handing.declare,
            "/observe": handing.observe,
            "/fault": handing.fault,
            "/answer": handing.answer,
        }
        return [
            *(Route(path, partial(self._get, function)) for path, function in read.items()),
            *(Route(path, partial(self._get, function)) for path, function in filled.items()),
            *(
                Route(path, partial(self._post, function), methods=["POST"])
                for path, function in {**filled, "/retry": handing.retry}.items()
            ),
        ]

    async def _get(self, function: PageFunction, request: Request) -> Response:
        outcome = await run_in_threadpool(function, self.desk, self._asked(request))
        return self._answer(request, outcome)

    async def _post(self, function: PageFunction, request: Request) -> Response:
        form = await _form_of(request)
        headers = request.headers
        session = request.cookies.get(SESSION_COOKIE, "")
        token = form.pop("token", "")
        if not self.guard.accepts(session, token, headers.get("origin"), headers["host"]):
            return self._answer(request, Page("expired.html", status=403))
        asked = replace(self._asked(request), form=form)
        return self._answer(request, await run_in_threadpool(function, self.desk, asked))

    async def _events(self, request: Request) -> Response:
        headers = {"cache-control": "no-store"}
        boards = self._boards(request)
        return StreamingResponse(boards, media_type="text/event-stream", headers=headers)

    async def _boards(self, request: Request) -> AsyncIterator[str]:
        """Yield the board whenever it looks different, and now and then when it does not."""
        shown, silent = "", 0
        while not self.stopping.is_set():
            asked = self._asked(request)
            page = Page("board_live.html", {"board": kiosk.board_at(self.desk, asked)})
            html = self._html(request, page)
            silent += 1
            if html != shown or silent > _SAY_AGAIN_AFTER:
                shown, silent = html, 0
                yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._answer(request, Page("missing.html", {"status": status}, status))

    async def _complain(self, request: Request, error: Exception) -> Response:
        if not isinstance(error, MusterError):
            raise error
        values = {"complaint": handing.complaint_of(error)}
        return self._answer(request, Page("refused.html", values, 503))

    def _asked(self, request: Request) -> Asked:
        return Asked(
            path=request.url.path,
            query=dict(request.query_params),
            now=self.desk.clock(),
            language=_language(request),
            part=str(request.path_params.get("part", "")),
        )

    def _answer(self, request: Request, outcome: Outcome) -> Response:
        if isinstance(outcome, Redirect):
            return RedirectResponse(outcome.to, status_code=303)
        if isinstance(outcome, Download):
            disposition = {"content-disposition": f'attachment; filename="{outcome.name}"'}
            return Response(outcome.body, media_type=_DOWNLOAD, headers=disposition)
        if isinstance(outcome, Export):
            return StreamingResponse(outcome.pieces(), 200, outcome.headers, outcome.media_type)
        session = request.cookies.get(SESSION_COOKIE) or new_session()
        html = self._html(request, outcome, session)
        response = HTMLResponse(html, status_code=outcome.status)
        _set_cookie(response, SESSION_COOKIE, session)
        if "lang" in request.query_params:
            _set_cookie(response, LANGUAGE_COOKIE, _language(request), _YEAR_SECONDS)
        return response

    def _html(self, request: Request, page: Page, session: str | None = None) -> str:
        language = _language(request)
        other = request.url.include_query_params(lang="en" if language == "zh" else "zh")
        frame = {
            "token": self.guard.token(session or request.cookies.get(SESSION_COOKIE, "")),
            "path": request.url.path,
            "other_language": f"{other.path}?{other.query}",
            "station": self.desk.settings.station.name,
            "now": self.desk.clock(),
        }
        return self.renderer.render(page.template, language, {**frame, **page.values})


@dataclass(frozen=True)
class _Guarded:
    """Refuses foreign host names and puts the guard's headers on every response."""

    app: ASGIApp
    guard: Guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self.guard.knows_host(Request(scope).headers.get("host", "")):
            refusal = Response("未知主机名 / unknown host name\n", 421, media_type="text/plain")
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, partial(_send_with_headers, send))


async def _send_with_headers(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        headers.update(HEADERS)
        is_static = "last-modified" in headers
        headers.setdefault("cache-control", "no-cache" if is_static else "no-store")
    await send(message)


async def _form_of(request: Request) -> dict[str, str]:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise HTTPException(413)
    form = await request.form(max_files=0, max_fields=50)
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _language(request: Request) -> Language:
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return "en" if wanted == "en" else "zh"


def _set_cookie(response: Response, name: str, value: str, seconds: int | None = None) -> None:
    response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="strict")
