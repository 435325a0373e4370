"""The office's pages over HTTP: routes, languages and live updates. They only read."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from threading import Event
from zoneinfo import ZoneInfo

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
from contracts.settings import IndexSettings
from contracts.text import Language
from index import office, recordings, showing
from index.board import Board
from index.exporting import Clerk
from index.rendering import renderer as renderer_of
from look.exporting import KINDS, Kind, Table, export
from look.guarding import HEADERS, Guard
from look.rendering import Renderer
from outside import clock

LANGUAGE_COOKIE = "language"
_YEAR_SECONDS = 365 * 24 * 3600
_LOOK_EVERY_SECONDS = 0.3
_SAY_AGAIN_AFTER = 30  # looks: a page that hears nothing for longer tells people so
_ROLL_SLACK = timedelta(seconds=30)
_FIRST_DAY, _LAST_DAY = date(2000, 1, 2), date(2199, 12, 30)

_log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Values = Mapping[str, object]
Sheet = Callable[["Pages", Request], Values]
Listed = Callable[[Clerk, Request], Table]


def _now() -> datetime:
    return clock.moment().at


@dataclass
class Pages:
    """One running set of pages."""

    board: Board
    settings: IndexSettings
    now: Clock
    renderer: Renderer
    guard: Guard
    _is_ending: Event = field(default_factory=Event)

    def app(self) -> ASGIApp:
        """Return the ASGI application."""
        live = [
            route
            for path, sheet in _SHEETS.items()
            for route in (
                Route(path, partial(self._page, sheet)),
                Route(f"/events{path}", partial(self._events, sheet)),
            )
        ]
        exports = [
            Route(f"{path}.{kind}", partial(self._export, listed, kind))
            for path, listed in _LISTED.items()
            for kind in KINDS
        ]
        routes = [
            *exports,
            *live,
            Route("/day", partial(self._go_to, "day")),
            Route("/footage", partial(self._go_to, "footage")),
            Route("/stations/forks/{sha256}", self._fork_report),
            Mount("/look", StaticFiles(directory=look.folder())),
        ]
        handlers = {HTTPException: self._refuse, MusterError: self._complain, Exception: self._fail}
        return _Guarded(Starlette(routes=routes, exception_handlers=handlers), self.guard)

    def end_streams(self) -> None:
        """End every open event stream."""
        self._is_ending.set()

    async def _page(self, sheet: Sheet, request: Request) -> Response:
        return await run_in_threadpool(self._answer, request, "page.html", sheet)

    async def _export(self, listed: Listed, kind: Kind, request: Request) -> Response:
        clerk = Clerk(
            self.board.still(), self.settings, self.now(), self._is_stale, _language(request)
        )
        made = await run_in_threadpool(lambda: export(listed(clerk, request), kind))
        return StreamingResponse(made.pieces(), 200, made.headers, made.media_type)

    async def _events(self, sheet: Sheet, request: Request) -> Response:
        sheet(self, request)  # a page that does not exist has no events
        stream = self._fragments(sheet, request)
        return StreamingResponse(stream, media_type="text/event-stream")

    async def _fragments(self, sheet: Sheet, request: Request) -> AsyncIterator[str]:
        """Yield the page whenever the roll was called, and now and then when it was not."""
        shown, looks = None, 0
        while not self._is_ending.is_set():
            newest = (self.board.at, self._is_stale)
            looks += 1
            if newest != shown or looks > _SAY_AGAIN_AFTER:
                shown, looks = newest, 0
                html = await run_in_threadpool(self._fragment, sheet, request)
                yield "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
            await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def _go_to(self, page: str, request: Request) -> Response:
        day = _parsed_day(request.query_params.get("on") or self.board.today.isoformat())
        response = RedirectResponse(f"/{page}/{day}", status_code=303)
        _remember_language(request, response)
        return response

    async def _fork_report(self, request: Request) -> Response:
        wanted = request.path_params["sha256"]
        reports = await run_in_threadpool(self.board.fork_reports)
        found = next((report for report in reports if report.sha256 == wanted), None)
        if found is None:
            raise HTTPException(404)
        disposition = f'attachment; filename="fork-{found.sha256}"'
        return Response(
            found.report,
            media_type="application/octet-stream",
            headers={"content-disposition": disposition},
        )

    async def _refuse(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return self._answer(request, "missing.html", _nothing, status)

    async def _complain(self, request: Request, error: Exception) -> Response:
        return self._answer(request, "refused.html", lambda *_: {"error": error}, 503)

    async def _fail(self, request: Request, error: Exception) -> Response:
        reference = secrets.token_hex(4)
        _log.error("internal error, reference %s", reference)  # the traceback follows it
        return self._answer(request, "failed.html", lambda *_: {"reference": reference}, 500)

    def _answer(self, request: Request, template: str, sheet: Sheet, status: int = 200) -> Response:
        language = _language(request)
        values = {**self._frame(request), **sheet(self, request)}
        response = HTMLResponse(self.renderer.render(template, language, values), status)
        _remember_language(request, response)
        return response

    def _fragment(self, sheet: Sheet, request: Request) -> str:
        language = _language(request)
        try:
            values = {**self._frame(request), **sheet(self, request)}
            return self.renderer.render(str(values["fragment"]), language, values)
        except MusterError as error:
            values = {**self._frame(request), "error": error}
            return self.renderer.render("live_refused.html", language, values)

    def _frame(self, request: Request) -> dict[str, object]:
        other = request.url.include_query_params(lang="en" if _language(request) == "zh" else "zh")
        return {
            "path": request.url.path,
            "other_language": f"{other.path}?{other.query}",
            "office": self.settings.name,
            "at": self.board.at,
            "is_stale": self._is_stale,
            "is_connected": self.board.is_connected,
            "storage_marks": showing.storage_marks(self.board.open_alerts()),
            "waiting": len(self.board.inquiries()),
            "names": {status.station: status.name for status in self.board.stations()},
        }

    @property
    def _is_stale(self) -> bool:
        """Tell whether the roll is no longer called, so that the pages show the past."""
        patience = timedelta(seconds=2 * self.settings.roll_seconds) + _ROLL_SLACK
        return self.now() - self.board.at > patience


def build_pages(board: Board, settings: IndexSettings, now: Clock = _now) -> Pages:
    """Return the office's pages, ready to be served."""
    renderer = renderer_of(ZoneInfo(settings.zone))
    guard = Guard.for_names(settings.pages.host, *settings.pages.names)
    return Pages(board, settings, now, renderer, guard)


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
            await refusal(scope, receive, partial(_send_with_headers, send))
            return
        await self.app(scope, receive, partial(_send_with_headers, send))


