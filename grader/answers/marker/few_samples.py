"""How far a key with few samples can be trusted: no zero settles, other marks if it agrees with the samples.

An answer that the key does not understand may be right in words that nobody has foreseen yet.
"""

from __future__ import annotations

from decimal import Decimal

from grader.answers.marker.finding import REVIEW_BELOW
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.prose import read_prose
from grader.answers.marker.similarity import LEAST_SAMPLES, Similarity
from grader.answers.marker.trust import decided, learned_trust

ENOUGH = 100
"""Samples of a part from which the track record is trusted, and a zero may be settled."""
BELIEVED_RIGHT, BELIEVED = 8, 10
"""Before there are samples, so many of so many answers are taken to be marked right."""
LEAST_AGREEMENT = 0.8
"""Share of the samples that the marker has to mark right when it has not seen them, or it settles nothing."""


def why_held_back(key: AnswerKey, part: str, mark: Decimal, confidence: float) -> str:
    """Why a mark that would be settled is left to a tutor, because the part has few samples; empty if it is not."""
    count = len(key.samples.get(part, ()))
    if count >= ENOUGH or confidence < REVIEW_BELOW:
        return ""
    few = f"The part has only {count} samples"
    if not mark:
        return f"{few}; a zero needs {ENOUGH}, so a tutor decides."
    if count <= LEAST_SAMPLES:
        return f"{few}; more than {LEAST_SAMPLES} are needed, so a tutor decides."
    if (share := agreement(key, part)) < LEAST_AGREEMENT:
        return (
            f"{few}, and the marker agrees with about {share:.0%} of them when it has not seen them; "
            f"{LEAST_AGREEMENT:.0%} are needed, so a tutor decides."
        )
    return ""


def agreement(key: AnswerKey, part: str) -> float:
    """The share (0..1) of a part's samples that the marker marks right without having learned their marks."""
    known = key.agreements.get(part)
    if known is None:
        asked, samples = key.parts[part], key.samples.get(part, ())
        assert isinstance(asked, ProsePart)
        right = 0
        for at, sample in enumerate(samples):
            others = Similarity({**key.samples, part: [*samples[:at], *samples[at + 1 :]]})
            signals = read_prose(key, asked, sample.answer, others, key.similarity.others).signals
            right += decided(learned_trust().probabilities(signals))[0] == sample.gold
        known = key.agreements[part] = (right + BELIEVED_RIGHT) / (len(samples) + BELIEVED)
    return known
