"""An answer that is a picture or an annotation is not a blank answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.answers.documents import read_document
from grader.answers.finding.part_text import PartAnswer
from grader.answers.finding.segmentation import cut
from grader.lab4.items import PART1_IDS
from tests.support.answer_tables import ANSWERS
from tests.support.document_samples import FONT, RESOURCES, document, each, notebook, page, printed, sheet, texts, word

BLIP = "<w:r><w:drawing><a:blip xmlns:a='urn:a'/></w:drawing></w:r>"
VML = "<w:r><w:pict><v:shape xmlns:v='urn:v'><v:imagedata/></v:shape></w:pict></w:r>"


def pictured(found: dict[str, PartAnswer]) -> dict[str, PartAnswer]:
    return {part: answer for part, answer in found.items() if answer.has_picture}


@pytest.mark.parametrize("image", ["![](a.png)", "![my answer][1]", "![[a.png]]", '<img src="a.png" alt="no">'])
@pytest.mark.parametrize("label", ["{p}) ", "### {p}\n\n", "**Question {p}:**\n"])
def test_a_picture_in_markdown_is_not_a_blank_answer(label: str, image: str) -> None:
    found = cut(document(each(label, "\n\n").replace(ANSWERS["4"], image).replace(ANSWERS["5"], "")))
    assert set(pictured(found)) == {"4"}
    assert (found["4"].text, found["4"].is_untouched, found["5"].is_untouched) == ("", False, True)


def test_a_picture_below_a_copied_question_is_not_a_blank_answer() -> None:
    text = sheet(lambda part: f"### {part}\n\n", between="\n\n").replace(ANSWERS["8"], "![](photo.jpg)")
    found = cut(document(text))
    assert (found["8"].has_picture, found["8"].text, found["8"].is_untouched) == (True, "", False)


def test_text_next_to_a_picture_is_kept() -> None:
    found = cut(document(each("{p}) ").replace(ANSWERS["7b"], f"{ANSWERS['7b']} ![](a.png)")))
    assert texts(found) == ANSWERS
    assert set(pictured(found)) == {"7b"}


@pytest.mark.parametrize("source", ["![a](attachment:a.png)", ""])
def test_a_picture_pasted_into_a_notebook_is_not_a_blank_answer(tmp_path: Path, source: str) -> None:
    cells: list[dict[str, object]] = []
    for part, answer in ANSWERS.items():
        cells.append({"cell_type": "markdown", "source": f"### {part}"})
        cells.append({"cell_type": "markdown", "source": source if part in {"3", "4"} else answer})
    cells[5]["attachments"] = {"a.png": {"image/png": "A" * 600}}
    cells[7]["source"] = ""
    found = cut(notebook(tmp_path, cells))
    assert set(pictured(found)) == {"3"}
    assert (found["4"].is_untouched, found["3"].is_untouched) == (True, False)


def test_a_notebook_full_of_plots_is_read(tmp_path: Path) -> None:
    cells: list[dict[str, object]] = [{"cell_type": "markdown", "source": each("{p}) ")}]
    plot = {"data": {"image/png": ("A" * 76 + "\n") * 200_000}, "output_type": "display_data"}
    cells += [{"cell_type": "code", "source": "import torch\nplot()", "outputs": [plot]}] * 2
    found = cut(notebook(tmp_path, cells))
    assert texts(found) == ANSWERS


def test_a_long_answer_in_escapes_is_read(tmp_path: Path) -> None:
    said = "\u6df1\u5ea6" * 200
    cells: list[dict[str, object]] = [{"cell_type": "markdown", "source": f"{p}) {said}"} for p in PART1_IDS]
    assert texts(cut(notebook(tmp_path, cells))) == dict.fromkeys(PART1_IDS, said)


def test_a_picture_in_a_page_is_not_a_blank_answer(tmp_path: Path) -> None:
    images = {"4": "<img src='a.png'>", "5": "<img src='smile.png' width='16' height='16'>", "8": "<svg><path/></svg>"}
    body = "".join(f"<h3>Question {p}</h3><p>{images.get(p, a)}</p>" for p, a in ANSWERS.items())
    found = cut(page(tmp_path, body))
    assert set(pictured(found)) == {"4", "8"}
    assert found["5"].is_untouched


@pytest.mark.parametrize("drawn", [BLIP, VML, "<w:r><w:object><x/></w:object></w:r>"])
def test_a_picture_in_a_word_file_is_not_a_blank_answer(tmp_path: Path, drawn: str) -> None:
    rule = "<w:r><w:pict><x xmlns:o='urn:schemas-microsoft-com:office:office' o:hr='t'/></w:pict></w:r>"
    runs = {"4": drawn, "5": rule}
    body = "".join(
        f"<w:p><w:r><w:t>{p})</w:t></w:r></w:p><w:p>{runs.get(p, f'<w:r><w:t>{a}</w:t></w:r>')}</w:p>"
        for p, a in ANSWERS.items()
    )
    found = cut(word(tmp_path, body))
    assert set(pictured(found)) == {"4"}
    assert found["5"].is_untouched


def test_a_word_file_with_only_pictures_is_reported(tmp_path: Path) -> None:
    read = word(tmp_path, f"<w:p>{BLIP}</w:p>")
    assert read.has_pictures
    assert "pictures but no text" in read.problem


@pytest.mark.parametrize("how", ["picture", "note", "ink", "field"])
def test_an_annotation_in_a_pdf_is_not_a_blank_answer(tmp_path: Path, how: str) -> None:
    lines = [f"{part}) {'' if part == '4' else answer}" for part, answer in ANSWERS.items()]
    more, extra = {
        "picture": (
            b"/Resources<<" + FONT + b"/XObject<</I 6 0 R>>>>",
            b"<</Subtype/Image/Width 99/Height 99/Length 0>>stream\n\nendstream",
        ),
        "note": (RESOURCES + b"/Annots[6 0 R]", b"<</Subtype/FreeText/Contents(x)/Rect[0 0 9 9]>>"),
        "ink": (RESOURCES + b"/Annots[6 0 R]", b"<</Subtype/Ink/InkList[[1 2]]/Rect[0 0 9 9]>>"),
        "field": (RESOURCES + b"/Annots[6 0 R]", b"<</Subtype/Widget/V(x)/Rect[0 0 9 9]>>"),
    }[how]
    read = read_document(printed(tmp_path / "answers.pdf", lines, more, extra))
    found = cut(read)
    assert texts(found) == {**ANSWERS, "4": ""}
    assert set(pictured(found)) == {"4"}
    assert not found["4"].is_untouched
    assert ("on its pages" in read.problem) == (how != "picture")


def test_a_plain_pdf_has_a_blank_answer(tmp_path: Path) -> None:
    lines = [f"{part}) {'' if part == '4' else answer}" for part, answer in ANSWERS.items()]
    read = read_document(printed(tmp_path / "answers.pdf", lines, RESOURCES))
    assert read.problem == ""
    assert cut(read)["4"].is_untouched
