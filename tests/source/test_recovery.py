"""Parsing with recovery: line numbers stay right, and no text takes long."""

from __future__ import annotations

import ast
import time

import pytest

from grader.source.recovery import lost_names, recovered
from grader.source.script import Script

NET = "class Net(nn.Module):\n    def forward(self, x):\n        return x\n"


def test_line_numbers_are_those_of_the_script() -> None:
    read = recovered(Script("a.py", f"!pip x\nimport os\nx = [(1, {{\n{NET}def f():\n    y = = 1\nz = 1\n"))
    assert [(type(node).__name__, node.lineno) for node in read.statements] == [
        ("Import", 2),
        ("ClassDef", 4),
        ("Assign", 9),
    ]
    net = read.statements[1]
    assert isinstance(net, ast.ClassDef)
    assert net.body[0].lineno == 5
    assert lost_names(read) == {"x", "f", "y"}
    assert read.assumed == "lines 1, 3 and 7 to 8 were not there"
    assert read.problem is not None
    assert read.problem.line == 1


def test_a_text_without_a_fault_is_read_as_it_is() -> None:
    read = recovered(Script("a.py", NET))
    assert (read.problem, read.newer, read.lost, read.assumed) == (None, None, "", "")


def test_a_class_with_an_error_is_lost_as_a_whole() -> None:
    read = recovered(
        Script("a.py", NET + "    def show(self):\n        x = = 1\n    def last(self):\n        pass\nx = 1\n")
    )
    assert [type(node).__name__ for node in read.statements] == ["Assign"]
    assert {"Net"} <= lost_names(read)


def test_a_name_is_lost_even_if_an_earlier_part_binds_it() -> None:
    lost = "class Net(nn.Module):\n    y = = 1\ndef size():\n    x = = 1\n    return x\n"
    read = recovered(Script("a.py", f"import torch\nx = 1\ny = 1\ndef size(): pass\n{NET}{lost}import torch nn\n"))
    assert lost_names(read) & {"Net", "size", "x", "y", "torch"} == {"Net", "size"}


@pytest.mark.parametrize(
    "text",
    [
        "this is not python\n" * 2000,
        "x = [(1, {\n" * 2000,
        "x = '''a\n" * 2001,
        "x = " + "(" * 50 + "1," * 100_000 + "\n",
        NET + "def t():\n" + "    print 'a'\n" * 3000,
        'print(f"{a["b"]}")\n' * 2000,
        "try:\n    x = 1\nexcept A, B:\n    pass\n" * 1000,
        "<<<<<<< a\n=======\n" * 3000,
        "def f[" + "[" * 20_000 + "\n",
    ],
)
def test_no_text_takes_long(text: str) -> None:
    began = time.process_time()
    recovered(Script("a.py", text))
    assert time.process_time() - began < 8
