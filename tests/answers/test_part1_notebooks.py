"""The notebook of Part 1, blank and with model answers: it is valid, and cut correctly however it was edited or saved.

The last tests read the notebook as JupyterLab and nbgrader wrote it; see ``tests/documents/README.md``.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.answers.documents import Document, read_document
from grader.answers.documents.text import split
from grader.answers.finding.part_text import PartAnswer
from grader.answers.finding.segmentation import cut
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import REVIEW_BELOW
from grader.answers.marker.key import AnswerKey, load_key
from grader.lab4.items import PART1_IDS
from grader.model import Status
from grader.rubric.loading import load_rubric
from tests.support.answer_tables import ANSWERS, QUESTIONS
from tests.support.places import ROOT, TESTS

DOCUMENTS = TESTS / "documents"
TEMPLATE = ROOT / "student_template" / "part1_answers.ipynb"
SOLUTION = ROOT / "solutions" / "part1_answers.ipynb"
BOTH = pytest.mark.parametrize("path", [TEMPLATE, SOLUTION], ids=["template", "solution"])
PLACEHOLDER = "*Write your answer here.*"
SURE = REVIEW_BELOW + 0.1

Cell = dict[str, Any]
Cells = list[Cell]


def cells_of(path: Path) -> Cells:
    """The cells, with each source as one text."""
    cells: Cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells]


def answer_cell(cells: Cells, part: str) -> Cell:
    return cells[place_of(cells, part)]


def place_of(cells: Cells, part: str) -> int:
    names = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells]
    return names.index(f"q{part}")


def without_comment(source: str) -> str:
    return re.sub(r"\A<!--.*?-->\n", "", source)


def answers_of(path: Path) -> dict[str, str]:
    """The text below the comment in each answer cell."""
    cells = cells_of(path)
    return {part: without_comment(answer_cell(cells, part)["source"]) for part in PART1_IDS}


def bare(text: str) -> str:
    """The words of an answer, without a table's rule and without blank lines."""
    return " ".join(re.sub(r"^[|: -]+$", "", text, flags=re.MULTILINE).split())


def cut_cells(cells: Cells, folder: Path) -> dict[str, PartAnswer]:
    path = folder / "part1_answers.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}), encoding="utf-8")
    read = read_document(path)
    assert not read.problem
    return cut(read)


def said(found: dict[str, PartAnswer]) -> dict[str, str]:
    return {part: bare(answer.text) for part, answer in found.items()}


MODEL = {part: bare(text) for part, text in answers_of(SOLUTION).items()}
NOTHING = dict.fromkeys(PART1_IDS, "")


# ------------------------------------------------------------------------------------------------ the files themselves


@BOTH
def test_a_notebook_is_valid_and_saved_as_jupyter_saves_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)  # type: ignore[no-untyped-call]  # it has no types
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    nbformat.validate(notebook)
    assert text == nbformat.writes(notebook) + "\n"  # type: ignore[no-untyped-call]
    assert {cell.cell_type for cell in notebook.cells} == {"markdown"}  # nothing to run, no outputs


def test_each_part_has_a_locked_question_and_an_answer_cell() -> None:
    cells = cells_of(TEMPLATE)
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells]
    pairs = [name for part in PART1_IDS for name in (f"question-{part}", f"q{part}")]
    assert names == ["head", *pairs, "experiment", "observations"]
    for cell in cells:
        name = cell["metadata"]["nbgrader"]["grade_id"]
        if cell["metadata"]["nbgrader"]["solution"]:
            assert cell["source"] == f"<!-- lab4:{name} -->\n{PLACEHOLDER}"
        else:
            assert PLACEHOLDER not in cell["source"]


def test_the_solution_is_the_template_with_the_answers_filled_in() -> None:
    template, solution = (json.loads(path.read_text(encoding="utf-8")) for path in (TEMPLATE, SOLUTION))
    places = [i for i, cell in enumerate(template["cells"]) if cell["metadata"]["nbgrader"]["solution"]]
    assert len(places) == len(PART1_IDS) + 1
    for place in places:
        blank, filled = (notebook["cells"][place].pop("source") for notebook in (template, solution))
        assert blank[0] == filled[0]
        assert PLACEHOLDER in blank[1:]
        assert PLACEHOLDER not in filled
        assert bare("".join(filled[1:]))
    assert template == solution


def test_the_questions_are_in_our_own_words() -> None:
    text = " ".join(" ".join(cell["source"].lower().split()) for cell in cells_of(TEMPLATE))
    sheet = [asked.partition("\n")[0].lower() for part, asked in QUESTIONS.items() if part not in {"6a", "6b"}]
    assert not [asked for asked in sheet if asked in text]


