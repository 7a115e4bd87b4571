"""The attack corpus: the submissions in ``tests/attacks``, and those that cannot be committed.

An attack is a folder FAMILY/WHAT-IT-DOES with an ``expected.toml``. Its keys are ``about`` (one sentence), ``at_most``
(the highest mark of Part 2 that it may get), ``at_least`` (the lowest mark, if its network deserves marks), ``flags``
(each an id, or a list of ids of which one is required), ``endings`` (how the worker may end) and ``planted`` (files
that are copies of ``planted.py``). In a cohort, the attack is a student with the name FAMILY-WHAT-IT-DOES. Each attack
that imports ``forged.py`` gets a copy. This module makes zip bombs, links, pipes, hostile names and oversized files,
all of limited size. It runs nothing.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import socket
import stat
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from grader.lab4.items import PART1_IDS
from grader.submissions.naming import printable
from tests.support.document_samples import costly_pdf
from tests.support.places import TESTS

ATTACKS = TESTS / "attacks"
FORGED = ATTACKS / "forged.py"
"""Made-up evidence, for the attacks that hand it in."""
PLANTED = ATTACKS / "planted.py"
"""Leaves a mark where it is imported, for the attacks that plant it under a name that the grader loads."""
KEYS = {"about", "at_most", "at_least", "flags", "endings", "planted"}
POINTS = 17
"""Of Part 2."""
POOR = 8.5
"""What a single linear layer with raw scores earns by itself."""
MARKER = "LAB4-ATTACK-"
"""How the name of every file begins that an attack leaves outside of its folder."""
LEAK = "LAB4-LEAK-OK"
"""What an attack prints when it could read something that is none of its business."""


@dataclass(frozen=True)
class Attack:
    """What a hostile submission may get. ``name`` is the student's id in the results.

    ``flags`` holds, for each flag that is due, the ids of which one must be there; ``endings`` the kinds of ending that
    are allowed, empty for any; ``planted`` the files of its folder that are copies of ``planted.py``.
    """

    name: str
    about: str
    family: str
    at_most: float
    at_least: float | None = None
    flags: tuple[tuple[str, ...], ...] = ()
    endings: tuple[str, ...] = ()
    planted: tuple[str, ...] = ()


Maker = Callable[[Path], None]
"""Fills the folder of a submission, which exists and is empty."""


def build(target: Path, *, wants: Callable[[str], bool] = lambda name: True) -> tuple[Attack, ...]:
    """Put the attacks below ``target``, which is made when missing: the committed ones as copies, the others new.

    ``wants`` says for an attack's name whether it is to be there.
    """
    target.mkdir(parents=True, exist_ok=True)
    attacks = []
    for source in committed():
        attack = read(source)
        if not wants(attack.name):
            continue
        folder = target / attack.name
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("expected.toml", "__pycache__"))
        script = folder / "task1_cnn.py"
        if script.is_file() and "import forged\n" in script.read_text(encoding="utf-8"):
            shutil.copy(FORGED, folder)
        for place in attack.planted:
            (folder / place).parent.mkdir(exist_ok=True)
            shutil.copy(PLANTED, folder / place)
        attacks.append(attack)
    for attack, make in ((attack, make) for attack, make in MADE if wants(attack.name)):
        folder = target / attack.name
        folder.mkdir()
        make(folder)
        attacks.append(attack)
    for name, at_most in HOSTILE_NAMES.items():
        folder = target / os.fsdecode(name)
        id = printable(folder.name)
        if wants(id):
            folder.mkdir()
            (folder / "task1_cnn.py").write_text(GOOD_TEXT if at_most == POINTS else POOR_TEXT, encoding="utf-8")
            attacks.append(Attack(id, f"The folder of a submission is called {id}.", "names", at_most, at_most))
    return tuple(attacks)


def committed() -> list[Path]:
    """The folders of the attacks that lie in the repository."""
    return sorted(path.parent for path in ATTACKS.glob("*/*/expected.toml"))


def name_of(folder: Path) -> str:
    """The student's id that the attack in ``folder`` goes by."""
    return f"{folder.parent.name}-{folder.name}"


def read(folder: Path) -> Attack:
    """What ``expected.toml`` in ``folder`` says."""
    table: Mapping[str, Any] = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    return Attack(
        name=name_of(folder),
        about=table["about"],
        family=folder.parent.name,
        at_most=float(table["at_most"]),
        at_least=float(table["at_least"]) if "at_least" in table else None,
        flags=tuple((ids,) if isinstance(ids, str) else tuple(ids) for ids in table.get("flags", ())),
        endings=tuple(table.get("endings", ())),
        planted=tuple(table.get("planted", ())),
    )


