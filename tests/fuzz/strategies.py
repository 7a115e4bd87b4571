"""What the fuzzer hands in: changed files of the corpus, files by a grammar, long files, and whole deliveries."""

from __future__ import annotations

import io
import json
import zipfile

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tests.fuzz.archives import archive, archives, zipped_members
from tests.fuzz.changes import ALPHABET, changed, recoded, text_piece
from tests.fuzz.corpus import ANSWER_TEXTS, CARRIERS, FRAGMENTS, LARGEST, SEEDS
from tests.fuzz.handed_in import Files, Link
from tests.fuzz.properties import STUDENT
from tests.support.submission_files import BLANK, NET


def scripts() -> SearchStrategy[Files]:
    """A script, or several, as text or under a document's name."""
    source = st.one_of(changed(SEEDS["py"]), recoded(changed(SEEDS["py"])), statements().map(str.encode))
    names = st.sampled_from(("task1_cnn.py", "lab4.py", "Net.PY", "code.txt", "part1.md", "a/b.py", "x.pyw", "noname"))
    return st.dictionaries(names, source, min_size=1, max_size=3)


@st.composite
def statements(draw: DrawFn) -> str:
    """Lines that look like a script with a network, at any indentation and in any order."""
    lines = [line for text in (NET, BLANK) for line in text.splitlines()]
    parts = draw(st.lists(st.one_of(st.sampled_from(lines), text_piece()), max_size=30))
    return "".join(" " * draw(st.integers(0, 8)) + part + draw(st.sampled_from(("\n", "\n", ""))) for part in parts)


_KEYS = (
    *("cells", "cell_type", "source", "metadata", "outputs", "text", "data", "text/plain", "nbformat", "worksheets"),
    *("attachments", "nbgrader", "grade_id", "tags", "id", "language", "input", "level", "kernelspec", "name"),
)
_VALUES = ("code", "markdown", "raw", "heading", "stream", "python", "part1", "1a", NET, "1. deep\n")


def notebooks() -> SearchStrategy[Files]:
    """A notebook that is changed as text, or any JSON with a notebook's words."""
    leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text_piece(), st.sampled_from(_VALUES))
    value = st.recursive(
        leaf,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5),
        max_leaves=20,
    )
    cell = st.dictionaries(st.sampled_from(_KEYS), value, max_size=6)
    whole = st.fixed_dictionaries({"cells": st.lists(cell, max_size=6) | value, "nbformat": st.just(4) | value})
    made = st.one_of(value, whole).map(lambda made: json.dumps(made).encode())
    names = st.sampled_from(("task1_cnn.ipynb", "part1_answers.ipynb", "x.ipynb"))
    return st.dictionaries(names, st.one_of(changed(SEEDS["ipynb"]), made), min_size=1, max_size=2)


_DOCUMENTS = ("md", "txt", "rst", "tex", "html", "docx", "pdf")


@st.composite
def documents(draw: DrawFn) -> Files:
    """Documents, some of them with the ending of another kind, beside a script or without one."""
    files: dict[str, bytes | Link] = {"task1_cnn.py": NET.encode()} if draw(st.booleans()) else {}
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(_DOCUMENTS))
        ending = draw(st.sampled_from((kind, kind, kind, *_DOCUMENTS, "rtf", "png", "")))
        files[f"part{number + 1}.{ending}"] = draw(_inside(changed(SEEDS[kind]), kind))
    return files


@st.composite
def _inside(draw: DrawFn, source: SearchStrategy[bytes], kind: str) -> bytes:
    """A document as changed; for a Word file, also one with a changed member, whose checksum is right."""
    if kind != "docx" or draw(st.booleans()):
        return draw(source)
    with zipfile.ZipFile(io.BytesIO(draw(st.sampled_from(SEEDS[kind])))) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = draw(st.sampled_from(sorted(members)))
    members[name] = draw(changed([members[name]]))
    return zipped_members([(name, content, 0) for name, content in members.items()])


_CELLS = ("10", "20", "5", "0.97", "97%", "97,5", "1e999", "-1", "nan", "inf", "1_0", "٣", "½", "9" * 400, "", " ", '"')
_HEADS = ("channels1", "channels2", "kernel1", "kernel2", "epochs", "accuracy", "seconds", "acc (%)", "Kernel 1", "x")


@st.composite
def tables(draw: DrawFn) -> Files:
    """A table of experiments: changed, or made of hostile cells; the names decide whether it is read."""
    comma = draw(st.sampled_from((",", ",", ";", "\t", "|", ", ")))
    cell = st.one_of(st.sampled_from(_CELLS), text_piece(), st.floats().map(str), st.integers().map(str))
    heads = draw(st.lists(st.sampled_from(_HEADS), max_size=9)) or list(_HEADS[:7])
    rows = draw(st.lists(st.lists(cell, max_size=9), max_size=12))
    made = "\n".join(comma.join(row) for row in (heads, *rows)).encode(errors="surrogatepass")
    content = draw(
        st.one_of(st.just(made), recoded(st.just(made)), changed(SEEDS["csv"]), recoded(changed(SEEDS["csv"])))
    )
    name = draw(st.sampled_from(("experiments.csv", "Experiments.CSV", "my experiment.tsv", "experiment.txt", "x.csv")))
    return {"task1_cnn.py": NET.encode(), name: content}