@BOTH
def test_the_metadata_is_as_nbgrader_expects(path: Path) -> None:
    names = set()
    points = {}
    for cell in cells_of(path):
        metadata = cell["metadata"]
        of = metadata["nbgrader"]
        assert of.keys() - {"points", "cell_type"} == {
            "schema_version", "grade", "grade_id", "locked", "solution", "task"
        }  # fmt: skip
        assert of["schema_version"] == 3
        assert all(isinstance(of[name], bool) for name in ("grade", "locked", "solution", "task"))
        assert re.fullmatch(r"[a-zA-Z0-9_-]+", of["grade_id"])
        assert of["grade_id"] not in names
        names.add(of["grade_id"])
        assert metadata["deletable"] is False
        if of["solution"]:  # an answer that a person marks
            assert (of["grade"], of["locked"], of["task"], of["cell_type"]) == (True, False, False, "markdown")
            assert "editable" not in metadata
            points[of["grade_id"]] = Decimal(str(of["points"]))
        else:  # text to read
            assert (of["grade"], of["locked"], of["task"], metadata["editable"]) == (False, True, False, False)
            assert "points" not in of
    of_rubric = {f"q{criterion.id}": criterion.points for criterion in load_rubric().part1}
    assert points == {**of_rubric, "observations": Decimal(0)}


# ------------------------------------------------------------------------------------------------------ model answers


@pytest.fixture(scope="module")
def key() -> AnswerKey:
    return load_key(ROOT / "solutions" / "key.toml")


@pytest.mark.parametrize("part", PART1_IDS)
def test_each_model_answer_earns_full_marks(part: str, key: AnswerKey) -> None:
    found = mark_answer(key, part, answers_of(SOLUTION)[part])
    assert (found.awarded, found.status) == (Decimal(1), Status.PASSED), found.message
    assert found.confidence >= SURE


# ------------------------------------------------------------------------------------------------------------- cutting


def test_the_template_has_thirteen_places_and_no_answer() -> None:
    found = cut(read_document(TEMPLATE))
    assert tuple(found) == PART1_IDS
    assert said(found) == NOTHING
    for answer in found.values():
        assert (answer.how, answer.is_untouched, answer.shared) == ("anchor", True, ())
        assert answer.confidence >= 0.95


def test_the_solution_is_cut_into_its_answers() -> None:
    found = cut(read_document(SOLUTION))
    assert said(found) == MODEL
    assert {answer.how for answer in found.values()} == {"anchor"}
    assert min(answer.confidence for answer in found.values()) >= 0.95


def filled(change: Callable[[Cell, str], None]) -> Cells:
    """The template with every model answer inserted by ``change(cell, answer)``."""
    cells = cells_of(TEMPLATE)
    for part, text in answers_of(SOLUTION).items():
        change(answer_cell(cells, part), text)
    return cells


def in_place(cell: Cell, text: str) -> None:
    cell["source"] = cell["source"].replace(PLACEHOLDER, text)


def below_the_placeholder(cell: Cell, text: str) -> None:
    cell["source"] += f"\n\n{text}"


def right_below_the_placeholder(cell: Cell, text: str) -> None:
    cell["source"] += f"\n{text}"


def above_the_comment(cell: Cell, text: str) -> None:
    cell["source"] = f"{text}\n\n{cell['source']}"


def over_the_comment(cell: Cell, text: str) -> None:
    cell["source"] = text


@pytest.mark.parametrize(
    "change", [in_place, below_the_placeholder, right_below_the_placeholder, above_the_comment, over_the_comment]
)
def test_an_answer_may_be_written_anywhere_in_its_cell(change: Callable[[Cell, str], None], tmp_path: Path) -> None:
    assert said(cut_cells(filled(change), tmp_path)) == MODEL


@BOTH
def test_comments_identify_parts_without_metadata_and_ids(path: Path, tmp_path: Path) -> None:
    cells = [{"cell_type": cell["cell_type"], "metadata": {}, "source": cell["source"]} for cell in cells_of(path)]
    found = cut_cells(cells, tmp_path)
    assert said(found) == (MODEL if path == SOLUTION else NOTHING)
    assert {answer.how for answer in found.values()} == {"anchor"}


@BOTH
def test_nbgrader_ids_identify_parts_without_comments_and_cell_ids(path: Path, tmp_path: Path) -> None:
    cells = [{**cell, "id": "", "source": without_comment(cell["source"])} for cell in cells_of(path)]
    found = cut_cells(cells, tmp_path)
    assert said(found) == (MODEL if path == SOLUTION else NOTHING)
    assert {answer.how for answer in found.values()} == {"anchor"}


