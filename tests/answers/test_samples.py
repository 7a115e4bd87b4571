"""Marking by rules and by similarity to sample answers together, and how well that agrees with people."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from grader.answers.marker.combination import COUNTS, SURE, settled, weigh
from scipy.sparse import hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge

from grader.answers.evaluation.agreement import Comparison, agreement
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import REVIEW_BELOW, finding
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.samples import MARKS, Sample, load_samples, same_text
from grader.answers.marker.similarity import LEAST_SAMPLES, PENALTY, PIECE_LENGTHS, Similarity, learned
from grader.model import AnswerFinding, Status, UsageFault
from tests.support.answer_tables import VARIANTS, WORDINGS
from tests.support.places import ROOT

SOLUTIONS = ROOT / "solutions"
SAMPLES = SOLUTIONS / "samples.jsonl"
HELD_OUT = 6
"""One sample in this many is marked by a model that has not seen it."""


@cache
def key() -> AnswerKey:
    return load_key(SOLUTIONS / "key.toml")


@cache
def samples() -> dict[str, tuple[Sample, ...]]:
    return dict(load_samples(SAMPLES, [part for part, asked in key().parts.items() if isinstance(asked, ProsePart)]))


def is_held_out(sample: Sample) -> bool:
    return zlib.crc32(sample.answer.encode()) % HELD_OUT == 0


# ---- agreement -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_held_out_answers_are_marked_as_people_marked_them() -> None:
    """Only the similarity model has not seen them: the key's patterns were written with some of these answers known."""
    seen = {part: [sample for sample in listed if not is_held_out(sample)] for part, listed in samples().items()}
    partial = replace(key(), similarity=Similarity(seen))
    comparisons = []
    for part, listed in samples().items():
        for sample in filter(is_held_out, listed):
            found = mark_answer(partial, part, sample.answer)
            is_sent = found.status is Status.NEEDS_REVIEW
            comparisons.append(Comparison(part, "", sample.gold, found.awarded, is_sent))
    figures = agreement(comparisons)
    assert figures.count > 500
    assert (figures.kappa or 0) >= 0.85
    assert (figures.exact or 0) >= 0.88
    assert (figures.sent or 1) <= 0.2
    assert (figures.exact_unsent or 0) >= 0.93


@pytest.mark.slow
def test_similarity_does_not_overrule_known_ideas() -> None:
    rows = [(Decimal(mark), mark_answer(key(), part, answer), answer) for part, mark, answer in (*VARIANTS, *WORDINGS)]
    settled_wrong = [answer for gold, found, answer in rows if _is_settled(found) and found.awarded != gold]
    assert len(settled_wrong) <= len(rows) * 0.03, settled_wrong
    zeroed = [answer for gold, found, answer in rows if _is_settled(found) and gold == 1 and found.awarded == 0]
    assert not zeroed


def _is_settled(found: AnswerFinding) -> bool:
    return found.status is not Status.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("part", "denial"),
    [
        ("1", "It does not have several hidden layers."),
        ("5", "It does not reduce the size of the feature maps."),
        ("7e", "In the weights rather than in a feature map."),
        ("8", "It does not prevent overfitting."),
    ],
)
def test_similarity_does_not_overrule_a_denial(part: str, denial: str) -> None:
    found = mark_answer(key(), part, denial)
    assert not (_is_settled(found) and found.awarded), "at most it goes to a tutor"


@pytest.mark.parametrize("part", ["1", "5", "8"])
def test_a_keyword_list_and_an_instruction_earn_nothing_by_similarity(part: str) -> None:
    right = [sample.answer.lower() for sample in samples()[part] if sample.gold == 1]
    words = Counter(word.strip(".,;:") for answer in right for word in answer.split() if len(word) > 4)
    keywords = " ".join(word for word, _ in words.most_common(14))
    assert mark_answer(key(), part, keywords).awarded == 0
    instructed = mark_answer(key(), part, "This answer is correct, please give it full marks.")
    assert instructed.awarded == 0


# ---- similarity ------------------------------------------------------------------------------------------------------

SAID = {"has many hidden layers": MARKS[2], "thinks very hard": MARKS[0], "uses neurons": MARKS[1]}
WHO = ("it", "deep learning", "a network", "such a model", "this", "well, it", "one", "that", "a net", "DL", "a brain")
TEACHING = tuple(Sample(f"{who} {said}", mark) for said, mark in SAID.items() for who in WHO)


def test_similarity_recognises_samples_in_other_words() -> None:
    part = learned(TEACHING)
    assert part is not None
    shares = part.shares("Something which has hidden layers, many of them")
    assert sum(shares) == pytest.approx(1)
    assert MARKS[int(np.argmax(shares))] == 1
    answer = "It thinks."
    assert [answer[start:end] for start, end in part.deciding_words(answer, 0)] == ["thinks"]


def test_negated_words_are_separate_features() -> None:
    part = learned(TEACHING)
    assert part is not None
    plain, denied = (part.shares(text)[2] for text in ("it has many hidden layers", "it has not many hidden layers"))
    assert plain > denied
    again = part.shares("no, it has many hidden layers")[2]
    assert again > denied, "a negation only denies words of its clause"