# ---- nets --------------------------------------------------------------------------------------------------------

GOOD_TEXT = """import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
"""
POOR_TEXT = """import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))
"""

# ---- makers ------------------------------------------------------------------------------------------------------


def text(content: str, *, name: str = "task1_cnn.py", encoding: str = "utf-8") -> Maker:
    """One file of text."""
    return lambda folder: void((folder / name).write_text(content, encoding=encoding, newline="\n"))


def raw(content: bytes, *, name: str = "task1_cnn.py") -> Maker:
    """One file of bytes."""
    return lambda folder: void((folder / name).write_bytes(content))


def both(*makers: Maker) -> Maker:
    """Several makers, in order."""

    def make(folder: Path) -> None:
        for maker in makers:
            maker(folder)

    return make


def void(_: object) -> None:
    """Nothing, whatever was given."""


def zipped(members: Mapping[str, bytes], *, name: str = "lab4.zip", modes: Mapping[str, int] | None = None) -> Maker:
    """A zip with these members, named as they stand; ``modes`` sets Unix types and permissions."""
    return raw(zip_bytes(members, modes or {}), name=name)


def zip_bytes(members: Mapping[str, bytes], modes: Mapping[str, int]) -> bytes:
    """A zip as bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            info = zipfile.ZipInfo(path)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = modes.get(path, stat.S_IFREG | 0o644) << 16
            archive.writestr(info, content)
    return stream.getvalue()


def nested_zips(depth: int) -> bytes:
    """A good script in a zip in a zip, ``depth`` deep."""
    content = zip_bytes({"task1_cnn.py": GOOD_TEXT.encode()}, {})
    for level in range(depth - 1):
        content = zip_bytes({f"level{level}.zip": content}, {})
    return content


def bomb(folder: Path) -> None:
    """A zip of some 300 kB that unpacks to 300 MiB of zeros, beside a good script in it."""
    with zipfile.ZipFile(folder / "lab4.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("task1_cnn.py", GOOD_TEXT)
        with archive.open("data.txt", "w") as stream:
            for _ in range(300):
                stream.write(bytes(1 << 20))


def zips_in_a_zip(folder: Path) -> None:
    """A zip of some megabytes with zips that unpack to 2 GB together, each within the limits for one archive."""
    block = random.Random(1).randbytes(12_000) * 14_000
    inner = zip_bytes({"notes.txt": block}, {})
    assert len(block) < 200 * len(inner)
    (folder / "work.zip").write_bytes(zip_bytes({f"part{n}.zip": inner for n in range(12)}, {}))


def slow_pdf(folder: Path) -> None:
    """A PDF of 30 kB whose page takes minutes to read."""
    costly_pdf(folder / "part1.pdf", 2_000_000)


def lying_sizes(folder: Path) -> None:
    """A zip whose directory claims one byte for a member of a megabyte."""
    content = bytearray(zip_bytes({"task1_cnn.py": GOOD_TEXT.encode(), "notes.txt": bytes(1 << 20)}, {}))
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1).to_bytes(4, "little")
    (folder / "lab4.zip").write_bytes(content)


def link(place: str, *, name: str = "task1_cnn.py") -> Maker:
    """A symbolic link ``name`` to ``place``."""
    return lambda folder: (folder / name).symlink_to(place)


def pipe(name: str = "task1_cnn.py") -> Maker:
    """A named pipe, which blocks whoever opens it."""
    return lambda folder: os.mkfifo(folder / name)


def listening_socket(folder: Path) -> None:
    """A socket in the file system, under the script's name; nobody listens any more."""
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # the address of a socket may have some 100 bytes only
        try:
            server.bind("task1_cnn.py")
        finally:
            os.chdir(here)


