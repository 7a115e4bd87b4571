"""The findings on one student's answers, stored or new, so that new points do not mean marking everything again.

A finding depends on the answer's text, the key and the marker's code; :func:`marker_digest` identifies the last two.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import NumericPart
from grader.model import AnswerFinding, KnownFindings
from grader.storage.fingerprints import code_digest


@dataclass(frozen=True)
class KnownMarker:
    """Gives the ``findings`` on one student's answers by ``key``; it marks nothing itself."""

    key: AnswerKey
    findings: KnownFindings

    def __call__(self, part: str, text: str) -> AnswerFinding:
        """The finding on a part's text, which must be among the findings."""
        known = self.findings.findings[part]
        assert known.text == text, "the answer was marked in another version"
        return known.finding

    def full_answer(self, part: str) -> str:
        """One sentence with what a full answer mentions."""
        asked = self.key.parts[part]
        if isinstance(asked, NumericPart):
            return f"The four values, row by row: {', '.join(f'{value:f}' for value in asked.values)}."
        return asked.right


def marker_digest(key: AnswerKey) -> str:
    """SHA-256 of the key and of the code that marks by it."""
    return hashlib.sha256(f"{key.revision}\n{code_digest('answers.marker')}".encode()).hexdigest()
