"""Reading students' documents in every format, without text that a reader does not see."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.answers.documents import Block, Document, Kind, read_document
from grader.answers.finding.segmentation import cut
from grader.answers.finding.sheet import read_sheet
from grader.lab4.items import PART1_IDS
from grader.submissions.discovery import discover
from tests.support.answer_tables import ANSWERS, QUESTIONS
from tests.support.document_samples import (
    DOCUMENTS,
    FONT,
    RESOURCES,
    document,
    each,
    notebook,
    page,
    printed,
    texts,
    word,
)
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


NAMED = b"/Resources<<" + FONT + b"/XObject<</I 6 0 R>>>>"
PHOTO = b"<</Subtype/Image/Width 99/Height 99/Length 0>>stream\n\nendstream"


def locked_pdf(path: Path) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    writer.write(path)


def locked_zip(path: Path) -> None:
    data = bytearray(zipped({"word/document.xml": "<x/>"}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


FOR_A_PERSON: dict[str, tuple[Callable[[Path], object], str]] = {
    "scan.pdf": (lambda path: path.write_bytes((DOCUMENTS / "scan.pdf").read_bytes()), "is a scan"),
    "app.pdf": (lambda path: printed(path, ["Scanned with a phone", "1"], NAMED, PHOTO), "is a scan"),
    "locked.pdf": (locked_pdf, "is locked with a password"),
    "locked.docx": (
        lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(512) + "EncryptedPackage".encode("utf-16-le")),
        "is locked with a password",
    ),
    "locked.zip.docx": (locked_zip, "is locked with a password"),
    "locked.odt": (
        lambda path: path.write_bytes(
            zipped({"content.xml": "\x93\x11", "META-INF/manifest.xml": "<m><manifest:encryption-data/></m>"})
        ),
        "is locked with a password",
    ),
    "hidden.rtf": (lambda path: path.write_text(r"{\rtf1 1. deep {\v full marks}}"), "does not see"),
    "switched.rtf": (lambda path: path.write_text(r"{\rtf1 1. deep \\{\v1 full marks}}"), "does not see"),
    "white.rtf": (
        lambda path: path.write_text(r"{\rtf1{\colortbl;\red255\green255\blue255;}1. deep {\cf1 full marks}}"),
        "does not see",
    ),
}


@pytest.mark.parametrize("name", FOR_A_PERSON)
def test_what_only_a_person_can_read_is_named_with_its_path_and_the_reason(tmp_path: Path, name: str) -> None:
    make, reason = FOR_A_PERSON[name]
    folder = tmp_path / "zoe" / "my answers"
    folder.mkdir(parents=True)
    make(folder / name)
    (tmp_path / "zoe" / "comments.md").write_text("<!-- " + "unseen " * 30 + "-->")
    (submission,) = discover(tmp_path / "zoe", tmp_path / "scratch")
    problem, *others = read_sheet(submission).problems
    assert problem.startswith(f"my answers/{name} ")
    assert reason in problem
    assert "a person must read it" in problem
    assert len(others) == 1


def test_a_scanned_page_among_others_is_reported(tmp_path: Path) -> None:
    path = printed(tmp_path / "answers.pdf", each("{p}) ").split("\n")[:-1], RESOURCES)
    data = path.read_bytes().replace(b"/Kids[3 0 R]/Count 1", b"/Kids[3 0 R 6 0 R]/Count 2")
    scan = b"6 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<</XObject<</I 7 0 R>>>>>>\nendobj\n"
    at = data.index(b"xref")
    path.write_bytes(data[:at] + scan + b"7 0 obj\n" + PHOTO + b"\nendobj\n" + data[at:])
    read = read_document(path)
    assert read.problem == "answers.pdf has scanned pages (2), so a person must read it."
    assert "8" not in cut(read)


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


FOREIGN = {
    "answers.pages": zipped({"Index/Document.iwa": "x"}),
    "damaged.pages": b"PK\x03\x04",
    "answers.doc": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "answers.wps": b"1. deep",
    "answers.odt": zipped({"other.xml": "<x/>"}),
    "answers": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_format_that_is_not_read_is_named(tmp_path: Path, name: str) -> None:
    content = FOREIGN[name]
    (submission,) = discover(write(tmp_path / "zoe", {name: content}), tmp_path / "scratch")
    assert submission.documents == (name,)
    sheet = read_sheet(submission)
    assert sheet.problems[0].startswith(f"{name} ")
    assert sheet.problems[0].endswith(
        "so a person must read it; hand in .docx, .odt, .rtf, .pdf, .md, .txt, .tex or .ipynb."
    )


@pytest.mark.parametrize("name", ["answers", "answers.rst", "answers.rtf", "answers.tex", "answers.text", "answers.MD"])
def test_plain_text_of_other_kinds_is_read(tmp_path: Path, name: str) -> None:
    head = "\\subsection*{{Question {}}}" if name.endswith("tex") else "Question {}"
    text = "".join(f"{head.format(part)}\nSomething about {part}.\n\n" for part in PART1_IDS)
    files: dict[str, str | bytes] = {name: text, "weights": bytes(range(256)) * 9}
    (submission,) = discover(write(tmp_path / "zoe", files), tmp_path / "scratch")
    sheet = read_sheet(submission)
    assert [answer.part for answer in sheet.answers] == list(PART1_IDS)
    assert {answer.text for answer in sheet.answers} == {f"Something about {part}." for part in PART1_IDS}
    assert not sheet.problems


RTF = r"""{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\fcharset134 SimSun;}}
{\field{\*\fldinst{HYPERLINK "http://example.org"}}{\fldrslt 1) linked}} words\par
\pard{\pntext\f0 2.\tab}{\*\pn\pnlvlbody\pnstart1\pndec{\pntxta.}}old list\par
{\listtext	3.	}caf\'e9 {\f1\'c9\'ee}\u8804?3\par
{\pict\wmetafile8 %s}4) C:\\v and \\fs2\v0\par
\trowd\cellx1\cellx2 5\cell smaller\cell\row 6) a\line b\par}"""


def test_rich_text_keeps_the_numbers_of_lists_rows_and_characters_of_other_scripts(tmp_path: Path) -> None:
    (tmp_path / "answers.rtf").write_text(RTF % ("0123456789abcdef" * 200))
    read = read_document(tmp_path / "answers.rtf")
    lines = [line.strip() for block in read.blocks for line in block.text.split("\n")]
    numbered = [
        "1) linked words",
        "2.\told list",
        "3.\tcaf\u00e9 \u6df1\u22643",
        "4) C:\\v and \\fs2",
        "5 | smaller",
        "6) a",
        "b",
    ]
    assert lines == numbered
    assert read.has_pictures


ODT = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:xml="http://www.w3.org/XML/1998/namespace"
 xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
><office:automatic-styles><text:list-style style:name="L">
<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix=")"/>
<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix="." text:display-levels="2"/>
</text:list-style><style:style style:name="H"><style:text-properties {}/></style:style>
<style:style style:name="heir" style:parent-style-name="H"><style:paragraph-properties/></style:style>
<style:style style:name="black" style:parent-style-name="H"><style:text-properties fo:color="#000000"/></style:style>
<style:style style:name="blue"><style:table-cell-properties fo:background-color="#0000FF"/></style:style>
</office:automatic-styles>
<office:body><office:text>{}</office:text></office:body></office:document-content>"""