async def _send_with_headers(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        headers = MutableHeaders(scope=message)
        headers.update(HEADERS)
        is_static = "last-modified" in headers
        headers.setdefault("cache-control", "no-cache" if is_static else "no-store")
    await send(message)


def _today(pages: Pages, _request: Request) -> Values:
    return {"fragment": "live_today.html", "today": office.today_of(pages.board)}


def _day(pages: Pages, request: Request) -> Values:
    day = _parsed_day(request.path_params["day"])
    return {
        "fragment": "live_day.html",
        "sheet": office.day_sheet(pages.board, day),
        "cleared_at": pages.board.cleared_at,
    }


def _alerts(pages: Pages, _request: Request) -> Values:
    return {"fragment": "live_alerts.html", "sheet": office.alert_sheet(pages.board)}


def _stations(pages: Pages, _request: Request) -> Values:
    return {
        "fragment": "live_stations.html",
        "stations": pages.board.stations(),
        "forks": pages.board.fork_reports(),
        "recent": pages.board.recent_entries(office.RECENT),
    }


def _footage(pages: Pages, request: Request) -> Values:
    day = _parsed_day(request.path_params["day"])
    return {
        "fragment": "live_footage.html",
        "sheet": recordings.footage_sheet(pages.board, day),
    }


def _questions(pages: Pages, _request: Request) -> Values:
    zone = ZoneInfo(pages.settings.zone)
    return {
        "fragment": "live_questions.html",
        "sheet": recordings.question_sheet(pages.board, zone),
    }


def _nothing(_pages: Pages, _request: Request) -> Values:
    return {}


_SHEETS: dict[str, Sheet] = {
    "/": _today,
    "/day/{day}": _day,
    "/footage/{day}": _footage,
    "/questions": _questions,
    "/alerts": _alerts,
    "/stations": _stations,
}

_LISTED: dict[str, Listed] = {
    "/roll": lambda clerk, _: clerk.roll(),
    "/owed": lambda clerk, _: clerk.owed(),
    "/day/{day}": lambda clerk, request: clerk.day(_parsed_day(request.path_params["day"])),
    "/footage/{day}": lambda clerk, request: clerk.footage(_parsed_day(request.path_params["day"])),
}


def _parsed_day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise HTTPException(404) from None
    if not _FIRST_DAY <= day <= _LAST_DAY or text != day.isoformat():
        raise HTTPException(404)
    return day


def _remember_language(request: Request, response: Response) -> None:
    if "lang" in request.query_params:
        response.set_cookie(
            LANGUAGE_COOKIE, _language(request), _YEAR_SECONDS, httponly=True, samesite="strict"
        )


def _language(request: Request) -> Language:
    wanted = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return "en" if wanted == "en" else "zh"
