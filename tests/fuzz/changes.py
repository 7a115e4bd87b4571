"""How the fuzzer changes a file of the corpus."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.fuzz.corpus import FRAGMENTS

MOST_BYTES = 200_000
"""Of a changed file. Longer files repeat one fragment, see ``strategies.blow_ups``."""

ALPHABET = sorted({chr(code) for code in range(128)} | set("".join(FRAGMENTS)))
"""hypothesis needs seconds to prepare a choice among all characters."""


def text_piece() -> SearchStrategy[str]:
    """A hostile fragment, or a short text of its characters."""
    return st.one_of(st.sampled_from(FRAGMENTS), st.text(ALPHABET, max_size=12))


_SHARE_BITS = 16
_SHARES = st.integers(0, 1 << _SHARE_BITS)


@st.composite
def changed(draw: DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of ``seeds`` after up to four changes: cut, repeated, spliced, flipped, or with a fragment inserted."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        # Shares, not offsets: what is drawn must not depend on the length of an archive with the present time in it.
        start, end = (share * len(data) >> _SHARE_BITS for share in sorted(draw(st.tuples(_SHARES, _SHARES))))
        change = draw(st.sampled_from(("cut", "head", "repeat", "splice", "flip", "insert", "many")))
        if change == "cut":
            data = data[:start] + data[end:]
        elif change == "head":
            data = data[:end]
        elif change == "repeat":
            data = data[:end] + data[start:end] * draw(st.integers(1, 20)) + data[end:]
        elif change == "splice":
            other = draw(st.sampled_from(seeds))
            data = data[:start] + other[draw(_SHARES) * len(other) >> _SHARE_BITS :]
        elif change == "flip" and data:
            place = min(start, len(data) - 1)
            data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
        else:
            times = draw(st.integers(1, 2000)) if change == "many" else 1
            data = data[:start] + (draw(text_piece()) * times).encode(errors="surrogatepass") + data[start:]
        data = data[:MOST_BYTES]
    return data


@st.composite
def recoded(draw: DrawFn, source: SearchStrategy[bytes]) -> bytes:
    """Text in another encoding, now and then with a declaration that is wrong."""
    data = draw(source)
    encoding = draw(
        st.sampled_from(("utf-8", "utf-8", "utf-8", "utf-16", "utf-16-le", "utf-8-sig", "latin-1", "utf-7"))
    )
    declared = draw(st.sampled_from(("", "", "# -*- coding: latin-1 -*-\n", "# coding: rot13\n", "# coding: \0\n")))
    return (declared + data.decode(errors="replace")).encode(encoding, errors="replace")