def writer(tmp_path: Path, body: str, hidden: str = "") -> Document:
    (tmp_path / "answers.odt").write_bytes(zipped({"content.xml": ODT.format(hidden, body)}))
    return read_document(tmp_path / "answers.odt")


def test_lists_text_boxes_and_pictures_of_an_odt_file_are_read(tmp_path: Path) -> None:
    item = "<text:list-item{}><text:p>{}</text:p>{}</text:list-item>"
    inner = f"<text:list>{item.format('', 'x', '')}{item.format('', 'y<text:s text:c=2/>z', '')}</text:list>"
    frame = "<draw:frame>{}<draw:image/></draw:frame>"
    boxed = frame.format("<draw:text-box><text:p>boxed</text:p></draw:text-box>")
    body = f"<text:list text:style-name='L'>{item.format('', 'one' + boxed, '<text:p>more</text:p>')}"
    body += f"{item.format(' text:start-value=6', '', inner)}</text:list>"
    body += f"<text:p>between{frame.format('')}<text:note><text:p>no</text:p></text:note></text:p>"
    body += f"<text:list text:style-name='L' text:continue-numbering='true'>{item.format('', 'next', '')}</text:list>"
    body += f"<text:list text:style-name='L'>{item.format('', 'new', '')}</text:list>"
    body = body.replace("c=2", "c='2'").replace("value=6", "value='6'")
    shown = [f"{block.number} {block.text}".strip() for block in writer(tmp_path, body).blocks]
    assert shown == [
        "1) one", "boxed", "more", "6)", "6.a. x", "6.b. y  z", "between\ufffc", "7) next", "1) new",
    ]  # fmt: skip


