"""Tests of finding networks in the text of a script."""

from __future__ import annotations

import time

import pytest

from grader.source.networks import text_holds_network


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A(nn.Module):\n    pass\n\nclass B(nn.Module):\n    def f(self):\n        self.x = (1\n", True),
        ("class A(\n    nn.Module\n):\n    def f(self):\n        self.run(\n", True),
        ("self.x = 1\nclass A(nn.Module):\n    def f(self\n", False),
        ("class A(object):\n    def f(self):\n        self.x = (1\n", False),
        ("# nn.Linear(3, 4)\n'nn.Linear(3, 4)' (\n", False),
    ],
)
def test_whether_a_text_holds_a_network(text: str, expected: bool) -> None:
    assert text_holds_network(text) is expected


@pytest.mark.parametrize("part", ["class A(nn.Module):\n", "class A(", "class A(Module ", '\\"', "self.", "'''x"])
def test_a_long_text_is_searched_in_linear_time(part: str) -> None:
    start = time.process_time()
    text_holds_network("class A(nn.Module):\n" + part * (300_000 // len(part)))
    assert time.process_time() - start < 5  # 0.2; minutes if it were quadratic
