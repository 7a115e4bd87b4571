"""Sort, clean and compare the names of students, files and folders, without access to the disk."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from grader.storage.folder_names import LONGEST_NAME, RESERVED, shown

LONGEST_ID = 120

_GENERIC = """
lab labs part parts task tasks src source sources code codes script scripts python py submission submissions submit
assignment answer answers doc docs document documents report reports figure figures fig figs image images img plot
plots result results output outputs log logs old backup archive final latest new version v ver copy main model
models net network cnn convnet deep learning mnist train training trained util utils helper helpers config layer
layers experiment experiments notebook notebooks comp question questions q written theory practical solution
solutions my the for and of test tests lib libs package work project screenshot screenshots extra misc attachments
pytorch torch exercise exercises file files ex digits classifier
"""
GENERIC_WORDS = frozenset(_GENERIC.split())
"""Words that name a piece of work and not a person; see ``is_generic``."""

_VERSION_WORD = re.compile(
    r"(?<![^\W_])(?:v|ver|version|rev|revision|attempt|try|final|(?:re)?submission)[\W_]?(\d{1,3})(?!\d)", re.IGNORECASE
)
_STATE_WORD = re.compile(
    r"(?<![^\W_])(final|latest|newest|(?:re-?)?(?:submit|submitted|submission)|fixed|revised|corrected|updated|new|copy|old|older|backup|bak|orig|"
    r"original|template|blank|draft|broken|deprecated)\d?(?![^\W_])",
    re.IGNORECASE,
)
_COPY_NUMBER = re.compile(r"(?:\s*\((\d{1,2})\)|(?<!\d)[-_](\d{1,2}))$")
"""The number that a browser or an LMS gives to another file of the same name; also one that a student adds."""
_COMPUTER = re.compile(r"-(?:desktop|laptop|win|pc|mac\w*)-[a-z0-9]{3,12}$", re.IGNORECASE)
"""The name of a computer that OneDrive adds to the second of two versions."""
_VERSION_ONLY = re.compile(r"(?:v|ver|version|final|older?|new|latest|backup|copy|orig(?:inal)?|draft)[\W_]*\d*", re.I)
_STATES = {"final": 1000, "latest": 1000, "newest": 1000, "submit": 900, "submitted": 900, "submission": 900}
_STATES |= {"fixed": 600, "revised": 600, "corrected": 600, "updated": 600, "new": 500, "copy": -1}


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """A sort key that puts ``s2`` before ``s10``; case decides only between names that are equal otherwise."""
    pieces = re.findall(r"\d{1,18}|\D+", name)
    key = tuple((0, int(p), "") if p.isdecimal() else (1, 0, p.casefold()) for p in pieces)
    return (*key, (2, 0, name))


def name_order(name: str) -> tuple[object, ...]:
    """A sort key for people's names: as :func:`natural_key`, with letters with accents beside those without."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return natural_key(plain.casefold()), name


def printable(name: str) -> str:
    """``name`` in composed form, without bytes and characters that are unsafe to show; at most 120 characters."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if _is_escaped(name) else name
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = unicodedata.normalize("NFC", text)
    text = "".join(" " if c.isspace() else "_" if unicodedata.category(c)[0] == "C" else c for c in text)
    text = re.sub(r" {2,}", " ", text).strip()
    return text[:LONGEST_ID].strip() or "unnamed"


def _is_escaped(name: str) -> bool:
    """True if every lone surrogate in ``name`` represents an undecodable byte of a file name."""
    return all("\udc80" <= c <= "\udcff" for c in name if "\ud800" <= c <= "\udfff")


def clean_component(name: str) -> str:
    """A path component that every file system accepts and a terminal can show; plain names stay unchanged."""
    text = "".join("_" if c in '<>:"|?*\\/' else c for c in shown(name)).rstrip(" .")
    if not text or text in {".", ".."}:
        return "_"
    if RESERVED.match(text):
        text = f"_{text}"
    stem, dot, suffix = text.rpartition(".")
    tail = f"{dot}{suffix}" if stem and len(suffix) <= 10 else ""
    head = stem if tail else text
    room = LONGEST_NAME - len(tail.encode())
    head = head.encode()[:room].decode("utf-8", "ignore")
    return (head + tail).rstrip(" .")


def folded(path: str) -> str:
    """A form that is equal for two paths that are the same on a case-insensitive or normalising file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def unique_ids(ids: list[str]) -> list[str]:
    """The same ids in the same order; an id that equals an earlier one (ignoring case) becomes ``id (2)``."""
    taken: set[str] = {folded(id) for id in ids}
    used: set[str] = set()
    result = []
    for id in ids:
        name, number = id, 2
        while folded(name) in used or (name != id and folded(name) in taken):
            name, number = f"{id} ({number})", number + 1
        used.add(folded(name))
        result.append(name)
    return result


