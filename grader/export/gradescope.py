"""Writes a results.json for each submission, in the format of Gradescope's autograders (their ``docs/specs.md``)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.export.outcome import Outcome, note, notes_on
from grader.export.selection import Chosen
from grader.model import JSON, Report, Result
from grader.model.origin import GRADESCOPE
from grader.model.quantities import quantity
from grader.report.feedback import for_the_student, sentences
from grader.safe_text import visible
from grader.storage.folder_names import safe_folder_name
from grader.storage.json_files import encodable, finite, number

RESULTS_FILE = "results.json"
_SHOWN = "after_published"
"""When students see it. A hidden test would hide the total as well."""


@dataclass(frozen=True)
class Results:
    """The results of settled submissions, by the folder of each, and what the tutor is told."""

    contents: dict[str, JSON]
    outcome: Outcome

    def write(self, folder: Path) -> Outcome:
        """Write SUBMISSION/results.json into ``folder`` for each submission."""
        for name, content in self.contents.items():
            (folder / name).mkdir()
            text = json.dumps(finite(content), ensure_ascii=False, allow_nan=False, indent=1)
            (folder / name / RESULTS_FILE).write_text(encodable(text) + "\n", encoding="utf-8", newline="\n")
        return self.outcome


def results(chosen: Chosen) -> Results:
    """The results of each settled submission; the folder has the submission's name in Gradescope's export."""
    contents = {safe_folder_name(report.student): results_of(report, chosen.mark(report)) for report in chosen.settled}
    foreign = [report.name for report in chosen.settled if report.origin.platform != GRADESCOPE]
    notes = (
        *note("Left out because something is open", chosen.left_out),
        *note("Submissions that do not come from an export of Gradescope", foreign, "Their files are written too."),
        *notes_on(chosen),
    )
    counts = f"{quantity(len(contents), 'submission')} with a {RESULTS_FILE}."
    return Results(contents, Outcome((f"*/{RESULTS_FILE}",), counts, notes, _STEPS))


_STEPS = (
    "Gradescope takes these files only from an autograder that it runs itself; they cannot be uploaded to an "
    "assignment that students have handed in to.",
    "An autograder can copy them to /autograder/results/results.json: it finds the folder by the id in "
    "/autograder/submission_metadata.json. This was not tried on Gradescope itself.",
    "Otherwise enter the marks of marks.csv in Gradescope by hand, or give them to the platform that has the course's "
    "marks.",
)


def results_of(report: Report, mark: Decimal) -> JSON:
    """The content of results.json: the ``mark``, which overrides the sum of the tests, and a test for each item."""
    return {
        "score": number(mark),
        "visibility": _SHOWN,
        "tests": [_test(result) for result in for_the_student(report).results],
    }


def _test(result: Result) -> JSON:
    return {
        "number": result.part or result.id,
        "name": visible(result.title),
        "name_format": "text",
        "score": number(result.awarded),
        "max_score": number(result.available),
        "output": "\n".join(sentences(result)),
        "output_format": "text",
        "visibility": _SHOWN,
    }