def notebook(*cells: object, **fields: object) -> Maker:
    """A notebook with these cells, each a string of code or a cell as it stands."""
    made = [code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    content = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | fields
    return text(json.dumps(content), name="task1_cnn.ipynb")


def code_cell(source: str, **fields: object) -> dict[str, object]:
    """A code cell."""
    return {
        "cell_type": "code",
        "id": "a1",
        "metadata": {},
        "source": source,
        "execution_count": 1,
        "outputs": [],
    } | fields


def output(kind: str, content: object) -> dict[str, object]:
    """A cell's output of one kind."""
    return {"output_type": "display_data", "metadata": {}, "data": {kind: content}}


# ---- the attacks that are made -----------------------------------------------------------------------------------


def attack(name: str, about: str, at_most: float, make: Maker, **expected: Any) -> tuple[Attack, Maker]:
    """An attack and what makes it; its family is the first word of its name."""
    return replace(Attack(name, about, name.partition("-")[0], at_most), **expected), make


good = GOOD_TEXT.encode()
_script = text(GOOD_TEXT)
_deep = "(" * 100_000 + "1" + ")" * 100_000
_html = output("text/html", "<script>document.title = 17</script>")
MADE: tuple[tuple[Attack, Maker], ...] = (
    attack("archives-zip-slip", "A zip writes above its folder.", 1,
           zipped({f"../../{MARKER}slip.py": b"x = 1\n", "task1_cnn.py": good})),
    attack("archives-zip-slip-beside-a-script", "A zip that writes above its folder lies beside a good script.", 17,
           both(_script, zipped({f"../{MARKER}slip.py": b"x = 1\n"})), at_least=17, flags=(("archive-refused",),)),
    attack("archives-zip-absolute", "A zip holds an absolute path.", 1,
           zipped({f"/tmp/{MARKER}absolute": b"x", "task1_cnn.py": good})),
    attack("archives-zip-windows-path", "A zip holds a path with a drive and backslashes.", 1,
           zipped({f"C:\\Temp\\{MARKER}drive": b"x", f"..\\..\\{MARKER}back": b"x", "task1_cnn.py": good})),
    attack("archives-zip-device-names", "A zip holds files named after Windows devices.", 17,
           zipped({"CON.py": b"x = 1\n", "aux.txt": b"x", "NUL": b"x", "task1_cnn.py": good})),
    attack("archives-zip-hostile-names", "A zip holds names with escapes, markup and line ends.", 17,
           zipped({"\x1b[31m<b>.py": b"x = 1\n", "[red]\n=1+1.txt": b"x", "task1_cnn.py": good})),
    attack("archives-zip-link", "A zip holds a symbolic link to the password file.", 1,
           zipped({"task1_cnn.py": b"/etc/passwd"}, modes={"task1_cnn.py": stat.S_IFLNK | 0o777})),
    attack("archives-zip-pipe", "A zip holds a named pipe.", 1,
           zipped({"task1_cnn.py": b""}, modes={"task1_cnn.py": stat.S_IFIFO | 0o666})),
    attack("archives-zip-bomb", "A zip of 300 kB unpacks to 300 MiB.", 1, bomb),
    attack("archives-zip-bomb-beside-a-script", "A zip bomb lies beside a good script.", 17,
           both(_script, bomb), at_least=17, flags=(("archive-refused",),)),
    attack("archives-zip-nested", "A zip in a zip, twelve deep.", 1, raw(nested_zips(12), name="lab4.zip")),
    attack("archives-zip-many-members", "A zip holds six thousand files.", 1,
           zipped({f"notes/{n}.txt": b"x" for n in range(6000)} | {"task1_cnn.py": good})),
    attack("archives-zip-deep-folders", "A zip nests folders three hundred deep.", 1,
           zipped({"a/" * 300 + "x.txt": b"x", "task1_cnn.py": good})),
    attack("archives-zip-lying-sizes", "A zip's directory lies about a member's size.", 17, lying_sizes),
    attack("archives-zip-twins", "A zip holds two files that some computers cannot tell apart.", 17,
           zipped({"task1_cnn.py": good, "TASK1_CNN.PY": POOR_TEXT.encode()})),
    attack("archives-zip-cut-short", "A zip ends in the middle.", 1,
           raw(zip_bytes({"task1_cnn.py": good}, {})[:-40], name="lab4.zip")),
    attack("costs-blank-lines-in-a-script", "Cells of blank lines, on which expressions search for minutes.", 17,
           notebook(GOOD_TEXT, "\n" * 40_000, "(" + "\n" * 40_000)),
    attack("costs-blank-lines-in-answers", "Answers of blank lines.", 17,
           both(_script, text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
               {"cell_type": "markdown", "metadata": {}, "source": f"1.{chr(10) * 100_000}x"}]}), name="part1.ipynb")),
           at_least=17),
    attack("costs-numbers-in-answers", "Answers of thousands of products.", 17,
           both(_script, text("".join(f"<!-- part: {part} -->\n{'1x' * 10_000}\n\n" for part in PART1_IDS),
                              name="part1.md")), at_least=17),
    attack("costs-nested-f-strings", "A script of f-strings, which Python's own parser reads slowly.", 17,
           text(GOOD_TEXT + "s = f'{a}" + "{a!r:{b}}" * 13_000 + "'\n")),
    attack("costs-a-pdf", "A PDF that takes minutes to read.", 17, both(_script, slow_pdf), at_least=17),
    attack("costs-a-page", "A web page of open elements.", 17,
           both(_script, text("<ul><li>" * 100_000, name="part1.html")), at_least=17),
    attack("costs-a-table", "A table of experiments with a million empty cells.", 17,
           both(_script, text("channels,kernel\n" + "," * 1_000_000, name="experiments.csv")), at_least=17),
    attack("costs-zips-in-a-zip", "A zip with zips that unpack to 2 GB together.", 17,
           both(_script, zips_in_a_zip), at_least=17, flags=(("archive-refused",),)),
    attack("notebooks-huge", "A notebook of 12 MB, most of it an image.", 17,
           notebook(code_cell(GOOD_TEXT, outputs=[output("image/png", "A" * 12_000_000)]))),
    attack("notebooks-deep", "A notebook nests lists a hundred thousand deep.", 1,
           text("[" * 100_000 + "]" * 100_000, name="task1_cnn.ipynb")),
    attack("notebooks-broken", "A notebook ends in the middle of a string.", 1,
           text('{"cells": [{"cell_type": "code", "source": "class Net', name="task1_cnn.ipynb")),
    attack("notebooks-version-1", "A notebook claims to be of version 1.", 17,
           notebook(nbformat=1, nbformat_minor=0, cells=[{"cell_type": "code", "code": GOOD_TEXT}])),
    attack("notebooks-version-99", "A notebook claims to be of version 99.", 17, notebook(GOOD_TEXT, nbformat=99)),
    attack("notebooks-wrong-types", "A notebook has numbers where lists and texts should be.", 17,
           notebook(GOOD_TEXT, {"cell_type": 7, "source": {"a": [None]}}, 5, None, metadata=[], nbformat="four")),
    attack("notebooks-not-a-number", "A notebook holds NaN, huge numbers and repeated keys.", 17,
           text('{"nbformat": 4, "nbformat": 4, "nbformat_minor": NaN, "metadata": {"a": 1e999}, "cells": []}',
                name="task1_cnn.ipynb")),
    attack("notebooks-magics", "A notebook's cells start shell commands; the net is good.", 17,
           notebook(f"!touch /tmp/{MARKER}magic\n%%bash\ntouch x", f"%system touch /tmp/{MARKER}magic", GOOD_TEXT,
                    f"get_ipython().system('touch /tmp/{MARKER}magic')"), at_least=17),
    attack("notebooks-hostile-outputs", "A notebook's outputs hold scripts; the net is good.", 17,
           notebook(code_cell(GOOD_TEXT, outputs=[_html])), at_least=17),
    attack("sources-utf7", "A coding line asks for UTF-7, in which the text means something else.", 17,
           text("# -*- coding: utf-7 -*-\n" + GOOD_TEXT)),
    attack("sources-unknown-encoding", "A coding line asks for an encoding that runs code of its own.", 17,
           text("# -*- coding: unicode_escape -*-\n# \\u000aimport os\n" + GOOD_TEXT)),
    attack("sources-zeros", "A script of a megabyte of NUL bytes.", 1, raw(bytes(1 << 20))),
    attack("sources-noise", "A script of random bytes.", 1, raw(bytes(n * n % 251 for n in range(100_000)))),
    attack("sources-utf16", "A script in UTF-16 with lone surrogates.", 17,
           raw(b"\xff\xfe" + GOOD_TEXT.encode("utf-16-le") + b"\x00\xd8\x00\xd8")),
    attack("sources-long-line", "A script with a line of a million characters.", 17,
           text(f"{GOOD_TEXT}\nNOTE = '{'x' * 1_000_000}'\n")),
    attack("sources-deep-expression", "An expression nested a hundred thousand deep.", 1,
           text(f"{GOOD_TEXT}\nDEPTH = {_deep}\n")),
    attack("sources-deep-attributes", "An attribute of an attribute, fifty thousand times.", 17,
           text(f"{GOOD_TEXT}\nDEPTH = F{'.a' * 50_000}\n")),
    attack("sources-deep-sum", "A sum of a hundred thousand terms, which is a tree as deep.", 17,
           text(f"{GOOD_TEXT}\nDEPTH = {'1 + ' * 100_000}1\n")),
    attack("sources-deep-branches", "An elif after an elif, three thousand times.", 17,
           text(f"{GOOD_TEXT}\nif 0:\n    pass\n" + "elif 0:\n    pass\n" * 3000)),
    attack("sources-deep-blocks", "Blocks nested ninety-nine deep, each with a class.", 17,
           text(GOOD_TEXT + "".join(f"{' ' * n}class A{n}:\n" for n in range(99)) + " " * 99 + "pass\n")),
    attack("sources-huge-integer", "An integer of a million digits.", 17,
           text(f"{GOOD_TEXT}\nN = {'9' * 1_000_000}\n")),
    attack("sources-huge-power", "Constants that would fill the memory if they were computed while reading.", 17,
           text(f"{GOOD_TEXT}\nA = 9 ** 9 ** 7\nB = 'x' * 10 ** 9\nC = (0,) * 10 ** 9\nD = 1 << 10 ** 10\n"),
           at_least=17),
    attack("sources-many-lines", "A script of two hundred thousand statements.", 17,
           text(GOOD_TEXT + "".join(f"v{n} = {n}\n" for n in range(200_000)))),
    attack("sources-many-needed-lines", "Net needs a chain of twenty thousand constants.", 17,
           text("v0 = 50\n" + "".join(f"v{n + 1} = v{n}\n" for n in range(20_000))
                + GOOD_TEXT.replace("50", "v20000"))),
    attack("sources-many-files", "A good script among two thousand five hundred others.", 17,
           both(_script, *(text("x = 1\n", name=f"part{n}.py") for n in range(2500)))),
    attack("sources-not-utf8-name", "A helper's name is not UTF-8.", 17,
           both(_script, text("x = 1\n", name=os.fsdecode(b"h\xff\n.py"))), at_least=17),
    attack("links-script", "The script is a link to the password file.", 1, link("/etc/passwd")),
    attack("links-to-a-neighbour", "The script is a link to another student's.", 1,
           link("../text-escapes-in-output/task1_cnn.py")),
    attack("links-folder-to-root", "A folder beside a good script is a link to the root of the file system.", 17,
           both(_script, link("/", name="everything")), at_least=17, flags=(("link-not-followed",),)),
    attack("links-in-a-circle", "Two links point at each other, beside a good script.", 17,
           both(_script, link("b", name="a"), link("a", name="b"), link(".", name="self")), at_least=17),
    attack("links-pipe", "The script is a named pipe, which blocks whoever opens it.", 1, pipe()),
    attack("links-pipe-beside-a-script", "A named pipe under a helper's name lies beside a good script.", 17,
           both(text(f"import helper\n{GOOD_TEXT}"), pipe("helper.py"))),
    attack("links-socket", "The script is a socket.", 1, listening_socket),
    attack("links-endless-file", "The script is a link to a device that never ends.", 1, link("/dev/zero")),
    attack("links-folder-as-script", "The script's name is a folder's.", 1,
           lambda folder: (folder / "task1_cnn.py").mkdir()),
)  # fmt: skip

HOSTILE_NAMES: Mapping[bytes, float] = {
    b"[red]names-markup[bold] [link=x] [nonsense": POOR,
    b"names-\x1b[31mescapes\x07\x1b]0;title\x07": POOR,
    b'=HYPERLINK("names-formula")': POOR,
    b"+names-plus|cmd": POOR,
    b"@names-at": POINTS,
    b"--names-option": POINTS,
    b"names-new\nline\r\ttab": POINTS,
    b"names-<script>alert(1)<": POOR,
    b"names-&lt;b&gt; \"quotes' %s {0} $HOME `id`": POINTS,
    b"names-not-utf8-\xff\xfe": POINTS,
    "names-\u202ebackwards\u2066".encode(): POOR,
    "names-twin-\u00e9".encode(): POINTS,
    b"names-" + b"long" * 62: POINTS,
    b"names-ends-in-dot-and-space. ": POINTS,
    b"names-;rm -rf $(pwd);": POINTS,
}
"""Names of folders, and what the net in each deserves."""