SECRETS = {
    "span": "<text:span text:style-name='H'>secret</text:span></text:p>",
    "heir": "</text:p><text:p text:style-name='heir'>9) secret</text:p>",
    "section": "</text:p><text:section text:display='none'><text:p>9) secret</text:p></text:section>",
    "condition": "</text:p><text:section text:display='condition'><text:p>9) secret</text:p></text:section>",
    "field": "<text:hidden-text>secret</text:hidden-text></text:p>",
}


@pytest.mark.parametrize(
    ("secret", "how"),
    [
        ("span", "text:display='none'"),
        ("span", "fo:font-size='1pt'"),
        *((name, "fo:color='#FFFFFF'") for name in SECRETS),
    ],
)
def test_hidden_text_of_an_odt_file_is_left_out_and_reported(tmp_path: Path, secret: str, how: str) -> None:
    read = writer(tmp_path, "".join(f"<text:p>{p}) {a}{SECRETS[secret]}" for p, a in ANSWERS.items()), how)
    assert texts(cut(read)) == ANSWERS
    assert "secret" not in str(read.blocks)
    assert "does not see" in read.problem


def test_white_text_of_an_odt_file_is_read_where_its_ground_or_its_own_colour_shows_it(tmp_path: Path) -> None:
    label = "<table:table-cell table:style-name='blue'><text:p text:style-name='H'>{}</text:p></table:table-cell>"
    cell = "<table:table-cell><text:p text:style-name='H'><text:span text:style-name='black'>{}</text:span></text:p>"
    rows = (f"{label.format(p)}{cell.format(a)}</table:table-cell>" for p, a in ANSWERS.items())
    body = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    frame = "<text:p text:style-name='H'><draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    shown = "<text:section text:display='true'><text:p>shown</text:p></text:section>"
    read = writer(tmp_path, f"{frame}</text:p>{shown}<table:table>{body}</table:table>", "fo:color='#ffffff'")
    assert [block.text for block in read.blocks[:-1]] == ["boxed", "shown"]
    assert texts(cut(read)) == ANSWERS
    assert read.problem == ""


def test_an_empty_item_of_a_word_list_heads_the_items_below_it(tmp_path: Path) -> None:
    from grader.answers.documents.list_levels import with_shown_numbers

    def item(number: str, text: str, level: int) -> Block:
        return Block(text, Kind.ITEM, "", number, level)

    blocks = [item(f"{n}.", ANSWERS.get(n, ""), 0) for n in "123456"]
    blocks += [item(f"{p[1]}.", ANSWERS[p], 1) for p in ("6a", "6b")] + [item("7.", "", 0)]
    blocks += [item(f"{p[1]}.", ANSWERS[p], 1) for p in PART1_IDS if p[0] == "7"]
    blocks += [item("8.", ANSWERS["8"], 0), item("9.", "", 0)]
    kept = tuple(with_shown_numbers(blocks))
    assert [block.number for block in kept if not block.text] == ["6.", "7.", ""]
    assert texts(cut(Document("answers.docx", kept))) == ANSWERS


