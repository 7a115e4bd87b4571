"""Makes the demo cohort as a tutor downloads it from Moodle: a zip of all submissions, and the grading worksheet.

``students`` has a folder for each way in which a student handed in, with the name that Moodle gives it. What a student
wrote is kept there as text: a file ``NAME.docx.txt``, ``NAME.pdf.txt`` or ``NAME.ipynb.txt`` is converted, the last one
by filling in the template's notebook. A folder ``NAME.zip`` is packed, and a script that begins with ``class Net`` is
put into the template's script. ``worksheet.csv`` is Moodle's list of the participants.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent
STUDENTS = HERE / "students"
TEMPLATE = HERE.parents[1] / "student_template"
ASSIGNMENT = "COMP4660-Lab4-48213"
HANDED_IN = (2026, 3, 27, 16, 40, 0)
"""The time of every file, so that the zip has the same bytes each time."""
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
WORD_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"


def make_demo(folder: Path) -> Path:
    """Write the zip and the worksheet into ``folder``, which is made if it is missing. Returns the zip's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"Grades-{ASSIGNMENT}.csv").write_bytes((HERE / "worksheet.csv").read_bytes())
    path = folder / f"{ASSIGNMENT}.zip"
    path.write_bytes(zipped(handed_in(STUDENTS)))
    return path


def handed_in(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file that the students handed in, from the sources in ``folder``."""
    for source in sorted(folder.iterdir()):
        if source.suffix == ".zip":
            yield source.name, zipped(handed_in(source))
        elif source.is_dir():
            yield from ((f"{source.name}/{name}", content) for name, content in handed_in(source))
        else:
            yield converted(source)


def converted(source: Path) -> tuple[str, bytes]:
    """Name and content of the file that a student made of the text in ``source``."""
    target = source.with_suffix("") if source.suffix == ".txt" else source
    convert = {".docx": word_document, ".pdf": printed_page, ".ipynb": filled_notebook, ".py": whole_script}
    if (target == source and source.suffix != ".py") or target.suffix not in convert:
        return source.name, source.read_bytes()
    return target.name, convert[target.suffix](source.read_text(encoding="utf-8"))


def whole_script(text: str) -> bytes:
    """The template's script with the class ``Net`` in ``text``."""
    template = (TEMPLATE / "task1_cnn.py").read_text(encoding="utf-8")
    before, rest = template.split("class Net", 1)
    return f"{before}{text}\n\n{rest[rest.index('def parse_arguments') :]}".encode()


def filled_notebook(text: str) -> bytes:
    """The template's notebook with the answers in ``text``, each below its mark such as ``<!-- lab4:q6a -->``."""
    notebook = json.loads((TEMPLATE / "part1_answers.ipynb").read_text(encoding="utf-8"))
    answers = re.findall(r"(<!-- lab4:\w+ -->\n)([^<]*)", text)
    cells = {cell["source"][0]: cell for cell in notebook["cells"]}
    for mark, answer in answers:
        cells[mark]["source"] = [mark, *answer.strip().splitlines(keepends=True)]
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode()


def word_document(text: str) -> bytes:
    """A Word document with the lines of ``text`` as its paragraphs."""
    lines = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>' for line in text.split("\n")
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{WORD_TYPE}"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{OFFICE}" Target="word/document.xml"/></Relationships>',
        "word/document.xml": f'<w:document xmlns:w="{WORD}"><w:body>{lines}</w:body></w:document>',
    }
    return zipped((name, f'<?xml version="1.0" encoding="UTF-8"?>\n{part}'.encode()) for name, part in parts.items())


def printed_page(text: str) -> bytes:
    """A PDF of one page with the lines of ``text``, in ASCII."""
    escaped = re.sub(r"([()\\])", r"\\\1", text)
    stream = "BT /F1 11 Tf 15 TL 60 780 Td " + "".join(f"({line}) Tj T* " for line in escaped.split("\n")) + "ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    page, table = "%PDF-1.4\n", "0000000000 65535 f \n"
    for number, content in enumerate(objects, 1):
        table += f"{len(page):010d} 00000 n \n"
        page += f"{number} 0 obj\n{content}\nendobj\n"
    size = len(objects) + 1
    end = f"xref\n0 {size}\n{table}trailer<</Root 1 0 R/Size {size}>>\nstartxref\n{len(page)}\n%%EOF\n"
    return (page + end).encode("ascii")


def zipped(files: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name, HANDED_IN), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


if __name__ == "__main__":
    print(make_demo(Path(sys.argv[1])))