@st.composite
def answers(draw: DrawFn) -> Files:
    """The text of an answer, made of answers and fragments."""
    piece = st.one_of(st.sampled_from(ANSWER_TEXTS), text_piece(), st.sampled_from(ANSWER_TEXTS).map(lambda t: t[:40]))
    parts = draw(st.lists(st.tuples(piece, st.sampled_from((1, 1, 1, 2, 30, 800))), min_size=1, max_size=6))
    between = draw(st.sampled_from(("", " ", "\n", ", ", ". ")))
    text = between.join(part * times for part, times in parts)[:20_000]
    return {"answer.txt": text.encode(errors="surrogatepass")}


_STUDENTS = (
    *("ann", "Ann", "\u0430nn", "ben_12345", "late", "submissions", "data", ".git", "a\nb", "caf\udce9", "x" * 200),
    *(
        "Jane Doe_5012345_assignsubmission_file_",
        "Jane Doe_5012345_assignsubmission_file",
        "Team_assignsubmission_file_",
    ),
    *("doejane_12345_678901_task1_cnn.py", "doejane_LATE_12345_678902_part1.md", "anon_aB3x9_678903_task1_cnn.py"),
)


@st.composite
def deliveries(draw: DrawFn) -> Files:
    """Whole deliveries: students by folder, file, archive and link, with names of learning platforms or none."""
    files: dict[str, bytes | Link] = {}
    for _ in range(draw(st.integers(1, 5))):
        student = draw(st.sampled_from(_STUDENTS))
        kind = draw(st.sampled_from(("folder", "folder", "archive", "file", "link", "empty")))
        if kind == "folder":
            made = draw(st.one_of(scripts(), documents(), tables(), archives()))
            files |= {f"{student}/{name}": content for name, content in made.items()}
        elif kind == "archive":
            ending, content = draw(archive())
            files[f"{student}.{ending}"] = content
        elif kind == "file":
            files[draw(st.sampled_from((student, f"{student}.py", f"{student}.ipynb")))] = draw(changed(SEEDS["py"]))
        elif kind == "link":
            files[student] = Link(draw(st.sampled_from(("/etc", "..", ".", "ann", "/nowhere", student))))
        else:
            files[f"{student}/"] = b""
    return files


_TEXT_SEEDS = [data.decode(errors="replace") for kind in ("py", "md", "tex", "html", "csv") for data in SEEDS[kind]]


def of_one_student(files: SearchStrategy[Files]) -> SearchStrategy[Files]:
    """``files`` in the folder of a student."""
    return files.map(lambda drawn: {f"{STUDENT}/{name}": content for name, content in drawn.items()})


@st.composite
def blow_ups(draw: DrawFn, name: str, share: float = 1.0) -> Files:
    """Two submissions, ``small`` and ``large``, in which one fragment is repeated; ``large`` four times as often.

    The fragment is one of the corpus, two of them, or a piece of a real file, and may stand within another file.
    The text in ``large`` has up to ``share`` of the longest one's length: the whole, or less than some limit of a
    reader, above which it refuses. ``name`` is that of the carrier.
    """
    seed = draw(st.sampled_from(_TEXT_SEEDS))
    cut = draw(st.integers(0, len(seed)))
    start = draw(st.integers(0, max(0, len(seed) - 1)))
    piece = seed[start : start + draw(st.integers(1, 40))] or "a"
    known = st.sampled_from(FRAGMENTS)
    pair = st.tuples(known, known).map("".join)
    fragment = draw(st.one_of(known, known, pair, st.just(piece), st.text(ALPHABET, min_size=1, max_size=6)))
    head, tail = draw(
        st.sampled_from((("", ""), ("", ""), (seed[:cut], ""), (seed[:cut], seed[cut:]), (fragment, "a")))
    )
    carrier = CARRIERS[name]
    share *= draw(st.sampled_from((1.0, 0.9, 0.4, 0.1)))
    times = int(carrier.most * share) // len(fragment.encode(errors="surrogatepass"))
    size = len(carrier.content(f"{head}{fragment * times}{tail}"))
    times = min(times, int(times * LARGEST * share) // size)  # for a carrier that makes more of a text than it is
    return {
        f"{folder}/{STUDENT}/{carrier.name}": carrier.content(f"{head}{fragment * count}{tail}")
        for folder, count in (("small", times // 4), ("large", times))
    }