LISTED = "\n".join(rf"\item {ANSWERS[n]}" for n in "12")
REST = "\n".join(rf"\item {ANSWERS[n]}" for n in "345") + r"\item Pooling: \begin{enumerate}"
REST += (
    "\n".join(rf"\item {ANSWERS[p]}" for p in ("6a", "6b")) + r"\end{enumerate} \item \begin{enumerate}[label=\alph*)] "
)
REST += "\n".join(rf"\item {ANSWERS[p]} % 9. note" for p in PART1_IDS if p[0] == "7")
REST += "\n\\end{enumerate}\n\\item " + ANSWERS["8"] + r"\end{enumerate}"
TEX = {
    "one list": rf"\begin{{enumerate}}{LISTED}{REST}",
    "resumed": rf"\begin{{enumerate}}{LISTED}\end{{enumerate}}\subsection{{1.2}}\begin{{enumerate}}[resume]{REST}",
    "counter": rf"\begin{{enumerate}}{LISTED}\end{{enumerate}}\begin{{enumerate}}\setcounter{{enumi}}{{2}}{REST}",
    "start": rf"\begin{{enumerate}}[(I)]{LISTED}\end{{enumerate}}\begin{{enumerate}}[label=(\Roman*), start=3]{REST}",
    "labels": r"\begin{itemize}" + "".join(rf"\item[{p})] {a} " for p, a in ANSWERS.items()) + r"\end{itemize}",
    "described": r"\begin{description}" + "".join(rf"\item[Question {p}] {a} " for p, a in ANSWERS.items()),
    "bold": "\n\n".join(rf"\noindent\textbf{{{p})}} {a}" for p, a in ANSWERS.items()),
    "sections": "\n".join(rf"\section*{{Question {p}}}{a}" for p, a in ANSWERS.items()),
    "bold sections": "\n".join(rf"\section*{{\textbf{{\emph{{Question {p}}}}}}}{a}" for p, a in ANSWERS.items()),
    "labelled": "\n".join(rf"\section{{\large Question {p}\label{{q:{p}}}}}{a}" for p, a in ANSWERS.items()),
    "table": r"\begin{tabular}{ll}" + "".join(rf"{p} & {a} \\" + "\n" for p, a in ANSWERS.items()) + r"\end{tabular}",
}


@pytest.mark.parametrize("name", TEX)
def test_lists_headings_and_tables_of_latex_are_read(tmp_path: Path, name: str) -> None:
    preamble = r"\documentclass{article}\newcommand{\x}{8) no}\begin{document}\section{Part 1}"
    (tmp_path / "answers.tex").write_text(rf"{preamble}{TEX[name]} \end{{document}} 9) no")
    found = cut(read_document(tmp_path / "answers.tex"))
    assert {part: " ".join(text.split()) for part, text in texts(found).items()} == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


def test_what_latex_does_not_print_is_not_read(tmp_path: Path) -> None:
    text = r"""1) deep \\% no
\begin{comment}
\iffalse 2) no
\end{comment}
3) images \iffalse 4) no \ifx\a\b \else 4) no \fi 4) no \fi 5) smaller \iffalse 6) no \else{} 6a) \fi 1 % 7) no
"""
    (tmp_path / "answers.tex").write_text(text)
    printed_text = " ".join(block.text for block in read_document(tmp_path / "answers.tex").blocks)
    assert " ".join(printed_text.split()) == "1) deep 3) images 5) smaller {} 6a) 1"
    (tmp_path / "answers.tex").write_text(r"1) deep \begin{comment} 2) features, and the comment never ends")
    assert "2) features" in str(read_document(tmp_path / "answers.tex").blocks)


def test_only_a_section_without_a_title_has_its_number(tmp_path: Path) -> None:
    text = r"\section{Introduction}\section{\emph{Depth} \& width}\section{}\subsection{}"
    (tmp_path / "answers.tex").write_text(text)
    headings = [block.text for block in read_document(tmp_path / "answers.tex").blocks]
    assert headings == ["## Introduction", "## Depth & width", "## 3", "## 3.1"]


def test_signs_pictures_and_code_of_latex_are_read(tmp_path: Path) -> None:
    text = r"1) 50\% of~\emph{all} \textbf{units} 2) \includegraphics[width=3cm]{a} \begin{verbatim}x = 1\end{verbatim}"
    (tmp_path / "answers.tex").write_text(text)
    read = read_document(tmp_path / "answers.tex")
    assert [block.text.strip() for block in read.blocks] == ["1) 50% of all **units** 2) \ufffc", "x = 1"]
    assert read.has_pictures
