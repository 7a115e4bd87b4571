"""Tests of decoding: every encoding gives the same text."""

from __future__ import annotations

import pytest

from grader.source.decoding import cookie, first_that_fits, marked, readable, utf16_by_nuls

TEXT = "caf\u00e9, na\u00efve\nclass Net:\n"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_decides_and_is_removed(encoding: str) -> None:
    data = TEXT.encode(encoding)
    assert marked(data) == encoding
    assert readable(data, utf16="utf-16-be", otherwise=lambda _: "latin-1") == TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_recognised_by_its_nul_bytes(encoding: str) -> None:
    assert utf16_by_nuls(TEXT.encode(encoding), 1 / 3) == encoding
    assert utf16_by_nuls(TEXT.encode(), 0) == ""


def test_a_few_nul_bytes_do_not_mean_utf_16() -> None:
    data = (TEXT + "\0").encode()
    assert utf16_by_nuls(data, 0) != ""
    assert utf16_by_nuls(data, 0.05) == ""


def test_the_fallback_is_called_only_for_bytes_that_are_not_utf_8() -> None:
    assert readable(TEXT.encode(), utf16="", otherwise=lambda _: "ascii") == TEXT
    assert readable(TEXT.encode("cp1252"), utf16="", otherwise=lambda _: "cp1252") == TEXT
    assert readable(TEXT.encode("cp1252"), utf16="", otherwise=lambda _: "ascii").startswith("caf\ufffd,")


def test_the_first_encoding_that_can_decode_all_bytes_is_used() -> None:
    assert first_that_fits(TEXT.encode("cp1252"), ["utf-8", "klingon", "cp1252"]) == (TEXT, "cp1252")
    assert first_that_fits(b"\x81", ["utf-8", "cp1252"]) == ("\x81", "latin-1")


def test_a_comment_declares_the_encoding_unless_it_changes_ascii_text() -> None:
    assert cookie(b"# -*- coding: latin-1 -*-\n") == "iso-8859-1"
    assert cookie(b"# -*- coding: utf-7 -*-\n") == cookie(b"# -*- coding: klingon -*-\n") == cookie(b"x = 1\n") == ""
