"""What Python parses or compiles in quadratic time is refused or left out."""

import ast
import time

import pytest

from grader.answers.documents.script_comments import written
from grader.source.parsing import LONGEST_COMPILED, check, parsed
from grader.source.recovery import recovered
from grader.source.script import Script

MANY_CLASSES = "class Net:\n pass\n" * 12_000
"""Python compiles them in three seconds, and four times as many in a minute."""


def test_an_f_string_with_a_hundred_thousand_braces_is_not_parsed() -> None:
    with pytest.raises(ValueError, match="braces"):
        parsed('f"' + "{x}" * 100_000 + '"')


def test_braces_without_an_f_string_and_f_strings_with_few_braces_are_parsed() -> None:
    assert len(parsed("x = [" + "{1}, " * 30_000 + "]").body) == 1
    assert len(parsed('print(f"{x} {y}")\n' * 2_000).body) == 2_000


def test_a_fault_that_only_compiling_finds_is_found_in_a_script_of_usual_length() -> None:
    text = "x = 1\n" * 10_000 + "return x\n"
    assert len(text) < LONGEST_COMPILED
    with pytest.raises(SyntaxError, match="outside function"):
        check(parsed(text), text)


def test_a_script_of_many_equal_classes_is_read_without_compiling_it() -> None:
    start = time.thread_time()
    statements = recovered(Script("task1_cnn.py", MANY_CLASSES)).statements
    assert len(statements) == 12_000
    assert all(isinstance(statement, ast.ClassDef) for statement in statements)
    assert time.thread_time() - start < 2.0


def test_a_line_that_is_too_long_to_tokenize_is_left_out_of_the_prose() -> None:
    source = f'"""Answers"""\nx = {chr(34)}{chr(92)}{chr(34)}' + '\\"' * 90_000 + "\n# 1. deep\n"
    start = time.thread_time()
    assert [passage.strip() for passage in written(source) if passage.strip()] == ["Answers", "1. deep"]
    assert time.thread_time() - start < 1.0
