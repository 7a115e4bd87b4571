"""Writes the scripts of a run and info.csv for Dolos, which compares source code (https://dolos.ugent.be).

No mark is written. The files are those that a run has stored, so no submission is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.export.outcome import Outcome, note
from grader.model.quantities import quantity
from grader.moderation.finished_run import FinishedRun
from grader.safe_text import visible
from grader.storage.csv_files import comma_text
from grader.storage.folder_names import safe_folder_name
from grader.storage.records import read_evidence

INFO_FILE = "info.csv"
SCRIPTS = "scripts"
_COLUMNS = ("filename", "full_name", "created_at", "labels")
"""What Dolos reads from info.csv; it ignores other columns."""


@dataclass(frozen=True)
class Scripts:
    """The text of each script by its path in the folder of the export, the table, and what the tutor is told."""

    texts: Mapping[PurePosixPath, str]
    info: str
    outcome: Outcome

    def write(self, folder: Path) -> Outcome:
        """Write the files into ``folder``."""
        for path, text in self.texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8", errors="replace", newline="\n")
        (folder / INFO_FILE).write_text(self.info, encoding="utf-8", errors="replace", newline="\n")
        return self.outcome


def scripts(finished: FinishedRun) -> Scripts:
    """The stored script of each student of a run, also of those who have something open."""
    texts: dict[PurePosixPath, str] = {}
    rows: list[tuple[str, ...]] = [_COLUMNS]
    without = []
    for report in finished.automatic:
        stored = read_evidence(finished.folder, report.student)
        pieces = stored.submission.code if stored is not None and stored.submission is not None else ()
        if not pieces:
            without.append(report.name)
            continue
        path = PurePosixPath(SCRIPTS, f"{safe_folder_name(report.student)}.py")
        texts[path] = "\n\n".join(piece.text for piece in pieces) + "\n"
        rows.append((str(path), visible(report.name), report.origin.handed_in, visible(finished.run.rubric_title)))
    steps = (
        f"Run Dolos in this folder, on your own machine: dolos run --output-format web --language python {INFO_FILE}",
        "It needs Node.js: npm install --global @dodona/dolos",
    )
    outcome = Outcome(
        (INFO_FILE, SCRIPTS), f"Scripts of {quantity(len(texts), 'student')}.", note("Without a script", without), steps
    )
    return Scripts(texts, comma_text(rows), outcome)