def stem(name: str) -> str:
    """``name`` without known suffixes (``task1_cnn.py.txt`` gives ``task1_cnn``)."""
    while True:
        head, dot, tail = name.rpartition(".")
        if not (head and dot and tail.casefold() in _SUFFIXES):
            return name
        name = head


_KNOWN = "py pyw ipynb txt zip md docx doc pdf html htm odt rtf rar 7z tar gz tgz tbz tbz2 txz bz2 xz tex"
_SUFFIXES = frozenset(_KNOWN.split())
_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{0,8}", re.IGNORECASE)


def stem_of_any(name: str) -> str:
    """``name`` without its suffixes, known or not."""
    known = stem(name)
    path = PurePosixPath(name)
    return path.stem if known == name and _SUFFIX.fullmatch(path.suffix) else known


def words(name: str) -> list[str]:
    """The words of a stem, each with the digits after it: ``alice_task1-cnn`` gives alice, task1, cnn."""
    return re.findall(r"[^\W\d_]+\d*|\d+", name.casefold())


def own_words(name: str) -> tuple[str, ...]:
    """The words of a stem that may name a person: without ``GENERIC_WORDS`` and their numbers."""
    own: list[str] = []
    was_generic = False
    for word in words(name):
        bare = word.rstrip("0123456789")
        is_number = not bare
        is_generic = (was_generic if is_number else bare in GENERIC_WORDS) and len(word) - len(bare) <= 4
        if not is_generic:
            own.append(word)
        was_generic = is_generic
    return tuple(own)


def is_generic(name: str) -> bool:
    """True for a stem that names work (``Lab 4``, ``part2``, ``src``), not a student (``alice``, ``u1234567``)."""
    return bool(words(name)) and not own_words(name)


def version(name: str) -> int:
    """The version that a name gives, higher for later ones; 0 without one, below 0 for copies and old versions."""
    rank = max((int(v) for v in _VERSION_WORD.findall(name)), default=0)
    states = [_state(word.casefold()) for word in _STATE_WORD.findall(name)]
    if any(s < 0 for s in states):
        return min(states)
    return rank + max(states, default=0)


def _state(word: str) -> int:
    return 1100 if word.startswith("re") and "submi" in word else _STATES.get(word, -1000)


def copy_number(name: str) -> int:
    """The number at the end of a stem that tells files of the same name apart: 2 for ``a (2)`` and ``a-2``, else 0."""
    found = _COPY_NUMBER.search(name)
    return int(found[1] or found[2]) if found else 0


def without_copy_mark(name: str) -> str:
    """A stem without the number or the computer's name that tells files of the same name apart."""
    return _COMPUTER.sub("", _COPY_NUMBER.sub("", name))


def without_version(name: str) -> str:
    """A stem without words and numbers for versions, in lower case and without separators."""
    text = without_copy_mark(name)
    text = _STATE_WORD.sub("", _VERSION_WORD.sub("", text))
    return re.sub(r"[\W_]+", "", text).casefold()


def is_version_of(name: str) -> bool:
    """True for a name that is only a version: ``v2``, ``final``, ``old``."""
    return bool(_VERSION_ONLY.fullmatch(name))


def is_lab_name(name: str) -> bool:
    """True for ``task1_cnn`` with any case, separators, suffix or version."""
    return without_version(stem(name)) == "task1cnn"