@BOTH
def test_headings_identify_parts_where_only_text_is_left(path: Path) -> None:
    """A notebook that was printed, or saved as Markdown."""
    text = "\n\n".join(without_comment(cell["source"]) for cell in cells_of(path))
    found = cut(Document("part1_answers.md", tuple(split(text))))
    assert said(found) == (MODEL if path == SOLUTION else NOTHING)


@pytest.mark.parametrize("keeps_metadata", [True, False], ids=["metadata in both", "metadata in one"])
def test_an_answer_may_be_split_over_two_cells(keeps_metadata: bool, tmp_path: Path) -> None:
    cells = cells_of(SOLUTION)
    for part in PART1_IDS:
        place = place_of(cells, part)
        second = copy.deepcopy(cells[place])
        head, gap, tail = cells[place]["source"].partition("\n\n" if "\n\n" in cells[place]["source"] else " of ")
        if gap:
            cells[place]["source"], second["source"] = head, gap.strip() + " " + tail
            second["id"] = f"00ff-{place}"
            if not keeps_metadata:
                second["metadata"] = {}
            cells.insert(place + 1, second)
    assert len(cells) > len(cells_of(SOLUTION)) + 5
    assert said(cut_cells(cells, tmp_path)) == MODEL


@pytest.mark.parametrize("step", [0, 1], ids=["before the place for it", "after the place for it"])
def test_an_answer_may_be_in_an_additional_cell(step: int, tmp_path: Path) -> None:
    cells = cells_of(TEMPLATE)
    for part, text in answers_of(SOLUTION).items():
        cells.insert(
            place_of(cells, part) + step,
            {"cell_type": "markdown", "metadata": {}, "source": text},
        )
    assert said(cut_cells(cells, tmp_path)) == MODEL


def test_an_answer_may_be_in_the_cell_of_the_question(tmp_path: Path) -> None:
    """Some editors do not keep locked cells locked."""
    cells = cells_of(TEMPLATE)
    for part, text in answers_of(SOLUTION).items():
        cells[place_of(cells, part) - 1]["source"] += f"\n\n{text}"
    assert said(cut_cells(cells, tmp_path)) == MODEL


@pytest.mark.parametrize("part", PART1_IDS)
def test_a_deleted_answer_does_not_change_its_neighbours(part: str, tmp_path: Path) -> None:
    without_text, without_cell, without_both = (cells_of(SOLUTION) for _ in range(3))
    place = place_of(without_text, part)
    without_text[place]["source"] = ""
    del without_cell[place]
    del without_both[place - 1 : place + 1]
    for cells in (without_text, without_cell):
        found = cut_cells(cells, tmp_path)
        assert said(found) == {**MODEL, part: ""}
        assert found[part].is_untouched
    assert said(cut_cells(without_both, tmp_path)) == {name: text for name, text in MODEL.items() if name != part}


def test_observations_are_not_part_of_the_last_answer(tmp_path: Path) -> None:
    cells = cells_of(TEMPLATE)
    cells[-1]["source"] += "\n\n8. kernels of 3 x 3\n\n1. slower\n2. better\n\n## 7a\n\nMore channels."
    found = cut_cells(cells, tmp_path)
    assert tuple(found) == PART1_IDS
    assert said(found) == NOTHING


# --------------------------------------------------------------------------------------------- saved by real programs


GIVEN = {
    "1": "A network with several hidden layers.",
    "2": "Deep networks learn features from raw data; in older methods people design them by hand.",
    "3": "Images and other data on a grid. Also sounds.",
    "4": "They see different parts of the input.",
    "5": "It makes the feature maps smaller.",
    "6a": "| 4 | 5 | | 1 | 3 |",
    "6b": "[2.5, 2.5, 0.5, 2]",
    "7a": "As many as the designer wants.",
    "7b": "The input of the layer, with a dot product.",
    "7c": "",
    "7d": "One.",
    "7e": "In the feature map.",
    "8": "Against overfitting.",
}
"""The answers that were written in JupyterLab."""


def test_a_notebook_saved_by_jupyterlab_is_read() -> None:
    path = DOCUMENTS / "template-jupyterlab.ipynb"
    twice = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in cells_of(path)].count("q3")
    assert twice == 2  # splitting a cell copies its metadata
    found = cut(read_document(path))
    assert said(found) == GIVEN
    assert [part for part, answer in found.items() if answer.is_untouched] == ["7c"]
    assert min(answer.confidence for answer in found.values()) >= 0.95


def test_a_page_made_by_nbconvert_is_read() -> None:
    found = cut(read_document(DOCUMENTS / "template-nbconvert.html"))
    assert said(found) == {**GIVEN, "6a": "4 | 5 1 | 3", "7b": f"In [ ]: {GIVEN['7b']}"}
    assert found["7c"].is_untouched


