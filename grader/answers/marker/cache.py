"""Verdicts that a marker remembers, so that a change of points does not mean reading every answer again.

A verdict on an answer depends on its text, the key and the code that marks; :func:`marker_digest` names the last two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.answers.marker.finding import AnswerFinding
from grader.answers.marker.key import AnswerKey, NumericPart
from grader.answers.marker.rules import mark_answer
from grader.storage.fingerprints import code_digest


@dataclass(frozen=True)
class KnownFinding:
    """A verdict, and the text that it was given on."""

    text: str
    verdict: AnswerFinding


@dataclass(frozen=True)
class KnownFindings:
    """Verdicts on one student's answers by part, and the digest of the marker that gave them."""

    marker: str = ""
    verdicts: Mapping[str, KnownFinding] = field(default_factory=dict)


@dataclass
class Memory:
    """Judges one student's answers by ``key``; ``known`` are verdicts by the same ``marker``. Nothing is forgotten."""

    key: AnswerKey
    known: Mapping[str, KnownFinding]
    marker: str
    given: dict[str, KnownFinding] = field(default_factory=dict)

    def __call__(self, part: str, text: str) -> AnswerFinding:
        """The verdict on one part's text: the known one if the text is the same, else a new one, which is kept."""
        earlier = self.known.get(part)
        is_same = earlier is not None and earlier.text == text
        verdict = earlier.verdict if earlier is not None and is_same else mark_answer(self.key, part, text)
        self.given[part] = KnownFinding(text, verdict)
        return verdict

    def full_answer(self, part: str) -> str:
        """One sentence with what a full answer mentions."""
        asked = self.key.parts[part]
        if isinstance(asked, NumericPart):
            return f"The four values, row by row: {', '.join(f'{value:f}' for value in asked.values)}."
        told = asked.right.removeprefix("Right: ")
        return told[:1].upper() + told[1:]


def marker_digest(key: AnswerKey) -> str:
    """Names a key with the code that marks by it."""
    return hashlib.sha256(f"{key.revision}\n{code_digest('answers.marker')}".encode()).hexdigest()
