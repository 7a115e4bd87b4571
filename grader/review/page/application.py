"""The addresses of the page: its shell, the list of entries, one entry, a student's page, and the actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from grader.model import UsageFault
from grader.moderation.desk import Desk
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused
from grader.report.formats import moment
from grader.report.html import pages
from grader.review.page.actions import Actions, Asked
from grader.review.page.entry_view import entry_view
from grader.review.page.guard import SHEET_POLICY
from grader.review.page.listing import Listed
from grader.safe_text import visible
from grader.storage import records
from grader.storage.records import StoredEvidence

_MOST_BYTES = 100_000
"""Of a request."""
_ASSETS = {"desk.js": "text/javascript", "desk.css": "text/css"}
_SHOWN = {"open", "done", "mine"}


class Application:
    """Answers the requests about the run ``finished``; pseudonyms, ``names``, stand for the students if given."""

    def __init__(
        self, finished: FinishedRun, desk: Desk, actions: Actions, *, author: str, names: Mapping[str, str] | None
    ) -> None:
        self._finished = finished
        self._desk = desk
        self._actions = actions
        self._author = author
        self._names = names
        self.starlette = Starlette(
            routes=[
                Route("/", self._shell),
                Route("/{name}", self._asset),
                Route("/part/list", self._list),
                Route("/part/entry/{key}", self._entry),
                Route("/student/{key}", self._student),
                Route("/do/decide", self._doing(actions.decide), methods=["POST"]),
                Route("/do/comment", self._doing(actions.comment), methods=["POST"]),
                Route("/do/undo", self._doing(actions.undo), methods=["POST"]),
            ]
        )

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def _shell(self, request: Request) -> Response:
        folder = self._finished.folder.resolve().name
        return self._page("desk.html", author=self._author, folder=folder, is_blind=self._actions.listing.is_blind)

    def _asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return PlainTextResponse("There is no such page.", 404)
        template = files("grader.report.html").joinpath("templates", name)
        text = template.read_text(encoding="utf-8")
        if name.endswith(".css"):
            text = template.with_name("style.css").read_text(encoding="utf-8") + text
        return Response(text, media_type=_ASSETS[name])

    def _list(self, request: Request) -> Response:
        """The questions with their counts, and the entries of one of them."""
        asked, author = request.query_params.get("show", "open"), request.query_params.get("author", "")
        show = asked if asked in _SHOWN else "open"

        def is_shown(listed: Listed) -> bool:
            if show == "mine":
                return any(made.author == author for made in listed.decisions)
            return listed.is_open == (show == "open")

        with self._actions.lock:
            self._desk.refresh()
            questions = self._actions.listing.questions
            shown = {question.id: [one for one in question.entries if is_shown(one)] for question in questions}
            names = {one.key: self._name(one) for entries in shown.values() for one in entries}
        return self._page("desk_list.html", questions=questions, shown=shown, names=names, show=show)

    def _entry(self, request: Request) -> Response:
        with self._actions.lock:
            listed = self._found(request)
            if listed is None:
                return PlainTextResponse("This entry is gone.", 404)
            values = entry_view(self._finished.folder, self._desk, self._actions.listing, listed, self._names)
        return self._page("desk_entry.html", **values)

    def _student(self, request: Request) -> Response:
        """The tutor's page of the student of an entry, with the decisions of now."""
        with self._actions.lock:
            listed = self._found(request)
            if listed is None or self._names is not None or self._actions.listing.is_blind:
                return PlainTextResponse("There is no such page.", 404)
            student = listed.entry.student
            stored = records.read_evidence(self._finished.folder, student) or StoredEvidence.unobserved(student)
            page = pages.render_report(self._desk.report(student), stored, self._finished.run)
        return HTMLResponse(page, headers={"content-security-policy": SHEET_POLICY})

    def _found(self, request: Request) -> Listed | None:
        return self._actions.listing.find(request.path_params["key"])

    def _name(self, listed: Listed) -> str:
        student = listed.entry.student
        return self._names[student] if self._names is not None else self._desk.report(student).name

    def _page(self, template: str, **values: Any) -> Response:
        return HTMLResponse(pages.environment().get_template(template).render(**values, moment=moment))

    # ---- what is done ------------------------------------------------------------------------------------------------

    def _doing(self, action: Callable[[Asked], str | tuple[str, str]]) -> Callable[[Request], Any]:
        def done(body: bytes) -> Response:
            try:
                asked = msgspec.json.decode(body, type=Asked)
                with self._actions.lock:
                    result = action(asked)
            except msgspec.MsgspecError:
                return JSONResponse({"refused": "The request is not valid. Load the page again."}, 400)
            except (Refused, UsageFault) as refused:
                return JSONResponse({"refused": visible(str(refused))}, 409)
            message, key = result if isinstance(result, tuple) else (result, "")
            return JSONResponse({"message": visible(message), "key": key})

        async def answer(request: Request) -> Response:
            body = b""
            async for part in request.stream():
                body += part
                if len(body) > _MOST_BYTES:
                    return JSONResponse({"refused": "The request is too long."}, 413)
            return await run_in_threadpool(done, body)

        return answer