def test_the_release_version_of_nbgrader_has_blank_answers() -> None:
    path = DOCUMENTS / "template-nbgrader-release.ipynb"
    cells = cells_of(path)
    assert [checksum(cell) for cell in cells] == [cell["metadata"]["nbgrader"]["checksum"] for cell in cells]
    asked = [cell["source"] for cell in cells if not cell["metadata"]["nbgrader"]["solution"]]
    assert asked == [cell["source"] for cell in cells_of(TEMPLATE) if not cell["metadata"]["nbgrader"]["solution"]]
    found = cut(read_document(path))
    assert said(found) == NOTHING
    assert all(answer.is_untouched and answer.how == "anchor" for answer in found.values())


def test_answers_in_the_release_version_of_nbgrader_are_found(tmp_path: Path) -> None:
    cells = cells_of(DOCUMENTS / "template-nbgrader-release.ipynb")
    for part, text in answers_of(SOLUTION).items():
        answer_cell(cells, part)["source"] = text
    assert said(cut_cells(cells, tmp_path)) == MODEL


def checksum(cell: Cell) -> str:
    """The checksum of a cell as nbgrader computes it (nbgrader/utils.py, compute_checksum)."""
    of = cell["metadata"]["nbgrader"]
    signed = [cell["source"], cell["cell_type"], of["grade"], of["solution"], of["locked"], of["grade_id"]]
    if of["grade"]:
        signed.append(float(of["points"]))
    return hashlib.md5("".join(map(str, signed)).encode()).hexdigest()


# ---------------------------------------------------------------------------------------- answers that a cell printed


MADE = {"6a": "tensor([[4., 5.],\n        [1., 3.]])", "6b": "[[2.5 2.5]\n [0.5 2. ]]"}
POOLS = "import torch\nx = torch.tensor([[4, 3, 5, 1]])\nF.max_pool2d(x, 2)"
PRINTS = "grid = [[4, 3], [2, 1]]\nprint(pooled(grid))"


def code_cell(source: str, output: str, kind: str = "stream") -> Cell:
    shown: Cell = {"output_type": kind, "name": "stdout", "text": output}
    if kind != "stream":
        shown = {"output_type": kind, "data": {"text/plain": [output]}}
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": [shown]}


def with_printed(place: Callable[[str, str], Cells], folder: Path) -> dict[str, PartAnswer]:
    """The sheet, with ``place`` making the cells of 6a and 6b from the part and its code, and Part 2 below."""
    cells: Cells = []
    for part, answer in ANSWERS.items():
        told = {"cell_type": "markdown", "metadata": {}, "source": f"**{part})** {answer}"}
        cells += place(part, POOLS if part == "6a" else PRINTS) if part in MADE else [told]
    cells.append(code_cell("import torch\nclass Net(torch.nn.Module): ...", "Epoch 1: 0.3"))
    return cut_cells(cells, folder)


def text_cell(text: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": text}


PLACES: dict[str, Callable[[str, str], Cells]] = {
    "below its label": lambda part, code: [text_cell(f"**{part})**"), code_cell(code, MADE[part])],
    "below the question": lambda part, code: [text_cell(f"{part}) {QUESTIONS[part]}"), code_cell(code, MADE[part])],
    "label in a comment": lambda part, code: [code_cell(f"# {part})\n{code}", MADE[part], "execute_result")],
    "question in a comment": lambda part, code: [code_cell(f"# Question {part}\n{code}", MADE[part])],
}


@pytest.mark.parametrize("name", PLACES)
def test_what_a_cell_printed_is_the_answer_in_the_place_of_one(name: str, tmp_path: Path) -> None:
    found = with_printed(PLACES[name], tmp_path)
    assert {part: answer.text for part, answer in found.items()} == {**ANSWERS, **MADE}
    assert min(answer.confidence for answer in found.values()) >= 0.7


def test_words_that_point_to_an_output_are_shown_with_it(tmp_path: Path) -> None:
    cells = lambda part, code: [text_cell(f"{part}) See the output below."), code_cell(code, MADE[part])]  # noqa: E731
    found = with_printed(cells, tmp_path)
    assert {part: found[part].text for part in MADE} == {p: f"See the output below.\n\n{t}" for p, t in MADE.items()}


@pytest.mark.parametrize("output", ["[[9 9]\n [9 9]]", "x" * 3_000])
def test_an_output_beside_an_answer_is_not_read(output: str, tmp_path: Path) -> None:
    cells = lambda part, code: [text_cell(f"{part}) {ANSWERS[part]}"), code_cell(POOLS, output)]  # noqa: E731
    found = with_printed(cells, tmp_path)
    assert {part: answer.text for part, answer in found.items()} == ANSWERS