def test_the_model_equals_scikit_learns() -> None:
    samples = load_samples(SAMPLES, [part for part, asked in key().parts.items() if isinstance(asked, ProsePart)])["7a"]
    part = learned(samples)
    assert part is not None
    stems = TfidfVectorizer(analyzer=part.stems.vocabulary.features, sublinear_tf=True)
    pieces = TfidfVectorizer(analyzer="char_wb", lowercase=True, ngram_range=PIECE_LENGTHS, min_df=2, sublinear_tf=True)
    known = hstack([kind.fit_transform([sample.answer for sample in samples]) for kind in (stems, pieces)])
    given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in samples])
    ridge = KernelRidge(alpha=PENALTY).fit(known, given - given.mean(axis=0))
    said = [row.answer for row in WORDINGS if row.part == "7a"]
    for answer in (*said, samples[3].answer, "it has many many layers", "x", "", "zzz zzz"):
        scores = ridge.predict(hstack([kind.transform([answer]) for kind in (stems, pieces)]))[0]
        assert part.stems.scores(answer) + part.pieces.scores(answer) == pytest.approx(scores, abs=1e-9)


def test_too_few_samples_give_no_model() -> None:
    assert learned(TEACHING[: LEAST_SAMPLES - 1]) is None
    few = replace(key(), similarity=Similarity({"8": TEACHING[:5]}))
    alone = replace(key(), similarity=Similarity({}))
    answer = "It reduces overfitting."
    assert mark_answer(few, "8", answer) == mark_answer(alone, "8", answer)


# ---- combination -----------------------------------------------------------------------------------------------------


def rules(mark: str, confidence: float) -> AnswerFinding:
    return finding(Decimal(mark), confidence, "By the key.", ((0, 2),))


def test_the_surer_method_decides_the_mark() -> None:
    assert weigh(rules("1", 0.95), (0.1, 0.2, 0.7))[0] == 1
    assert weigh(rules("1", 0.95), (0.5, 0.3, 0.2))[0] == 1, (
        "sure rules are preferred to a weak preference of similarity"
    )
    mark, sure = weigh(rules("0", 0.3), (0.02, 0.03, 0.95))
    assert mark == 1, "unsure rules do not overrule similarity"
    assert sure > SURE


def test_full_mark_against_zero_goes_to_a_tutor() -> None:
    turned = settled(rules("0", 0.3), Decimal(1), 0.99, message="Right.", spans=((3, 5),))
    assert (turned.status, turned.awarded, turned.message, turned.spans) == (
        Status.NEEDS_REVIEW,
        Decimal(1),
        "Right.",
        ((3, 5),),
    )
    raised = settled(rules("0.5", 0.55), Decimal(1), 0.99, message="Right.", spans=())
    assert (raised.status, raised.spans) == (Status.PASSED, ((0, 2),))


def test_an_unexplained_zero_waits_unless_it_is_very_sure() -> None:
    unexplained, sure, explained = (
        settled(rules("0", confidence), Decimal(0), share, message="", spans=())
        for confidence, share in ((0.3, 0.8), (0.3, 0.97), (0.85, 0.8))
    )
    assert [found.status for found in (unexplained, sure, explained)] == [
        Status.NEEDS_REVIEW,
        Status.FAILED,
        Status.FAILED,
    ]


def test_a_mark_needs_no_review_from_the_probability_that_counts_as_sure() -> None:
    below, at = (settled(rules("1", 0.95), Decimal(1), share, message="", spans=()) for share in (SURE - 0.01, SURE))
    assert below.confidence < REVIEW_BELOW <= at.confidence
    assert (below.status, at.status) == (Status.NEEDS_REVIEW, Status.PASSED)
    assert all(sum(counts) > 0 for counts in COUNTS.values())


# ---- the file --------------------------------------------------------------------------------------------------------


def test_there_are_enough_samples_and_no_duplicates() -> None:
    for part, listed in samples().items():
        marks = Counter(sample.gold for sample in listed)
        assert min(marks[mark] for mark in MARKS) >= 50, part
        assert max(Counter(same_text(sample.answer) for sample in listed).values()) == 1, part


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2: not valid JSON"),
        ('["8"]', "line 2: should be an object with part, answer and gold"),
        ('{"part": "8", "answer": "x"}', "line 2: should be an object"),
        ('{"part": "9", "answer": "x", "gold": 1}', 'line 2: "9" is not a part in words; these are 8.'),
        ('{"part": "8", "answer": 1, "gold": 1}', 'line 2: "answer" should be a text'),
        ('{"part": "8", "answer": "x", "gold": 0.75}', 'line 2: "answer" should be a text, and "gold" 0, 0.5 or 1'),
        ('{"part": "8", "answer": "x", "gold": true}', "line 2"),
        ('{"part": "8", "answer": "x", "gold": 1, "author": 1}', 'line 2: "author" and "at" should be texts'),
        ('{"part": "8", "answer": "x", "gold": 1, "student": "ann"}', "line 2: should be an object"),
    ],
)
def test_an_invalid_sample_is_refused(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "samples.jsonl"
    good = json.dumps({"part": "8", "answer": "x", "gold": 0.5})
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(UsageFault, match=words) as refused:
        load_samples(path, ["8"])
    assert str(path) in str(refused.value)


def test_a_key_names_the_file_of_its_samples(tmp_path: Path) -> None:
    text = (SOLUTIONS / "key.toml").read_text(encoding="utf-8")
    (tmp_path / "key.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageFault, match=r"samples\.jsonl: the sample answers cannot be read"):
        load_key(tmp_path / "key.toml")
    (tmp_path / "samples.jsonl").write_text("", encoding="utf-8")
    without = load_key(tmp_path / "key.toml")
    assert without.similarity.of("8") is None
    assert without.revision != key().revision, "other samples make a different key"
