"""Marks one student's answers and reuses stored findings, so that new points do not mean marking everything again.

A finding depends on the answer's text, the key and the marker's code; :func:`marker_digest` identifies the last two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import NumericPart
from grader.model import AnswerFinding, KnownFinding, KnownFindings
from grader.storage.fingerprints import code_digest


@dataclass
class CachedMarker:
    """Marks one student's answers by ``key``. ``known`` are earlier findings of the marker that ``digest`` names."""

    key: AnswerKey
    known: Mapping[str, KnownFinding]
    digest: str
    given: dict[str, KnownFinding] = field(default_factory=dict)

    def __call__(self, part: str, text: str) -> AnswerFinding:
        """The finding on a part's text: the known one if the text is the same, else a new one, which is kept."""
        earlier = self.known.get(part)
        is_same = earlier is not None and earlier.text == text
        finding = earlier.finding if earlier is not None and is_same else mark_answer(self.key, part, text)
        self.given[part] = KnownFinding(text, finding)
        return finding

    def full_answer(self, part: str) -> str:
        """One sentence with what a full answer mentions."""
        asked = self.key.parts[part]
        if isinstance(asked, NumericPart):
            return f"The four values, row by row: {', '.join(f'{value:f}' for value in asked.values)}."
        sentence = asked.right.removeprefix("Right: ")
        return sentence[:1].upper() + sentence[1:]

    @property
    def findings(self) -> KnownFindings:
        """All findings that it gave, to be stored."""
        return KnownFindings(self.digest, self.given)


def marker_digest(key: AnswerKey) -> str:
    """SHA-256 of the key and of the code that marks by it."""
    return hashlib.sha256(f"{key.revision}\n{code_digest('answers.marker')}".encode()).hexdigest()
