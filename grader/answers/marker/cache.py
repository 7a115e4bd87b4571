"""The marker of one student's answers, which takes over what is known: new points do not mean reading all again.

A finding on an answer depends on its text, the key and the code that marks; :func:`marker_digest` names the last two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from grader.answers.marker.key import AnswerKey, NumericPart
from grader.answers.marker.rules import mark_answer
from grader.model import AnswerFinding, KnownFinding, KnownFindings
from grader.storage.fingerprints import code_digest


@dataclass
class CachedMarker:
    """Marks one student's answers by ``key``; ``known`` are findings of the same marker, which ``digest`` names."""

    key: AnswerKey
    known: Mapping[str, KnownFinding]
    digest: str
    given: dict[str, KnownFinding] = field(default_factory=dict)

    def __call__(self, part: str, text: str) -> AnswerFinding:
        """The finding on one part's text: the known one if the text is the same, else a new one, which is kept."""
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
        told = asked.right.removeprefix("Right: ")
        return told[:1].upper() + told[1:]

    @property
    def findings(self) -> KnownFindings:
        """All that it said, to be stored."""
        return KnownFindings(self.digest, self.given)


def marker_digest(key: AnswerKey) -> str:
    """Names a key with the code that marks by it."""
    return hashlib.sha256(f"{key.revision}\n{code_digest('answers.marker')}".encode()).hexdigest()
