"""Decide by name alone which files are ignored, and which are scripts, documents or archives."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from grader.submissions.naming import own_words, stem

SCRIPT_SUFFIXES = frozenset({".py", ".pyw", ".ipynb"})
_LOOSE_SUFFIXES = frozenset({"", ".txt", ".text", ".py3"})
_READABLE = ".ipynb .md .markdown .txt .text .rst .tex .docx .docm .odt .rtf .pdf .html .htm"
_UNREADABLE = ".doc .pages .wps .ppt .pptx .odp .key .xps .djvu .epub .mht .mhtml"
DOCUMENT_SUFFIXES = frozenset(f"{_READABLE} {_UNREADABLE}".split())
"""Of the second kind, the report says that a person must read them."""
ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".7z", ".rar")
"""What an archive really is, its content says."""

_CLUTTER_FOLDERS = """
__macosx __pycache__ __pypackages__ node_modules site-packages venv env virtualenv data mnist fashionmnist
checkpoint checkpoints runs wandb lightning_logs lost+found $recycle.bin
"""
_FOLDERS = frozenset(_CLUTTER_FOLDERS.split())
_FOLDER = re.compile(r"^\.|^venv|\.egg-info$|\.dist-info$|^env\d*$")
_CLUTTER_FILES = """
thumbs.db desktop.ini expected.toml conftest.py pytest.ini tox.ini setup.cfg pyproject.toml
sitecustomize.py usercustomize.py
"""
_FILES = frozenset(_CLUTTER_FILES.split()) | {"icon\r"}
_FILE = re.compile(
    r"^\.|^~\$|~$|-ubyte(?:\.gz)?$|\.(?:pt|pth|ckpt|onnx|h5|hdf5|safetensors|pyc|pyo|swp|tmp|crdownload|part)$"
)
_TEST = re.compile(r"^(?:test_.*|.*_test|tests?|test_self_check)$")
_NOT_DOCUMENTS = frozenset({"requirements.txt", "timestamp.txt", "license.txt", "license.md", "license", "makefile"})
_TABLE = re.compile(r"\.(?:csv|tsv|toml|ya?ml|json|xlsx?|ods|log|ini|cfg|db|sqlite)$")
_ABOUT_COHORT = """
readme licence license requirements lab sheet instruction instructions rubric marks marking grades grade notes
roster index assignment worksheet todo changelog spec specification handout handouts guide scheme list students class
course tutorial week example sample note notes
"""
_SHEET = frozenset(_ABOUT_COHORT.split())
_NOT_THE_STUDENTS = re.compile(r"(?:solutions|handouts?|student_template|selfcheck)", re.I)


def is_clutter_folder(name: str) -> bool:
    """True for folders without the student's own work: caches, environments, data sets, hidden folders."""
    low = name.casefold()
    return low in _FOLDERS or bool(_FOLDER.search(low))


def is_clutter_file(name: str) -> bool:
    """True for files that are always ignored: system files, MNIST, weights, settings of Python or pytest."""
    low = name.casefold()
    return low in _FILES or bool(_FILE.search(low))


def is_clutter(path: str) -> bool:
    """Whether a file, given by its relative POSIX path, is ignored because of its name or a folder's."""
    *folders, name = PurePosixPath(path).parts or ("",)
    return is_clutter_file(name) or any(is_clutter_folder(f) for f in folders)


def is_test_name(name: str) -> bool:
    """True for names that test runners collect."""
    return bool(_TEST.match(PurePosixPath(name).stem.casefold()))


def is_foreign_script(path: str) -> bool:
    """True inside folders with somebody else's script: a copied solution or handout."""
    return any(_NOT_THE_STUDENTS.fullmatch(part) for part in PurePosixPath(path).parts[:-1])


def is_loose(name: str) -> bool:
    """True for files that are scripts only if their text clearly is one: ``cnn.txt``, ``cnn``, ``cnn.py.bak``."""
    path = PurePosixPath(name.casefold())
    return path.suffix in _LOOSE_SUFFIXES or ".py" in path.suffixes[:-1]


def is_archive(name: str) -> bool:
    """True for the names of archives, also of those that are not opened."""
    return name.casefold().endswith(ARCHIVE_SUFFIXES)


def is_document(path: str) -> bool:
    """True for files that may contain Part 1 answers."""
    name = PurePosixPath(path).name.casefold()
    return PurePosixPath(name).suffix in DOCUMENT_SUFFIXES | {""} and name not in _NOT_DOCUMENTS


def is_table(name: str) -> bool:
    """True for tables, settings and logs, such as a worksheet or a gradebook."""
    return bool(_TABLE.search(name.casefold()))


def is_cohort_note(name: str) -> bool:
    """True for a file beside students' folders that is about the cohort: a README, a worksheet, the lab's sheet."""
    return is_table(name) or all(word.rstrip("0123456789") in _SHEET for word in own_words(stem(name)))
