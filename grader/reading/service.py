"""The child's side of reading: one function for each kind of request, each on plain data from :mod:`json`.

The process is a copy of the grader's own, so the answer key is in its memory and modules are loaded. It never runs
student code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from grader.answers.code_of_documents import with_code_of_documents
from grader.answers.finding.paper import Paper
from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.key import AnswerKey
from grader.experiment.table_files import gather
from grader.model import KnownFinding, Submission
from grader.reading.script_text import script_text
from grader.storage.json_files import packed, unpacked
from grader.submissions.assembly import Delivery, assemble

MOST_BYTES = 16 << 20
"""Of a reply: a sheet with answers of 20,000 characters, or the names of 2,000 files, has a few millions at most."""
T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What a reading process is asked for; ``work`` is a name in :data:`_WORKS`, the rest is what that work needs."""

    work: str
    folder: Path
    """The folder of this submission, in which archives are unpacked."""
    delivery: Delivery | None = None
    submission: Submission | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    """The answers to mark, by part."""


def answer(request: bytes, key: AnswerKey | None, paper: Paper) -> bytes:
    """The reply to an encoded :class:`Request`: the encoded value that its work returns.

    Raises MemoryError for a reply of more than :data:`MOST_BYTES`.
    """
    asked = decoded(request, Request)
    assert asked is not None
    reply = encoded(_WORKS[asked.work](asked, key, paper))
    if len(reply) > MOST_BYTES:
        raise MemoryError(f"a reply of {len(reply)} bytes")
    return reply


def prepare(message: dict[str, Any], key: AnswerKey | None) -> None:
    """Learn from the sample answers to the parts in the message, so that later processes have done so already."""
    assert key is not None
    for part in message["parts"]:
        mark_answer(key, part, "a word")


def encoded(value: object) -> bytes:
    """Dataclasses as JSON. Names of files that are not valid UTF-8 are kept."""
    return json.dumps(packed(value)).encode()


def decoded(data: bytes, kind: type[T]) -> T | None:
    """The inverse of :func:`encoded`. Raises ValueError for anything but a ``kind`` or None."""
    return unpacked(json.loads(data), kind)


def _assemble(asked: Request, key: AnswerKey | None, paper: Paper) -> Submission:
    assert asked.delivery is not None
    found = with_code_of_documents(assemble(asked.delivery, asked.folder), asked.folder)
    return replace(found, code=script_text(found))


def _mark(asked: Request, key: AnswerKey | None, paper: Paper) -> dict[str, KnownFinding]:
    assert key is not None
    return {part: KnownFinding(text, mark_answer(key, part, text)) for part, text in asked.texts.items()}


def _submission(asked: Request) -> Submission:
    assert asked.submission is not None
    return asked.submission


_WORKS: dict[str, Any] = {
    "assemble": _assemble,
    "sheet": lambda asked, key, paper: read_sheet(_submission(asked), paper),
    "experiment": lambda asked, key, paper: gather(_submission(asked)),
    "mark": _mark,
}
