"""Settled reports with an origin, as an export reads them, and the pages that students get."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from grader.export.selection import Chosen
from grader.model import PART1, Attachment, MarkedAnswer, Origin, Report, Result
from grader.model.origin import CANVAS
from grader.storage import run_folder
from tests.support.report_samples import PARTS, F, H, P, changed, item, report


def settled(student: str, origin: Origin, *, conv: str = "1", wrong: int = 0) -> Report:
    """A report out of 30: all points but a share of those for structure.conv, and the last ``wrong`` answers."""
    share = Decimal(conv)
    lost = {}
    if share < 1:
        lost["structure.conv"] = item("structure.conv", H, conv, "Only one convolution runs.", hint="Use conv2.")
    answers = tuple(
        Result(
            PART1 + part,
            title,
            P if at < len(PARTS) - wrong else F,
            Decimal(at < len(PARTS) - wrong),
            Decimal(1),
            "Right." if at < len(PARTS) - wrong else "Say what dropout is for.",
            answer=MarkedAnswer("An answer", "part1.md"),
        )
        for at, (part, title) in enumerate(PARTS)
    )
    base = report(student, lost=lost)
    awarded = sum((result.awarded for result in (*base.code_results, *answers)), Decimal(0))
    return changed(base, answers=answers, awarded=awarded, status=P if share == 1 and not wrong else H, origin=origin)


def canvas(name: str, account: str, *files: tuple[str, str], late: bool = False) -> Origin:
    """The origin of a Canvas download; ``files`` are pairs of an attachment's id and the student's name for it."""
    start = f"{name}_LATE_{account}" if late else f"{name}_{account}" if name else account
    attachments = tuple(Attachment(f"{start}_{id}_{file}", id) for id, file in files)
    return Origin(CANVAS, name, account, attachments or (Attachment(f"{start}_text.html"),))


def chosen_of(folder: Path, reports: Sequence[Report], *waiting: Report) -> Chosen:
    """What an export gets, with a page in ``folder`` for each settled report."""
    for settled_report in reports:
        page = folder / run_folder.feedback_path(settled_report.student)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<!doctype html><title>{settled_report.name}</title>", encoding="utf-8", errors="replace")
    return Chosen(folder, tuple(reports), tuple(waiting))
