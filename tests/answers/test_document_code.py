"""Tests of finding a network's code in documents, for submissions without a script."""

from __future__ import annotations

import ast
import html
import io
import time
import zipfile
from pathlib import Path

import pytest

from grader.answers.document_code import code_in
from grader.submissions.script_content import content_of
from tests.support.document_samples import DOCUMENTS as SAMPLES
from tests.support.submission_files import NET

PROSE = "Answer: deep networks have many layers.\nResults\n\nI trained the network for 3 epochs (see below).\n"
TRAINING = """def train(net):
    for x, y in loader:
        try:
            net(x)
        except ValueError:
            pass
    return None


optimizer = torch.optim.SGD(
    net.parameters(),
    lr=0.01,
)
if True:
    train(Net())
else:
    pass
"""
CODE = NET + "\n\n" + TRAINING


def same(found: str, code: str) -> bool:
    """Whether two scripts are equal but for blank lines."""
    return [x for x in found.split("\n") if x.strip()] == [x for x in code.split("\n") if x.strip()]


def word(*paragraphs: str, in_a_frame: bool = False) -> bytes:
    space = 'xml:space="preserve"'
    body = "".join(f"<w:p><w:r><w:t {space}>{html.escape(p)}</w:t></w:r></w:p>" for p in paragraphs)
    body = f"<w:tbl><w:tr><w:tc>{body}</w:tc></w:tr></w:tbl>" if in_a_frame else body
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return buffer.getvalue()


def spans(code: str) -> str:
    """The code as a notebook's export shows it: each word and each run of spaces in an element."""
    lines = []
    for line in code.split("\n"):
        text = line.lstrip(" ")
        lines.append(
            f'<span class="w">{line[: len(line) - len(text)]}</span><span class="k">{html.escape(text)}</span>'
        )
    return "<pre><span></span>" + "\n".join(lines) + "\n</pre>"


DOCUMENTS: dict[str, str | bytes] = {
    "plain.html": f"<p>{PROSE}</p><pre>{html.escape(CODE)}</pre><p>{PROSE}</p>",
    "export.html": f"<style>{'a{}' * 200_000}</style><div>In [1]:</div>{spans(NET)}<div>In [2]:</div>{spans(TRAINING)}",
    "onlinetext.html": "".join(f"<p>{html.escape(x).replace(' ', '&nbsp;')}</p>" for x in CODE.split("\n")),
    "breaks.html": "<p>" + "<br>".join(html.escape(x).replace("  ", "&nbsp; ") for x in CODE.split("\n")) + "</p>",
    "fenced.md": f"# Task 1\n{PROSE}\n```python\n{NET}```\n\nThen I train it:\n\n```python\n{TRAINING}```\n{PROSE}",
    "indented.md": PROSE + "\n" + "\n".join("    " + x for x in CODE.split("\n")) + "\n" + PROSE,
    "bare.md": f"{PROSE}\n{CODE}\n{PROSE}",
    "prompts.md": PROSE + "\n".join((">>> " if x[:1].strip() else "... ") + x for x in CODE.split("\n")),
    "lines.docx": word(*PROSE.split("\n"), *CODE.split("\n")),
    "typed.docx": word(*CODE.replace('"', "\u201d").split("\n")),
    "wrapped.docx": word(*CODE.replace("F.log_softmax(", "F.log_softmax(\n").split("\n")),
    "framed.docx": word(*CODE.split("\n"), in_a_frame=True),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_code_is_found_in_a_document(tmp_path: Path, name: str) -> None:
    content = DOCUMENTS[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = code_in(tmp_path / name)
    assert found.has_network
    assert same(found.text.replace("(\nself.conv1", "(self.conv1"), CODE), found.text
    assert found.content == content_of([CODE])


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        "The\nclass Net has two layers.",
        "class Student:\n    pass\n",
    ],
)
def test_a_report_without_a_network_has_no_code(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.md").write_text(text)
    found = code_in(tmp_path / "report.md")
    assert (found.text, found.has_network, found.unread) == ("", False, "")


def test_a_network_without_a_class_is_found(tmp_path: Path) -> None:
    code = "import torch.nn as nn\nmodel = nn.Sequential(nn.Linear(784, 10))\n"
    (tmp_path / "code.md").write_text(f"{PROSE}\n```python\n{code}```\n")
    found = code_in(tmp_path / "code.md")
    assert found.has_network
    assert same(found.text, code)


def test_code_that_python_cannot_read_is_named(tmp_path: Path) -> None:
    lost = "\n".join(line.strip() for line in CODE.split("\n"))
    (tmp_path / "code.md").write_text(lost)
    found = code_in(tmp_path / "code.md")
    assert (found.text, found.has_network) == ("", True)


def test_the_blank_template_in_a_document_is_no_work(tmp_path: Path) -> None:
    (tmp_path / "code.md").write_text("class Net(nn.Module):\n    def forward(self, x):\n        pass\n")
    assert not code_in(tmp_path / "code.md").text


def test_a_document_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "scan.pdf is a scan" in code_in(SAMPLES / "scan.pdf").unread
    (tmp_path / "code.pdf").write_bytes(b"%PDF-1.4 damaged")
    assert not code_in(tmp_path / "code.pdf").unread


def test_hostile_text_is_searched_in_short_time(tmp_path: Path) -> None:
    layer = "net = nn.Linear(1, 2)\n"
    for text in (
        "class Net(\n" * 5000,
        layer + "f(\n" * 230_000,
        layer + "f(\n" + ")\n" * 300_000,
        layer + "x " * 90_000,
    ):
        (tmp_path / "code.md").write_text(text)
        start = time.process_time()
        code_in(tmp_path / "code.md")
        assert time.process_time() - start < 20  # 1 to 2 on one core; 100 without the limit


@pytest.mark.parametrize(
    ("name", "statements"),
    [("code-notebook-chromium.pdf", 35), ("code-script.pdf", 4)],
)
def test_code_in_a_pdf_keeps_its_indentation(name: str, statements: int) -> None:
    """The notebook has two pages, prompts, a wrapped line, and a page break within a class."""
    found = code_in(SAMPLES / name)
    assert found.content.is_complete
    assert len(ast.parse(found.text).body) == statements
