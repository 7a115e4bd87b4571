"""results.json for Gradescope: the fields of its specification, with exactly the marks of the run."""

from __future__ import annotations

import dataclasses
import json
from decimal import Decimal
from pathlib import Path

from grader.export.gradescope import RESULTS_FILE, results
from grader.model import Origin
from grader.model.origin import GRADESCOPE
from tests.support.report_samples import HOSTILE_NAMES, changed, override, review_report
from tests.support.settled_reports import chosen_of, settled

ADA = settled("submission_409194023", Origin(GRADESCOPE, "Ada", "409194023"), conv="0.5", wrong=1)


def test_the_marks_of_each_item_and_the_total(tmp_path: Path) -> None:
    written = results(chosen_of(tmp_path, (ADA,), review_report()))
    out = tmp_path / "out"
    out.mkdir()
    assert written.write(out).notes[0].entries[0].name == "s5678901"
    assert [path.name for path in out.iterdir()] == ["submission_409194023"]
    read = json.loads((out / "submission_409194023" / RESULTS_FILE).read_bytes(), parse_float=Decimal)
    assert read["score"] == ADA.awarded == sum(test["score"] for test in read["tests"])
    assert [(test["score"], test["max_score"]) for test in read["tests"]] == [
        (result.awarded, result.available) for result in ADA.results
    ]
    assert {entry["visibility"] for entry in (read, *read["tests"])} == {"after_published"}
    assert {entry["output_format"] for entry in read["tests"]} == {"text"}
    [conv] = [test for test in read["tests"] if test["number"] == "structure.conv"]
    assert conv["output"] == "Only one convolution runs.\nUse conv2."


def test_tutors_are_not_named_and_what_they_read_is_not_told(tmp_path: Path) -> None:
    decided = override("structure.conv", "0", "0.75", "One convolution is right.")
    comment = override("loads", "1", None, "Well laid out.")
    items = [
        dataclasses.replace(
            result,
            decision=decided if result.id == "structure.conv" else None,
            comments=(comment,) if result.id == "loads" else (),
        )
        for result in ADA.code_results
    ]
    [content] = results(chosen_of(tmp_path, [changed(ADA, items=items)])).contents.values()
    outputs = {test["number"]: test["output"] for test in content["tests"]}
    assert outputs["structure.conv"] == "One convolution is right."
    assert outputs["loads"].endswith("\nWell laid out.")
    assert "Ada Tutor" not in json.dumps(content)


def test_no_name_leaves_the_folder(tmp_path: Path) -> None:
    names = [*HOSTILE_NAMES, "../up", "/root", "C:\\x", "..", "con"]
    reports = [changed(settled(name, Origin()), items=ADA.code_results) for name in names]
    written = results(chosen_of(tmp_path, reports))
    out = tmp_path / "deep" / "out"
    out.mkdir(parents=True)
    written.write(out)
    assert len(list(out.glob(f"*/{RESULTS_FILE}"))) == len(names)
    assert [path.name for path in out.parent.iterdir()] == ["out"]
