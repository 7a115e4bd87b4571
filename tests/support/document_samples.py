"""Make documents with answers for tests: text, HTML pages, notebooks, Word files and PDFs."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from grader.answers.documents import Document, read_document
from grader.answers.finding.part_text import PartAnswer
from tests.support.answer_tables import ANSWERS, QUESTIONS
from tests.support.places import TESTS

DOCUMENTS = TESTS / "documents"
PART2 = "\n\nPart 2: Deep Learning in Python/PyTorch\n\nI tried 3x3 kernels: 1. small 2. large.\n"


def document(text: str, name: str = "answers.md") -> Document:
    from grader.answers.documents.text import split

    return Document(name, tuple(split(text)))


def texts(found: dict[str, PartAnswer]) -> dict[str, str]:
    return {part: answer.text for part, answer in found.items()}


def each(label: str, between: str = "\n") -> str:
    """A label for every part: ``{p}`` is ``6a``, ``{n}`` is ``6``, ``{b}`` is `` (a)``, ``{s}`` is ``a``."""
    return between.join(
        label.format(p=part, n=part[0], s=part[1:], b=f" ({part[1:]})" if part[1:] else "") + answer
        for part, answer in ANSWERS.items()
    )


def sheet(label: Callable[[str], str], *, answer: str = "", between: str = "\n") -> str:
    pieces = []
    for part in QUESTIONS:
        piece = f"{label(part)}{QUESTIONS[part]}"
        pieces.append(f"{piece}{between}{answer}{ANSWERS[part]}" if part in ANSWERS else piece)
    return "\n\n".join(pieces)


def plainly(part: str) -> str:
    return f"{part[1]}. " if part[1:] else f"{part}. "


def page(tmp_path: Path, body: str) -> Document:
    path = tmp_path / "onlinetext.html"
    path.write_text(
        f'<!DOCTYPE html><html><head><meta charset="UTF-8"><title>1. x</title></head><body>{body}</body></html>'
    )
    return read_document(path)


def notebook(tmp_path: Path, cells: list[dict[str, object]], **more: object) -> Document:
    path = tmp_path / "part1.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **more}))
    return read_document(path)


def word(tmp_path: Path, body: str) -> Document:
    names = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    names += ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    names += ' xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    with zipfile.ZipFile(tmp_path / "answers.docx", "w") as archive:
        archive.writestr("word/document.xml", f"<w:document {names}><w:body>{body}</w:body></w:document>")
    return read_document(tmp_path / "answers.docx")


def pdf(path: Path, objects: list[bytes]) -> Path:
    data, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, text in enumerate(objects, 1):
        table += b"%010d 00000 n \n" % len(data)
        data += b"%d 0 obj\n%s\nendobj\n" % (number, text)
    size = len(objects) + 1
    end = b"xref\n0 %d\n%strailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (size, table, size, len(data))
    path.write_bytes(data + end)
    return path


def costly_pdf(path: Path, operators: int) -> Path:
    """A page with so many operators that pypdf needs minutes for it; the file is small."""
    stream = zlib.compress(b"BT (1) x) Tj ET " * operators, 9)
    return pdf(
        path,
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>",
            b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(stream), stream),
        ],
    )


def printed(path: Path, lines: list[str], more: bytes = b"", *objects: bytes) -> Path:
    """A page with these lines; ``more`` goes into its dictionary, ``objects`` are numbered from 6."""
    text = "".join(f"({line.replace('(', chr(92) + '(').replace(')', chr(92) + ')')}) Tj T* " for line in lines)
    stream = f"BT /F1 9 Tf 12 TL 20 800 Td {text} ET".encode()
    return pdf(
        path,
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R" + more + b">>",
            b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
            b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            *objects,
        ],
    )


FONT = b"/Font<</F1 5 0 R>>"
RESOURCES = b"/Resources<<" + FONT + b">>"
