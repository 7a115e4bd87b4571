"""The command ``similar``: compares the works of a stored run, writes the page, and says what is on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.answers.marker.key import AnswerKey
from grader.model import Report
from grader.model.quantities import quantity
from grader.moderation.finished_run import FinishedRun
from grader.report.formats import visible
from grader.similarity.comparison import Comparison, compare
from grader.similarity.page import write_page
from grader.similarity.work import background_of, handed_out, told_by, works_of
from grader.storage.records import StoredEvidence, read_evidence


@dataclass(frozen=True)
class Compared:
    """The comparison of a run, the reports by student, and the page that shows it."""

    comparison: Comparison
    reports: dict[str, Report]
    page: Path


def compare_run(finished: FinishedRun, key: AnswerKey | None, handout: Path | None) -> Compared:
    """Compare the works of a run and write the page.

    Raises UsageFault if ``handout`` has nothing that could have been given to students.

    ``key`` and ``handout``, the folder that students were given, say what is no sign; both may be None.
    """
    reports = {report.student: report for report in finished.reports}
    stored = (read_evidence(finished.folder, student) or StoredEvidence.unobserved(student) for student in reports)
    background = background_of(key)
    works = works_of(stored, [answer for answers in background.values() for answer in answers])
    given = told_by(key) | (handed_out(handout) if handout is not None else frozenset())
    comparison = compare(works, background=background, given=given)
    return Compared(comparison, reports, write_page(finished.folder, comparison, reports, finished.run))


def print_compared(console: Console, compared: Compared) -> None:
    """Print the page's path, and the pairs above the line."""
    found, works = compared.comparison, compared.comparison.works
    console.print(Text(visible(str(compared.page))), soft_wrap=True)
    above = [pair for pair in found.pairs if pair.is_above]
    if found.line is None:
        sentence = f"{quantity(len(works), 'submission')} are too few for a line; the page ranks the pairs."
    else:
        sentence = f"{quantity(len(above), 'pair')} above the line of {found.line:.1f} bits."
    console.print(Text(sentence, style="bold"), soft_wrap=True)
    for pair in above:
        names = (compared.reports[works[at].student].name for at in (pair.first, pair.second))
        console.print(Text(visible(f"  {pair.bits:6.1f}  {' and '.join(names)}")), soft_wrap=True)
    console.print("This is evidence for a person and no proof. It changes no mark.", soft_wrap=True)
