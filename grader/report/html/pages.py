"""Renders the pages: two self-contained HTML files for each student, and one or, if it is large, some for the cohort.

Of the two, one is for tutors, and the student gets the other, which exists only while nothing is open.

What the pages share, also with the self-check's, is in :mod:`grader.report.html.rendering`.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup, escape

from grader.model import Report, Run
from grader.moderation.finished_run import ALONE, Neighbours
from grader.moderation.pseudonyms import names_in
from grader.report import formats, tally
from grader.report.feedback import for_the_student, outcome
from grader.report.highlighting import Piece
from grader.report.html import cohort_page, rendering, roster, student_page, tutor_page
from grader.report.html.anonymity import ByName, ByNumber, Identity
from grader.report.html.rendering import LONGEST_SENTENCE, block
from grader.storage import run_folder
from grader.storage.fingerprints import code_digest
from grader.storage.json_files import content_digest, write_file
from grader.storage.records import StoredEvidence

_MOST_REASONS = 6
"""Reasons of one submission in the tutor's queue; the student's page has them all."""
_LIST = re.compile(r"(?:index|anonymous)-\d+\.html")
"""The file of a page with a part of a large cohort's table."""


def load() -> None:
    """Compile the templates of all pages, so that forked copies of this process inherit them."""
    for name in ("report.html", "tutor_report.html", "cohort.html", "cohort_list.html"):
        environment().get_template(name)


def render_report(report: Report, stored: StoredEvidence, run: Run, beside: Neighbours | None = ALONE) -> str:
    """The tutor's page of one student; ``stored`` is the evidence that the report was made from.

    It has links to the cohort and to the students ``beside`` this one; with None, no links.
    """
    return environment().get_template("tutor_report.html").render(tutor_page.context(report, stored, run, beside))


def render_feedback(report: Report, stored: StoredEvidence, run: Run) -> str:
    """The page that the student gets, of a settled report."""
    values = student_page.context(for_the_student(report), stored, run)
    return environment().get_template("report.html").render(values)


def render_cohort(reports: Sequence[Report], run: Run, *, similar: str = "") -> str:
    """The page of a whole run, with relative links to the students' pages, and to the page on ``similar`` works."""
    return next(_cohort("index", reports, run, ByName(reports), similar))[1]


def render_anonymous_cohort(reports: Sequence[Report], run: Run, names: Mapping[str, str]) -> str:
    """The page of a whole run for anonymous review: students have the pseudonyms ``names``; nothing identifies them."""
    return next(_cohort("anonymous", reports, run, ByNumber(names, reports)))[1]


def _cohort(
    name: str, reports: Sequence[Report], run: Run, identity: Identity, similar: str = ""
) -> Iterator[tuple[str, str]]:
    """The file names and texts of the page ``name`` and, if the cohort is large, of the pages with its table."""
    values = cohort_page.context(reports, run, identity) | {"similar": similar} | _script()
    lists = roster.roster_pages(values["rows"], name)
    whole = f"{name}.html"
    directory = roster.directory(lists) if lists else ""
    yield whole, environment().get_template("cohort.html").render(values, lists=lists, directory=directory)
    names = ["", *(page.name for page in lists), ""]
    for page, previous, following in zip(lists, names, names[2:], strict=False):
        counts = tally.count_statuses(row.status for row in page.rows)
        own = {"page": page, "counts": counts, "whole": whole, "previous": previous, "following": following}
        yield page.name, environment().get_template("cohort_list.html").render(values | own)


