"""The addresses of the page: its shell, the list of entries, one entry, a student's page and files, and the actions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from grader.model import PART1, UsageFault
from grader.moderation.desk import Desk
from grader.moderation.finished_run import FinishedRun
from grader.moderation.offers import Refused
from grader.moderation.worklist import FOR_ALL
from grader.report.html import pages
from grader.report.html.anonymity import Identity
from grader.report.html.cohort_queue import MOST_LISTED, shares
from grader.review.page.actions import Actions, Asked
from grader.review.page.entry_view import EntryViews
from grader.review.page.guard import FILE_POLICY, SHEET_POLICY
from grader.review.page.listing import Listed, Question
from grader.review.page.student_files import media_type, path_of
from grader.review.tutors import differences, tables_of
from grader.safe_text import visible
from grader.storage import records
from grader.storage.records import StoredEvidence
from grader.storage.run_mark import RUN_FILE

_MOST_BYTES = 1_000_000
"""Of a request: the keys of a large group, and a text."""
_ASSETS = {
    "desk.js": ("text/javascript", ("desk.js",)),
    "desk.css": ("text/css", ("style.css", "student.css", "desk.css")),
}
_SHOWN = {"dealt": "Dealt to you", "open": "Open", "done": "Done", "mine": "Mine", "all": "All"}
_GONE = "There is no such page."
_AGAIN = (
    "The run was graded again. This page shows it as it was before: end the review with Ctrl-C, and start it again."
)


class Application:
    """Answers the requests about the run ``finished``; ``identity`` says how students are named."""

    def __init__(self, finished: FinishedRun, desk: Desk, actions: Actions, *, author: str, identity: Identity) -> None:
        self._finished = finished
        self._desk = desk
        self._actions = actions
        self._author = author
        self._identity = identity
        self._graded = _facts(finished.folder)
        self.starlette = Starlette(
            routes=[
                Route("/", self._shell),
                Route("/{name}", self._asset),
                Route("/part/list", self._list),
                Route("/part/entry/{key}", self._entry),
                Route("/part/figures", self._figures),
                Route("/student/{key}", self._student),
                Route("/file/{key}/{number:int}", self._file),
                Route("/do/decide", self._doing(actions.decide), methods=["POST"]),
                Route("/do/comment", self._doing(actions.comment), methods=["POST"]),
                Route("/do/look", self._doing(actions.look), methods=["POST"]),
                Route("/do/undo", self._doing(actions.undo), methods=["POST"]),
            ],
            exception_handlers={UsageFault: _refused},
        )

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def _shell(self, request: Request) -> Response:
        folder = self._finished.folder.resolve().name
        show = "all" if self._actions.listing.has_settled else "dealt" if self._desk.tutors else "open"
        values = {
            "folder": folder,
            "is_blind": self._actions.is_blind,
            "show": show,
            "is_dealt": bool(self._desk.tutors),
        }
        return self._page("desk.html", author=self._author, **values)

    def _asset(self, request: Request) -> Response:
        kind, names = _ASSETS.get(request.path_params["name"], ("", ()))
        if not names:
            return PlainTextResponse(_GONE, 404)
        templates = files("grader.report.html") / "templates"
        return Response("".join((templates / name).read_text(encoding="utf-8") for name in names), media_type=kind)

    def _list(self, request: Request) -> Response:
        """The questions with their counts, and the entries of each that are shown."""
        asked, author = request.query_params.get("show", "open"), self._author_of(request)
        show = asked if asked in _SHOWN else "open"
        shows = {one: word for one, word in _SHOWN.items() if one != "dealt" or self._desk.tutors}

        def is_shown(question: Question, listed: Listed) -> bool:
            if show == "dealt":
                return listed.is_open and (listed.is_for_all or self._desk.is_dealt_to(author, listed.entry))
            if show == "mine":
                return any(made.author == author for made in listed.decisions)
            return show == "all" or listed.is_open == (show == "open")

        with self._actions.lock:
            self._desk.refresh()
            questions = self._actions.listing_of(author).questions
            shown = [[one for one in question.entries if is_shown(question, one)] for question in questions]
        rooms = shares(list(map(len, shown)), MOST_LISTED)
        listed = [
            (question, entries[:room], len(entries[room:]))
            for question, entries, room in zip(questions, shown, rooms, strict=True)
        ]
        named = {"label": self._label, "heading": self._heading}
        notes = filter(None, (self._desk.note_on(author), _facts(self._finished.folder) != self._graded and _AGAIN))
        return self._page("desk_list.html", questions=listed, show=show, shows=shows, notes=list(notes), **named)

    def _entry(self, request: Request) -> Response:
        with self._actions.lock:
            author = self._author_of(request)
            listing = self._actions.listing_of(author)
            found = listing.find(request.path_params["key"])
            if found is None:
                return PlainTextResponse("This entry is gone.", 404)
            marks = self._desk.seen_by(author)
            offered = partial(self._desk.offered, author)
            views = EntryViews(self._finished.folder, marks, listing, self._identity, offered)
            is_flag = bool(found[1].entry.flag)
            values = views.of_flag(found[1]) if is_flag else views.of(*found)
        return self._page("desk_flag.html" if is_flag else "desk_entry.html", author=author, **values)

    def _figures(self, request: Request) -> Response:
        """What each tutor did and has left, and how far two agree."""
        with self._actions.lock:
            self._desk.refresh()
            tables, told = list(tables_of(self._desk)), differences(self._desk)
        return self._page("desk_figures.html", tables=tables, told=told)

    def _student(self, request: Request) -> Response:
        """The tutor's page of the student of an entry, with the decisions of now."""
        stored = self._stored(request)
        if stored is None:
            return PlainTextResponse(_GONE, 404)
        with self._actions.lock:
            report = self._desk.seen_by(self._author_of(request)).report(stored.student)
        page = pages.render_report(report, stored, self._finished.run, None)
        return HTMLResponse(page, headers={"content-security-policy": SHEET_POLICY})

    def _file(self, request: Request) -> Response:
        """A file of the submission of an entry, as a picture, a PDF or plain text; anything else to be saved."""
        stored = self._stored(request)
        path = path_of(stored.submission, request.path_params["number"]) if stored and stored.submission else None
        if path is None:
            return PlainTextResponse("The file is not where the grader read it.", 404)
        return FileResponse(path, media_type=media_type(path), headers={"content-security-policy": FILE_POLICY})

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

    # ---- internal ----------------------------------------------------------------------------------------------------

    def _author_of(self, request: Request) -> str:
        return self._desk.named(request.query_params.get("author", ""))

    def _stored(self, request: Request) -> StoredEvidence | None:
        """What is stored on the student of an entry; None where the tutor may not see more than the entry."""
        with self._actions.lock:
            found = self._actions.find(request.path_params["key"])
        if found is None or self._identity.is_anonymous or self._actions.is_blind:
            return None
        student = found[1].entry.student
        return records.read_evidence(self._finished.folder, student) or StoredEvidence.unobserved(student)

    def _label(self, question: Question, listed: Listed) -> tuple[str, str]:
        """What names an entry below its question, and a learning platform's number."""
        if question.id in FOR_ALL:
            name, number = self._identity.name(listed.entry.student)
            return f"{listed.entry.flag or listed.entry.items[0].removeprefix(PART1)} {name}", number
        if question.id:
            return self._identity.name(listed.entry.student)
        if listed.entry.flag:
            return f"Flag {listed.entry.flag}", ""
        results = self._actions.listing.results(listed)
        title = f"{results[0].part} {results[0].title}".strip() if len(results) == 1 else "No answer could be read"
        return title, ""

    def _heading(self, question: Question) -> str:
        """The part and title of a question, or the name of a student."""
        part = f"{question.id.removeprefix(PART1)} " if question.id.startswith(PART1) else ""
        return part + question.title if question.id else self._identity.name(question.title)[0]

    def _page(self, template: str, **values: Any) -> Response:
        return HTMLResponse(pages.environment().get_template(template).render(values))


def _facts(folder: Path) -> bytes:
    """The file that every grading of the run writes; empty if it is gone."""
    with suppress(OSError):
        return (folder / RUN_FILE).read_bytes()
    return b""


def _refused(request: Request, fault: Exception) -> Response:
    """Instead of what was asked for: why it cannot be shown, as when somebody has broken the file of decisions."""
    return PlainTextResponse(visible(str(fault)), 409)
