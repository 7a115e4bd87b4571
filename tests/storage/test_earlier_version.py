"""A run stored by an earlier version: its marks are refused with advice, and its evidence can be marked again.

``earlier_run/`` is such a run, as it was written except for the path of the submissions.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from grader.__main__ import main
from grader.storage import results_json, run_folder
from tests.support.places import ROOT, TESTS

STUDENT = "written-half-right"
EARLIER = TESTS / "storage" / "earlier_run"
SAMPLE = TESTS / "submissions" / STUDENT
EXPLANATION = (
    "was marked by an earlier version of the grader; grade with --remark, and with the same --key, "
    "into the same folder to mark it again from "
    "the stored evidence."
)


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    return shutil.copytree(EARLIER, tmp_path / "run")


def marks_in(run: Path) -> Any:
    """The content of results.json about the student, without messages."""
    (row,) = json.loads((run / results_json.RESULTS_FILE).read_text(encoding="utf-8"))["submissions"]
    return {
        "points": (row["status"], row["awarded"], row["available"]),
        "items": [(item["id"], item["status"], item["awarded"], item["proposed"]) for item in row["items"]],
        "answers": [
            (answer["part"], answer["status"], answer["awarded"], answer["spans"], answer["answer"])
            for answer in row["answers"]
        ],
    }


@pytest.mark.parametrize("command", [("render",), ("review",), ("diff", str(EARLIER))], ids=lambda words: words[0])
def test_marks_of_an_earlier_version_are_refused(
    earlier: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()}
    assert main([*command, str(earlier)]) == 2
    assert EXPLANATION in " ".join(capsys.readouterr().err.split())
    assert before == {path: path.read_bytes() for path in earlier.rglob("*") if path.is_file()}


def test_evidence_of_an_earlier_version_is_marked_again(
    earlier: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(SAMPLE, tmp_path / "cohort" / STUDENT)
    before = marks_in(earlier)
    words = ["grade", str(tmp_path / "cohort"), "--out", str(earlier), "--remark", "--quiet"]
    assert main([*words, "--key", str(ROOT / "solutions" / "key.toml")]) == 0
    run = run_folder.read_run(earlier)
    assert run is not None
    assert run.run is not None
    assert run.run.counts == {"reused": 1}
    assert marks_in(earlier) == before
    assert main(["render", str(earlier)]) == 0
    assert main(["diff", str(earlier), str(earlier)]) == 0
