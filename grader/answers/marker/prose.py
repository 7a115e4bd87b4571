"""Reads an answer in words for marking: its text without a copy of the question, its ideas and its signals."""

from __future__ import annotations

from dataclasses import dataclass

from grader.answers.marker import tokens
from grader.answers.marker.cleaning import blank_out_question
from grader.answers.marker.ideas import Found, find_ideas
from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.signals import Signals, signals_of
from grader.answers.marker.similarity import OtherParts, Similarity


@dataclass(frozen=True)
class ProseAnswer:
    """An answer in words as it was read: its text without a copy of the question, its ideas and its signals."""

    asked: ProsePart
    text: str
    found: Found
    signals: Signals


def read_prose(
    key: AnswerKey,
    asked: ProsePart,
    text: str,
    similarity: Similarity | None = None,
    others: OtherParts | None = None,
) -> ProseAnswer:
    """Read an answer; its signals are by the samples of ``similarity`` and ``others``, without them by the key's."""
    said = blank_out_question(text, asked.question)
    found = find_ideas(asked, tokens.read(said, key.vocabulary))
    return ProseAnswer(asked, said, found, signals_of(asked, said, found, similarity or key.similarity, others))
