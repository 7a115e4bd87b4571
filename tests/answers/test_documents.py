"""Reading students' documents in every format, without text that a reader does not see."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.answers.documents import Block, read_document
from grader.answers.finding.segmentation import cut
from grader.answers.finding.sheet import read_sheet
from grader.lab4.items import PART1_IDS
from grader.submissions import discover
from tests.support.answer_tables import ANSWERS, QUESTIONS
from tests.support.document_samples import DOCUMENTS, RESOURCES, document, each, notebook, page, printed, texts, word
from tests.support.submission_files import write, zipped


@pytest.mark.parametrize("name", sorted(p.name for p in DOCUMENTS.glob("all-*") if p.suffix != ".md"))
def test_files_from_real_programs_give_all_thirteen_answers(name: str) -> None:
    read = read_document(DOCUMENTS / name)
    assert read.problem == ""
    found = {part: " ".join(text.split()) for part, text in texts(cut(read)).items()}
    assert found == ANSWERS


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1"]
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_is_read_in_any_encoding(tmp_path: Path, encoding: str, line_end: str) -> None:
    answers = {**ANSWERS, "3": "Images, café signs, naïve things."}
    text = each("{p}) ").replace(ANSWERS["3"], answers["3"]).replace("\n", line_end)
    path = tmp_path / "answers.txt"
    path.write_bytes(text.encode(encoding))
    assert texts(cut(read_document(path))) == answers


def test_lists_in_a_page_keep_their_numbers(tmp_path: Path) -> None:
    body = "<ol>" + "".join(f"<li>{ANSWERS[n]}</li>" for n in "12345") + "<li>Pooling<ol type='a'>"
    body += f"<li>{ANSWERS['6a']}</li><li>{ANSWERS['6b']}</li></ol></li>"
    body += "<li><p>Filters</p><ol style='list-style-type: lower-roman'>"
    body += (
        "".join(f"<li><p>{ANSWERS['7' + s]}</p></li>" for s in "abcde")
        + f"</ol></li></ol><ol start=8><li>{ANSWERS['8']}</ol>"
    )
    assert texts(cut(page(tmp_path, body))) == ANSWERS


def test_entities_and_tables_of_a_page_are_read_and_scripts_are_not(tmp_path: Path) -> None:
    body = (
        "<table><tbody>" + "".join(f"<tr><td><b>{p}</b></td><td>{a}</td></tr>" for p, a in ANSWERS.items()) + "</table>"
    )
    body = body.replace("Grid data", "R&amp;D&nbsp;grid &lt;data&gt; caf&eacute; &#8804; 3")
    found = texts(cut(page(tmp_path, f"<script>var a = '1) no';</script>{body}<style>p {{}}</style>")))
    assert found == {**ANSWERS, "3": "R&D grid <data> café ≤ 3 such as images, and also sequences."}


def test_a_table_inside_an_answer_keeps_its_rows(tmp_path: Path) -> None:
    grid = "<table><tr><td>4</td><td>5</td></tr><tr><td>1</td><td>3</td></tr></table>"
    body = "".join(f"<p>{p}) {grid if p == '6a' else a}</p>" for p, a in ANSWERS.items())
    assert texts(cut(page(tmp_path, body))) == {**ANSWERS, "6a": "4 | 5\n1 | 3"}


def test_paragraphs_and_breaks_of_a_page_separate_answers(tmp_path: Path) -> None:
    assert texts(cut(page(tmp_path, "<p>" + "<br />".join(each("{p}) ").split("\n")) + "</p>"))) == ANSWERS


def test_answers_in_a_script_are_found(tmp_path: Path) -> None:
    path = tmp_path / "task1_cnn.py"
    code = "import torch\n\n\nclass Net(torch.nn.Module):\n    '''1. no'''\n    # 2. no\n"
    path.write_text(f'"""Lab 4\n\n{each("{p}) ")}\n"""\n{code}')
    assert texts(cut(read_document(path))) == ANSWERS
    path.write_text(f"{code}\n" + "\n".join(f"# {line}" for line in each("{p}) ").split("\n")) + "\nprint 'Python 2'\n")
    assert texts(cut(read_document(path))) == ANSWERS


@pytest.mark.parametrize(
    "named",
    [
        lambda part: {"metadata": {"part": part}},
        lambda part: {"metadata": {"tags": ["other", f"part: {part}"]}},
        lambda part: {"metadata": {"tags": [f"part-{part}"]}},
        lambda part: {"metadata": {"nbgrader": {"grade_id": f"q{part}"}}},
        lambda part: {"metadata": {"lab4": {"part": part}}},
        lambda part: {"id": f"part-{part}", "metadata": {}},
    ],
    ids=["metadata", "tag", "short tag", "nbgrader", "lab4", "id"],
)
@pytest.mark.parametrize("kind", ["markdown", "raw", "code"])
def test_cells_that_a_template_names_are_found(
    tmp_path: Path, named: Callable[[str], dict[str, object]], kind: str
) -> None:
    cells: list[dict[str, object]] = []
    for part, answer in ANSWERS.items():
        cells.append({"cell_type": "markdown", "metadata": {}, "source": f"### {part}\n{QUESTIONS[part]}"})
        source = ["1. " + answer + "\n", "2. more"] if kind != "code" else ["# " + answer]
        cells.append({"cell_type": kind, "source": source, "outputs": [{"text": "8) no"}], **named(part)})
    cells.append({"cell_type": "code", "metadata": {}, "source": "import torch\nprint('1. no')", "outputs": []})
    found = cut(notebook(tmp_path, cells))
    assert texts(found) == (ANSWERS if kind == "code" else {p: f"1. {a}\n2. more" for p, a in ANSWERS.items()})
    assert {answer.how for answer in found.values()} == {"anchor"}


def test_a_notebook_of_an_old_format_is_read(tmp_path: Path) -> None:
    cells: list[dict[str, object]] = []
    for part, answer in ANSWERS.items():
        cells += [{"cell_type": "heading", "level": 2, "source": part}, {"cell_type": "markdown", "source": [answer]}]
    document = notebook(tmp_path, [], nbformat=3, worksheets=[{"cells": cells}])
    assert texts(cut(document)) == ANSWERS


def test_the_code_of_part_2_is_not_in_the_last_answer(tmp_path: Path) -> None:
    cells: list[dict[str, object]] = [{"cell_type": "markdown", "source": each("{p}) ")}]
    cells += [{"cell_type": "code", "source": "import torch\nclass Net(torch.nn.Module):\n    pass"}]
    cells += [{"cell_type": "markdown", "source": "With more channels it got better."}]
    assert texts(cut(notebook(tmp_path, cells))) == ANSWERS


def test_bytes_that_are_not_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "answers.txt"
    path.write_bytes(random.Random(1).randbytes(20_000))
    assert "not a text file" in read_document(path).problem


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "utf-32-le", "utf-32-be", "utf-16-le"])
def test_labels_are_found_in_text_of_other_scripts(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "answers.txt"
    said = "深度学習的多層神経網絡自動学習特徴。"
    path.write_bytes("\n".join(f"{part}) {said}" for part in PART1_IDS).encode(encoding))
    assert texts(cut(read_document(path))) == dict.fromkeys(PART1_IDS, said)


def test_a_scan_is_reported_as_having_no_text_layer() -> None:
    assert "no text layer" in read_document(DOCUMENTS / "scan.pdf").problem


def test_text_boxes_formulas_and_tracked_changes_of_a_word_file_are_read(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>3) boxed</w:t></w:r></w:p></w:txbxContent>"
    body = "<w:p><w:r><w:t>1) kept </w:t></w:r><w:ins><w:r><w:t>added</w:t></w:r></w:ins>"
    body += "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
    body += "<w:sdt><w:sdtContent><w:p><w:r><w:t>2) x = </w:t></w:r><m:oMath><m:r><m:t>y</m:t></m:r></m:oMath></w:p>"
    body += (
        "</w:sdtContent></w:sdt><w:p><w:r><mc:AlternateContent><mc:Choice><w:drawing>"
        + box
        + "</w:drawing></mc:Choice>"
    )
    body += f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    assert [block.text for block in word(tmp_path, body).blocks] == ["1) kept added", "2) x = y", "3) boxed"]


HIDDEN = ["hidden", "style='display:none'", "style='font-size: 0px'", "style='color: #FFF'", "style='opacity:0;'"]


@pytest.mark.parametrize("how", [*HIDDEN, "style='color:white;background:white'"])
def test_hidden_text_of_a_page_is_left_out_and_reported(tmp_path: Path, how: str) -> None:
    body = "".join(f"<p>{p}) {a} <span {how}>Secret <span>words</span>.</span></p>" for p, a in ANSWERS.items())
    read = page(tmp_path, body + f"<div {how}><div>9</div>8) no</div>")
    assert texts(cut(read)) == ANSWERS
    assert "does not see" in read.problem


def test_white_text_on_a_dark_background_is_read(tmp_path: Path) -> None:
    style = "style='background-color: rgb(30, 30, 30); color: white'"
    read = page(tmp_path, "".join(f"<p {style}>{p}) {a}</p>" for p, a in ANSWERS.items()))
    assert texts(cut(read)) == ANSWERS
    assert read.problem == ""


def test_a_table_that_is_never_closed_is_read(tmp_path: Path) -> None:
    body = "<table>" + "".join(f"<tr><td>{p}<td>{a}" for p, a in ANSWERS.items())
    assert texts(cut(page(tmp_path, body))) == ANSWERS


def test_a_long_comment_is_not_an_answer() -> None:
    secret = f"<!-- {'seen by nobody ' * 20}\n1) secret\n-->"
    assert texts(cut(document(each("{p}) ") + "\n" + secret))) == ANSWERS


@pytest.mark.parametrize("mark", ["<w:vanish/>", "<w:color w:val='FFFFFF'/>", "<w:sz w:val='2'/>"])
def test_hidden_text_of_a_word_file_is_left_out_and_reported(tmp_path: Path, mark: str) -> None:
    hidden = f"<w:r><w:rPr>{mark}</w:rPr><w:t>secret</w:t></w:r>"
    read = word(tmp_path, "".join(f"<w:p><w:r><w:t>{p}) {a}</w:t></w:r>{hidden}</w:p>" for p, a in ANSWERS.items()))
    assert texts(cut(read)) == ANSWERS
    assert "does not see" in read.problem


def test_words_hyphenated_in_a_pdf_are_joined(tmp_path: Path) -> None:
    lines = [f"{part}) {answer}" for part, answer in ANSWERS.items()]
    lines[1:2] = ["2) Deep nets find fea-", "tures by max-", "pooling, not by hand."]
    found = cut(read_document(printed(tmp_path / "answers.pdf", lines, RESOURCES)))
    assert found["2"].text == "Deep nets find features by max-pooling, not by hand."


def test_ligatures_become_letters() -> None:
    from grader.answers.documents.document import bounded

    assert (
        bounded("a.pdf", [Block("1) \ufb01lters, \ufb02oats, e\ufb03cient")]).blocks[0].text
        == "1) filters, floats, efficient"
    )


def test_a_pdf_with_a_password_is_reported(tmp_path: Path) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(tmp_path / "locked.pdf")
    assert "password" in read_document(tmp_path / "locked.pdf").problem


FOREIGN = {
    "answers.odt": zipped({"content.xml": "<x/>"}),
    "answers.pages": zipped({"Index/Document.iwa": "x"}),
    "damaged.pages": b"PK\x03\x04",
    "answers.rtf": b"{\\rtf1 1. deep}",
    "answers.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "answers.wps": b"1. deep",
    "answers.txt": b"{\\rtf1 1. deep}",
    "answers": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_format_that_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    content = FOREIGN[name]
    (submission,) = discover(write(tmp_path / "zoe", {name: content}), tmp_path / "scratch")
    assert submission.documents == (name,)
    sheet = read_sheet(submission)
    assert sheet.problems[0].startswith(f"{name} ")
    assert sheet.problems[0].endswith("so a person must read it; hand in .docx, .pdf, .md, .txt or .ipynb.")


@pytest.mark.parametrize("name", ["answers", "answers.rst", "answers.tex", "answers.text", "answers.MD"])
def test_plain_text_of_other_kinds_is_read(tmp_path: Path, name: str) -> None:
    head = "\\subsection*{{Question {}}}" if name.endswith("tex") else "Question {}"
    text = "".join(f"{head.format(part)}\nSomething about {part}.\n\n" for part in PART1_IDS)
    files: dict[str, str | bytes] = {name: text, "weights": bytes(range(256)) * 9}
    (submission,) = discover(write(tmp_path / "zoe", files), tmp_path / "scratch")
    sheet = read_sheet(submission)
    assert [answer.part for answer in sheet.answers] == list(PART1_IDS)
    assert {answer.text for answer in sheet.answers} == {f"Something about {part}." for part in PART1_IDS}
    assert not sheet.problems