@functools.cache
def _script() -> dict[str, Markup]:
    """The script of the cohort page, and its digest for the content security policy, which allows no other script."""
    text = files("grader.report.html").joinpath("templates", "cohort.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return {"script": Markup(text), "script_digest": Markup(digest)}


def write_report_page(
    folder: Path, report: Report, stored: StoredEvidence, run: Run, beside: Neighbours = ALONE
) -> Path:
    """Write both pages of one student into the run at ``folder``. Returns the path of the tutor's.

    Pages that show the same already stay, with the time when they were made, because rendering takes longer than
    marking. The last line of the tutor's page is a digest of that page and of all that both were made from.
    """
    path = run_folder.student_folder(folder, report.student) / run_folder.PAGE_FILE
    about = replace(run, started="", finished="", seconds=0.0, jobs=0, source="", isolation="", counts={}, timing={})
    about = replace(about, submissions=0, shard=None, machines={})
    shown = content_digest((report, stored, about, (tutor_page.isolation_of(stored, run), beside), _code()))
    try:
        page, line, seal = path.read_bytes().rpartition(b"\n<!-- ")
        is_current = bool(shown) and line + seal == _seal(page, shown)
    except OSError:
        is_current = False
    if not is_current or (folder / run_folder.feedback_path(report.student)).exists() != tally.is_settled(report):
        write_feedback_page(folder, report, stored, run)  # first, so that an old one is gone when the other is new
        page = render_report(report, stored, run, beside).encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, page + _seal(page, shown))
    return path


def write_feedback_page(folder: Path, report: Report, stored: StoredEvidence, run: Run) -> Path:
    """Write the page that the student gets into the run at ``folder``; while anything is open, remove it instead.

    Returns its path.
    """
    path = folder / run_folder.feedback_path(report.student)
    if tally.is_settled(report):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, render_feedback(report, stored, run).encode())
    else:
        run_folder.remove_feedback(folder, report.student)
    return path


@functools.cache
def _code() -> tuple[str, str]:
    """Digests of all that turns the values of a page into a page."""
    return code_digest(""), code_digest("report.html.templates", files="*")


def _seal(page: bytes, shown: bytes) -> bytes:
    return b"\n<!-- %s -->\n" % hashlib.sha256(shown + page).hexdigest().encode()


def write_cohort_page(folder: Path, reports: Sequence[Report], run: Run) -> Path:
    """Write index.html into the run at ``folder``, and the same page without names, anonymous.html.

    Beside them are the pages with the table of a large cohort; those of an earlier, larger one are removed.
    """
    names = names_in(folder, run, (report.student for report in reports))
    similar = run_folder.SIMILARITY_PAGE_FILE if (folder / run_folder.SIMILARITY_PAGE_FILE).exists() else ""
    whole, anonymous = (
        _cohort("index", reports, run, ByName(reports), similar),
        _cohort("anonymous", reports, run, ByNumber(names, reports)),
    )
    written = set()
    for name, text in itertools.chain(whole, anonymous):
        write_file(folder / name, text.encode())
        written.add(name)
    for path in folder.glob("*-*.html"):
        if _LIST.fullmatch(path.name) and path.name not in written:
            path.unlink()
    return folder / run_folder.COHORT_PAGE_FILE


def _words(pieces: Sequence[Piece]) -> Markup:
    """An answer with the words that counted in ``<mark>``; doing this in a template would cost a tenth of the page's
    rendering time.
    """
    return Markup("".join(map(_marked, pieces)))


def _marked(piece: Piece) -> str:
    if not piece.has_counted:
        return block(piece.text)
    opening = '<mark class="against">' if piece.is_against else "<mark>"
    return f"{opening}{block(piece.text)}</mark>"


def _named(shown: tuple[str, str], longest: int = LONGEST_SENTENCE) -> Markup:
    """A student's name of at most ``longest`` characters, and a learning platform's number in small print."""
    name, number = (formats.visible(text) for text in shown)
    small = Markup(' <span class="id">{}</span>').format(number) if number else Markup("")
    return escape(formats.shorten(name, longest)) + small


def _time(timestamp: str) -> Markup:
    """An ISO 8601 time in words, which the script of a page puts into the reader's own time zone."""
    shown = formats.moment(timestamp)
    if shown == timestamp:
        return escape(formats.visible(timestamp))
    return Markup('<time datetime="{}">{}</time>').format(timestamp, shown)


@functools.cache
def environment() -> Environment:
    """The shared environment with what only pages about a run show."""
    shared = rendering.environment()
    shared.filters.update(
        name_and_number=formats.name_and_number, named=_named, time=_time, words=_words, outcome=outcome
    )
    shared.globals.update(MOST_REASONS=_MOST_REASONS)
    return shared
