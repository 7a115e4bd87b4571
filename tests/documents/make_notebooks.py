"""Makes ``template-*`` with JupyterLab in a browser, with nbconvert and with nbgrader, when it is run.

They are the handed-out notebook after these programs wrote it. They are committed, so the tests need none of them. It
takes an environment of its own (``pip install jupyterlab nbgrader playwright``) and Chromium; versions: README.md.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
TEMPLATE = HERE.parent.parent / "student_template" / "part1_answers.ipynb"

STUDENT = r"""
async () => {
  const app = window.jupyterapp, panel = app.shell.currentWidget, notebook = panel.content;
  await panel.context.ready;
  const index = id => notebook.widgets.findIndex(cell => cell.model.id === id);
  const model = id => notebook.widgets[index(id)].model.sharedModel;
  const select = id => { notebook.activeCellIndex = index(id); notebook.deselectAll(); };
  const run = command => app.commands.execute('notebook:' + command);
  const write = (id, text) =>
    model(id).setSource(model(id).getSource().replace('*Write your answer here.*', text));
  const below = async (id, text) => {
    select(id);
    await run('insert-cell-below');
    await run('change-cell-to-markdown');
    notebook.activeCell.model.sharedModel.setSource(text);
  };

  write('answer-1', 'A network with several hidden layers.');
  model('answer-2').setSource(model('answer-2').getSource() +
    '\n\nDeep networks learn features from raw data; in older methods people design them by hand.');

  write('answer-3', 'Images and other data on a grid.\n\nAlso sounds.');
  select('answer-3');
  notebook.mode = 'edit';
  await new Promise(done => setTimeout(done, 500));
  const editor = notebook.activeCell.editor;
  editor.setCursorPosition(editor.getPositionAt(model('answer-3').getSource().indexOf('Also')));
  await run('split-cell-at-cursor');
  notebook.mode = 'command';

  model('answer-4').setSource('They see different parts of the input.');
  await below('answer-5', 'It makes the feature maps smaller.');
  write('answer-6a', '| 4 | 5 |\n|---|---|\n| 1 | 3 |');
  write('answer-6b', '[2.5, 2.5, 0.5, 2]');
  await below('question-7a', 'As many as the designer wants.');
  write('answer-7b', 'The input of the layer, with a dot product.');
  select('answer-7b');
  await run('change-cell-to-code');
  write('answer-7d', 'One.');
  write('answer-7e', 'In the feature map.');
  write('answer-8', 'Against overfitting.');
  write('observations', 'I tried these:\n\n1. 3 x 3 kernels\n2. twice the channels\n\nBoth worked.');

  const count = notebook.widgets.length;
  for (const id of ['question-8', 'answer-8']) { select(id); await run('delete-cell'); }
  await app.commands.execute('docmanager:save');
  return notebook.widgets.length === count;
}
"""
"""What a student does: answers in, below and above the place for them, splits one cell, makes one a code cell."""
READY = "() => (window.jupyterapp?.shell.currentWidget?.content?.widgets ?? []).length > 20"


def main() -> None:
    """Write every document anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["HOME"] = os.environ["JUPYTER_CONFIG_DIR"] = str(folder)
        by_a_student(folder / "lab")
        as_a_page(folder)
        by_nbgrader(folder / "course")


def by_a_student(folder: Path) -> None:
    """Answers given in JupyterLab's own pages, and saved by its server."""
    from playwright.sync_api import sync_playwright

    folder.mkdir()
    shutil.copy(TEMPLATE, folder / TEMPLATE.name)
    with lab(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        for _ in range(60):
            try:
                page.goto(f"{address}/lab/tree/{TEMPLATE.name}")
                break
            except Exception:  # the server is not up yet; whatever else is wrong shows below
                page.wait_for_timeout(1000)
        page.wait_for_function(READY, timeout=120_000)
        page.wait_for_timeout(3000)
        if not page.evaluate(STUDENT):
            sys.exit("JupyterLab deleted a cell that the template protects.")
        browser.close()
    shutil.copy(folder / TEMPLATE.name, HERE / "template-jupyterlab.ipynb")


@contextmanager
def lab(folder: Path) -> Iterator[str]:
    """JupyterLab on a free port of this machine; the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--port={port}", "--ip=127.0.0.1", "--no-browser", "--allow-root", "--expose-app-in-browser"]
    options += ["--IdentityProvider.token=", f"--ServerApp.root_dir={folder}"]
    server = subprocess.Popen([program("jupyter-lab"), *options], stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def as_a_page(folder: Path) -> None:
    """The student's notebook exported, without the 280 kB of style that the usual export has in front."""
    command = [program("jupyter-nbconvert"), "--to", "html", "--template", "basic", "--output-dir", str(folder)]
    subprocess.run([*command, str(HERE / "template-jupyterlab.ipynb")], check=True)
    shutil.copy(folder / "template-jupyterlab.html", HERE / "template-nbconvert.html")


def program(name: str) -> str:
    """The program of that name beside this Python."""
    return str(Path(sys.executable).with_name(name))


def by_nbgrader(folder: Path) -> None:
    """The release version, which nbgrader makes only from metadata that it accepts."""
    source = folder / "source" / "lab4"
    source.mkdir(parents=True)
    shutil.copy(TEMPLATE, source)
    subprocess.run([program("nbgrader"), "validate", str(source / TEMPLATE.name)], cwd=folder, check=True)
    subprocess.run([program("nbgrader"), "generate_assignment", "lab4", "--create"], cwd=folder, check=True)
    shutil.copy(folder / "release" / "lab4" / TEMPLATE.name, HERE / "template-nbgrader-release.ipynb")


if __name__ == "__main__":
    main()
