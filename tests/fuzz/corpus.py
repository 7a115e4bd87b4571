"""What the fuzzer starts from: files of the other tests, hostile fragments, and the files in which a text can stand."""

from __future__ import annotations

import io
import json
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.answer_tables import ANSWERS, WORDINGS
from tests.support.document_samples import DOCUMENTS, RESOURCES, pdf, printed
from tests.support.sample_cohort import COHORT
from tests.support.submission_files import NET, notebook, zipped

LARGEST = 1_000_000
"""Bytes of a file with a repeated fragment."""
LARGEST_SEED = 60_000
"""Bytes of a file that is changed; a larger one makes each example slow."""


def _files(*folders: Path, suffix: str) -> list[bytes]:
    paths = sorted(path for folder in folders for path in folder.rglob(f"*{suffix}") if path.is_file())
    return [content for path in paths if 0 < len(content := path.read_bytes()) <= LARGEST_SEED]


ANSWER_TEXTS = [*ANSWERS.values(), *(row.answer for row in WORDINGS)]
SHEET = "\n\n".join(f"{part}. {answer}" for part, answer in ANSWERS.items())
TABLE = (COHORT / "experiment-good-sweep" / "experiments.csv").read_bytes()
SEEDS: dict[str, list[bytes]] = {
    "py": _files(COHORT, suffix=".py"),
    "ipynb": [*_files(DOCUMENTS, COHORT, suffix=".ipynb"), notebook(NET, "print(1)").encode()],
    "md": [SHEET.encode(), *_files(COHORT, suffix=".md")],
    "txt": [SHEET.encode("utf-16"), *_files(COHORT, suffix=".txt")],
    "rst": [SHEET.replace("\n\n", "\n\n---\n\n").encode()],
    "tex": [b"\\documentclass{article}\\begin{document}\n" + SHEET.encode() + b"\n\\end{document}\n"],
    "html": [*_files(DOCUMENTS, suffix=".html"), f"<html><body><ol><li>{SHEET}</ol></body></html>".encode()],
    "docx": _files(DOCUMENTS, suffix=".docx"),
    "pdf": _files(DOCUMENTS, suffix=".pdf"),
    "csv": [TABLE, *_files(COHORT, suffix=".csv")],
}
"""Contents by kind of file."""

_TABLE = tomllib.loads(Path(__file__).with_name("fragments.toml").read_text(encoding="utf-8"))
FRAGMENTS: list[str] = [fragment for fragments in _TABLE.values() for fragment in fragments]
"""Text that some reader treats in a special way."""


@dataclass(frozen=True)
class Carrier:
    """A file with a text in it: its name and its content. ``most`` is the longest text, in bytes.

    It is longer for a file that compresses its text, and shorter for one that makes more of it.
    """

    name: str
    content: Callable[[str], bytes]
    most: int = LARGEST


def _plain(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _around(before: str, after: str, text: str) -> bytes:
    return _plain(f"{before}{text}{after}")


def _cells(kind: str, text: str, *, each_line: bool = False) -> bytes:
    sources = text.splitlines(keepends=True) if each_line else [text]
    cells = [{"cell_type": kind, "metadata": {}, "source": source, "outputs": []} for source in sources]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _outputs(text: str) -> bytes:
    output = {"output_type": "stream", "text": [text]}
    cells = [{"cell_type": "code", "source": NET, "outputs": [output]}]
    return json.dumps({"cells": cells, "nbformat": 4}).encode()


def _escaped(text: str) -> str:
    clean = "".join(character for character in text if character >= " " or character == "\n")
    return clean.replace("&", "&amp;").replace("<", "&lt;")


def _word(text: str, *, is_markup: bool = False) -> bytes:
    body = (
        text
        if is_markup
        else "".join(f"<w:p><w:r><w:t>{line}</w:t></w:r></w:p>" for line in _escaped(text).split("\n"))
    )
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    return zipped({"word/document.xml": _plain(f"<w:document {names}><w:body>{body}</w:body></w:document>")})


def _pdf(text: str) -> bytes:
    with TemporaryDirectory() as folder:
        lines = _plain(text).decode("latin-1").split("\n")
        return printed(Path(folder, "a.pdf"), lines, RESOURCES).read_bytes()


def _stream(text: str, *, pages: int = 1) -> bytes:
    """A PDF whose pages all show the same operators."""
    content = _plain(f"BT /F1 9 Tf 12 TL 20 800 Td {text} ET")
    numbers = b" ".join(b"%d 0 R" % (5 + page) for page in range(pages))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 3 0 R/Resources<</Font<</F1 4 0 R>>>>>>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (numbers, pages),
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        *[page] * pages,
    ]
    with TemporaryDirectory() as folder:
        return pdf(Path(folder, "a.pdf"), objects).read_bytes()


def _members(text: str) -> bytes:
    """A zip with an empty member for each line."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, line in enumerate(text.split("\n")):
            archive.writestr(f"{number}{line[:500]}", "")
    return buffer.getvalue()


def _tar(text: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        content = _plain(text)
        member = tarfile.TarInfo("part1_answers.md")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


CARRIERS = {
    "script": Carrier("task1_cnn.py", _plain),
    "script with a docstring": Carrier("task1_cnn.py", partial(_around, '"""', f'"""\n{NET}')),
    "script with a comment": Carrier("task1_cnn.py", partial(_around, "# ", f"\n{NET}")),
    "script with a string": Carrier("task1_cnn.py", partial(_around, f"{NET}\nx = f'", "'\n")),
    "script around a network": Carrier("task1_cnn.py", partial(_around, f"{NET}\n", f"\n{NET}")),
    "notebook with code": Carrier("task1_cnn.ipynb", partial(_cells, "code")),
    "notebook with text": Carrier("part1.ipynb", partial(_cells, "markdown")),
    "notebook with many texts": Carrier("part1.ipynb", partial(_cells, "markdown", each_line=True)),
    "notebook with many codes": Carrier("task1_cnn.ipynb", partial(_cells, "code", each_line=True)),
    "notebook with outputs": Carrier("task1_cnn.ipynb", _outputs),
    "notebook": Carrier("part1.ipynb", _plain),
    "Markdown": Carrier("part1_answers.md", _plain),
    "text": Carrier("part1_answers.txt", _plain),
    "reStructuredText": Carrier("part1_answers.rst", _plain),
    "LaTeX": Carrier("part1_answers.tex", _plain),
    "web page": Carrier("part1_answers.html", _plain),
    "web page with a list": Carrier("part1_answers.html", partial(_around, "<!DOCTYPE html><ol><li>", "</ol>")),
    "Word text": Carrier("part1_answers.docx", _word, 8 * LARGEST),
    "Word markup": Carrier("part1_answers.docx", partial(_word, is_markup=True), 8 * LARGEST),
    "PDF text": Carrier("part1_answers.pdf", _pdf),
    "PDF stream": Carrier("part1_answers.pdf", _stream),
    "PDF with many pages": Carrier("part1_answers.pdf", partial(_stream, pages=40)),
    "table": Carrier("experiments.csv", _plain),
    "members of a zip": Carrier("work.zip", _members, 20_000),
    "text in a tar": Carrier("work.tgz", _tar, 8 * LARGEST),
}
