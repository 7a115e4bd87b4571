"""Makes the documents beside it with LibreOffice, Chromium, python-docx and nbformat, when it is run.

The results are committed, so the tests need none of these programs. A scan is a page with a picture alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.support.answer_tables import ANSWERS, QUESTIONS  # noqa: E402  # needs the path above

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def listed(questions: bool) -> str:
    """The sheet as nested lists, with the questions or without."""

    def item(part: str) -> str:
        asked = f"{QUESTIONS[part].replace(chr(9), ' ').replace(chr(10), '<br>')}<br>" if questions else ""
        return f"<li>{asked}{ANSWERS.get(part, '' if questions else 'Answers:')}"

    body = "".join(item(n) + "</li>" for n in "12345")
    body += item("6") + "<ol type='a'>" + "".join(item(p) + "</li>" for p in ("6a", "6b")) + "</ol></li>"
    body += item("7") + "<ol type='a'>" + "".join(item(f"7{s}") + "</li>" for s in "abcde") + "</ol></li>" + item("8")
    return page(f"<h1>Lab 4</h1><h2>Part 1: Deep Learning Basics</h2><ol>{body}</li></ol><h2>Part 2</h2><p>1. Nets</p>")


def tabled() -> str:
    rows = "".join(f"<tr><td>{p}</td><td>{a}</td></tr>" for p, a in ANSWERS.items())
    return page(f"<table border=1><tr><th>Question</th><th>Answer</th></tr>{rows}</table>")


def page(body: str) -> str:
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body>{body}</body></html>'


def office(source: Path, suffix: str, name: str, folder: Path) -> None:
    command = ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", suffix]
    if source.suffix == ".html":
        command += ["--infilter=HTML (StarWriter)"]
    subprocess.run([*command, "--outdir", str(folder), str(source)], check=True, capture_output=True, timeout=170)
    shutil.move(folder / f"{source.stem}.{suffix.partition(':')[0]}", HERE / name)


def chromium(source: Path, name: str) -> None:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    subprocess.run(
        [*command, f"--print-to-pdf={HERE / name}", str(source)], check=True, capture_output=True, timeout=100
    )


def word_styles(name: str) -> None:
    """Numbers by Word's own list styles, the way python-docx and the ribbon's gallery set them."""
    import docx

    document = docx.Document()
    document.add_heading("Lab 4", 0)
    for part, answer in ANSWERS.items():
        if part[1:] in {"", "a"}:
            document.add_paragraph("Answers" if part[1:] else answer, style="List Number")
        if part[1:]:
            document.add_paragraph(f"({part[1:]}) {answer}", style="List Continue")
    document.save(str(HERE / name))


def notebooks() -> None:
    import nbformat
    from nbformat import v3, v4

    cells = [v4.new_markdown_cell("# Lab 4 Part 1")]
    for part, answer in ANSWERS.items():
        cells.append(v4.new_markdown_cell(f"**{part}.** {QUESTIONS[part]}"))
        cells.append(v4.new_markdown_cell(answer))
    cells.append(v4.new_code_cell("import torch\nimport torch.nn as nn"))
    nbformat.write(v4.new_notebook(cells=cells), HERE / "all-v4.ipynb")
    old = [v3.new_heading_cell(f"Question {p}", level=3) if i == 0 else v3.new_text_cell("markdown", source=a)
           for p, a in ANSWERS.items() for i in (0, 1)]  # fmt: skip
    (HERE / "all-v3.ipynb").write_text(v3.writes_json(v3.new_notebook(worksheets=[v3.new_worksheet(cells=old)])))


def main() -> None:
    """Write every document anew."""
    notebooks()
    word_styles("all-word-styles.docx")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for stem, text in {"list": listed(False), "sheet": listed(True), "table": tabled()}.items():
            source = folder / f"{stem}.html"
            source.write_text(text, encoding="utf-8")
            chromium(source, f"all-{stem}-chromium.pdf")
            office(source, "docx:MS Word 2007 XML", f"all-{stem}-libreoffice.docx", folder)
            office(HERE / f"all-{stem}-libreoffice.docx", "pdf", f"all-{stem}-libreoffice.pdf", folder)
            if stem != "sheet":
                office(source, "odt:writer8", f"all-{stem}-libreoffice.odt", folder)
                office(source, "rtf:Rich Text Format", f"all-{stem}-libreoffice.rtf", folder)
        scan = folder / "scan.html"
        scan.write_text(page(f'<img width=300 src="data:image/png;base64,{PIXEL}">'), encoding="utf-8")
        chromium(scan, "scan.pdf")


if __name__ == "__main__":
    main()
