"""The page of a self-check, from evidence samples: what it shows, and where none is written."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tinyhtml5.parser import HTMLParser

from grader.lab4.self_check_page import MARK, NAME
from grader.model import Finding, Status
from grader.model.evidence import Evidence, Problem, RecordedPass, Recording, Repair
from grader.model.experiment import Experiment, Trial
from grader.rubric.loading import load_rubric
from grader.selfcheck import SelfCheck, run_button
from grader.selfcheck.links import LINKS
from grader.selfcheck.milestones import MILESTONES
from grader.selfcheck.page import write_page
from grader.selfcheck.steps import STEP_IDS, nothing_to_run, step_findings
from grader.selfcheck.task import Observed
from grader.selfcheck.written_work import State, Written
from grader.submissions.discovery import discover
from tests.support import evidence_samples as samples
from tests.support.parsed_page import Page
from tests.support.report_samples import mistakes

WHEN = datetime(2025, 11, 23, 11, 6, tzinfo=UTC)
WRITTEN = Written({"1": State.ANSWERED, "2": State.BLANK, "6a": State.NOT_FOUND})
TRIED = Experiment("experiments.csv", (Trial(8, 24, 3, 3, 2, 0.975, 41.0, 2),), ("Line 3 has six columns.",))
TRAINED = replace(samples.training(0.86), mistakes=mistakes())
RIGHT = replace(samples.HEALTHY, trainings=(TRAINED,), output="shape <b>\n")
NO_SOFTMAX = replace(
    RIGHT,
    trace=samples.trace(*samples.LAYERS[:-1]),
    probe=replace(samples.PROBE, scores=replace(samples.SCORES, largest=0.3, sum_error=9.0, tail=())),
    behind=replace(samples.HEALTHY.behind, repairs=("other-outputs",)),
)
HALF = replace(
    samples.HEALTHY,
    trace=samples.trace(*samples.LAYERS[:3]),
    probe=replace(samples.PROBE, passes=samples.passes((10, 12, 12))),
)
STOPPED = replace(
    HALF,
    trace=samples.stopped(*samples.LAYERS[:3], problem=Problem("forward", "It does not work.", "RuntimeError")),
    probe=replace(samples.PROBE, passes=samples.passes(problem=Problem("forward", "It does not work."), shape=())),
)
BLANK = replace(samples.until("build", "finished"), load=replace(samples.LOAD, is_blank=True))


def checked(evidence: Evidence) -> SelfCheck:
    return SelfCheck(step_findings(Observed(evidence), load_rubric()), evidence)


def written(folder: Path, check: SelfCheck, ids: tuple[str, ...] = STEP_IDS) -> str:
    """The source of the page."""
    line = write_page(folder, check, ids, WRITTEN, TRIED, change="+1 ok since the last run: relu; 3 left", when=WHEN)
    assert line == f"Page: {NAME}"
    return (folder / NAME).read_text(encoding="utf-8")


PAGES = {"right": RIGHT, "no-softmax": NO_SOFTMAX, "half": HALF, "blank": BLANK}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_valid_loads_nothing_and_shows_no_points(name: str, tmp_path: Path) -> None:
    source = written(tmp_path, checked(PAGES[name]))
    parser = HTMLParser(namespace_html_elements=False)
    parser.parse(source)
    assert parser.errors == []
    page = Page(source)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [str(link["href"]) for link in page.all("a")]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert all(link.startswith(("#", "https://docs.pytorch.org/docs/stable/")) for link in links)
    assert not page.all("script")
    assert all(str(image["src"]).startswith("data:image/png;base64,") for image in page.all("img"))
    assert "This page is not a mark and shows no points." in page.text
    assert "Band" not in page.text
    assert "cost" not in page.text
    assert "23 November 2025, 11:06 UTC" in page.text


def test_every_step_and_milestone_has_a_link() -> None:
    assert set(LINKS) == {*STEP_IDS, *(milestone.name for milestone in MILESTONES)}


def test_a_right_network_is_shown_with_its_training_and_the_written_work(tmp_path: Path) -> None:
    page = Page(written(tmp_path, checked(RIGHT)))
    assert "All public checks passed" in page.text
    assert "No difference: these are the lab's layers in the lab's order." in page.text
    assert "7 read as 1, 98\u00a0% sure".replace("\u00a0", " ") in page.text
    assert "Answered 1 Blank 2 Not found 6a" in page.text
    assert "Line 3 has six columns." in page.text
    assert "97.5 %" in page.text
    assert "shape <b>" in page.text
    assert "+1 ok since the last run" in page.text
    assert "Repaired run" not in page.text


def test_a_fault_is_shown_with_its_hints_folded_and_what_was_mended(tmp_path: Path) -> None:
    page = Page(written(tmp_path, checked(NO_SOFTMAX)))
    assert "Correct this first: Log-softmax output" in page.text
    assert "Repaired run. All other steps were assessed as if forward returned F.log_softmax" in page.text
    assert "first difference" in page.text
    assert page.text.index("Where to look") < page.text.index("What to try")
    assert all("open" not in details for details in page.all("details"))


def test_an_unfinished_forward_has_no_fault(tmp_path: Path) -> None:
    page = Page(written(tmp_path, checked(HALF)))
    assert "This comes next in forward: the second convolution" in page.text
    assert "→ next" in page.text
    assert "conv1 -> 10 x" in page.text
    assert "– left out" not in page.text
    assert "failed" not in page.text
    assert "Begin __init__ with super().__init__()." in Page(written(tmp_path, checked(BLANK))).text


def test_the_network_of_an_unfinished_forward_is_the_students_own(tmp_path: Path) -> None:
    repairs = (Repair("linear-size", "fc1", "", 400, 320), Repair("class-count", "fc1", "", 10, 50))
    fc1 = replace(samples.FC1, expected=400, shape_out=(4, 10))
    error = Problem("forward", "It does not fit.", "RuntimeError")
    evidence = replace(
        HALF,
        record=Recording(unrepaired=(RecordedPass("eval", 64, error),), repairs=repairs),
        trace=replace(samples.trace(samples.CONV1, samples.CONV2, samples.FLATTEN, fc1), repairs=repairs),
    )
    page = Page(written(tmp_path, checked(evidence)))
    assert "is declared for 400 inputs and gets 320" in page.text
    assert "N × 320 → to N × 50" in page.text
    assert "Repaired run" not in page.text


def test_a_part_of_the_steps_that_waits_for_a_fault_shows_that_fault(tmp_path: Path) -> None:
    page = Page(written(tmp_path, checked(STOPPED), ("forward.batch",)))
    assert "found no fault" not in page.text
    assert "Correct this first" in page.text
    assert "Only some of the steps" in page.text


def test_a_part_of_the_steps_is_called_a_part(tmp_path: Path) -> None:
    page = Page(written(tmp_path, checked(RIGHT), STEP_IDS[3:4]))
    assert "Only some of the steps were asked for." in page.text
    assert "These steps passed." in page.text


def test_a_fault_of_the_self_check_says_what_to_do(tmp_path: Path) -> None:
    broken = SelfCheck(nothing_to_run(Finding(Status.ERROR, "The self-check could not run: no torch.", "Install it.")))
    page = Page(written(tmp_path, broken))
    assert "The self-check could not run: no torch. Install it." in page.text


def test_a_file_of_the_students_own_stays_and_a_page_that_cannot_be_written_costs_a_sentence(tmp_path: Path) -> None:
    def line() -> str:
        return write_page(tmp_path, checked(RIGHT), STEP_IDS, WRITTEN, None, change="", when=WHEN)

    (tmp_path / NAME).write_text("<p>my report</p>", encoding="utf-8")
    assert line() == f"No page was written: {NAME} is a file of your own. Rename it to get one."
    assert (tmp_path / NAME).read_text(encoding="utf-8") == "<p>my report</p>"
    (tmp_path / NAME).unlink()
    (tmp_path / NAME).mkdir()
    assert line().startswith(f"No page was written: {NAME} cannot be written (")


@pytest.mark.parametrize("name", [NAME, "my page.HTM", "saved.html"])
def test_a_page_that_is_handed_in_is_no_document(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "ann"
    folder.mkdir()
    source = written(folder, checked(RIGHT))
    (folder / NAME).unlink()
    saved = "<!-- saved from url=(0041)file:///C:/Users/ann/lab4/report.html -->\n" if name == "saved.html" else ""
    (folder / name).write_text(saved + source, encoding="utf-8")
    (folder / "answers.html").write_text("<p>1. Deep learning learns features.</p>", encoding="utf-8")
    (folder / "task1_cnn.py").write_text("import torch\n", encoding="utf-8")
    (submission,) = discover(folder, tmp_path / "unpacked")
    assert submission.documents == ("answers.html",)
    assert submission.files == ("answers.html", "task1_cnn.py")


def test_the_head_names_the_generator_early(tmp_path: Path) -> None:
    assert MARK in written(tmp_path, checked(RIGHT))[:300]


def test_the_run_button_opens_the_new_page_where_there_is_a_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr("pytest.main", lambda arguments: written(tmp_path, checked(RIGHT)) and 1)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("CI", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    file = str(tmp_path / "test_self_check.py")
    assert run_button.check_and_show(file) == 1
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    run_button.check_and_show(file)
    assert opened == [(tmp_path / NAME).as_uri()]
    monkeypatch.setenv("CI", "true")
    run_button.check_and_show(file)
    assert len(opened) == 1
