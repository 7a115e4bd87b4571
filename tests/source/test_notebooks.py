"""Tests of reading notebooks: the same cells as nbformat in every format, and notebooks that nbformat rejects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.source.notebooks import is_notebook, read_notebook
from tests.support.places import TESTS

library: Any = nbformat
CODE, TEXT = "x = 1\ny = 2", "One *word*."


def book(version: int) -> str:
    """A notebook of this format, converted by nbformat, with a text cell and a code cell."""
    v4 = library.v4
    made = v4.new_notebook(cells=[v4.new_markdown_cell(TEXT), v4.new_code_cell(CODE)])
    if version == 1:  # nbformat does not convert to it
        return json.dumps({"cells": [{"cell_type": "text", "text": TEXT}, {"cell_type": "code", "code": CODE}]})
    if version == 2:  # nbformat does not convert to it either
        cells = [{"cell_type": "markdown", "source": TEXT}, {"cell_type": "code", "input": CODE, "outputs": []}]
        return json.dumps({"nbformat": 2, "metadata": {"name": ""}, "worksheets": [{"cells": cells}]})
    return str(library.writes(made, version=version))


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_code_is_read_as_nbformat_reads_it(version: int) -> None:
    text = book(version)
    own = [cell.source for cell in read_notebook(text).cells if cell.kind == "code"]
    converted = library.reads(text, as_version=4).cells
    assert own == [cell.source for cell in converted if cell.cell_type == "code"] == [CODE]
    assert read_notebook(text).is_whole


@pytest.mark.parametrize("name", ["all-v3.ipynb", "all-v4.ipynb", "template-jupyterlab.ipynb"])
def test_real_notebooks_are_read_as_nbformat_reads_them(name: str) -> None:
    text = (TESTS / "documents" / name).read_text(encoding="utf-8")
    converted = library.reads(text, as_version=4).cells
    own = read_notebook(text).cells
    assert len(own) == len(converted) > 5
    for cell, other in zip(own, converted, strict=True):
        assert cell.source == (other.source.lstrip("# ") if cell.kind == "heading" else other.source)


@pytest.mark.parametrize(
    "entries",
    [
        [{"cell_type": "code", "source": CODE}],
        [{"cell_type": "markdown", "metadata": {}, "source": 5}, {"cell_type": "code", "source": CODE}],
    ],
)
def test_notebooks_that_nbformat_rejects_for_one_cell_are_read(entries: list[dict[str, Any]]) -> None:
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": entries})
    with pytest.raises(library.ValidationError):
        library.reads(text, as_version=4)
    assert read_notebook(text).is_whole
    assert read_notebook(text).cells[-1].source == CODE


def test_a_notebook_is_recognised_by_its_name_or_its_content() -> None:
    assert is_notebook(Path("a.IPYNB"), b"")
    assert is_notebook(Path("a.py"), b"\xef\xbb\xbf\n" + book(4).encode())
    assert not is_notebook(Path("a.py"), b"# " + book(4).encode())
    assert not is_notebook(Path("a.py"), b'{"cells": []}')
