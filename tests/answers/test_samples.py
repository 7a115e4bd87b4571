"""Marking by rules and by similarity to sample answers together, and how well that agrees with people."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import FeatureUnion

from grader.answers.evaluation.agreement import Comparison, agreement
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.finding import REVIEW_BELOW
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.samples import MARKS, Sample, load_samples, same_text
from grader.answers.marker.signals import Signals
from grader.answers.marker.similarity import LEAST_SAMPLES, PENALTY, PartModel, Similarity, stems_and_pairs
from grader.answers.marker.trust import COLUMNS, POSSIBLE, SURE, TRACK_RECORD, decided, learned_trust
from grader.model import AnswerFinding, Status, UsageFault
from tests.measure.track_record import held_out_rows, learned, split
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
    """Only the similarity model has not seen them: the key's patterns were written with some of these answers known.

    Many samples lie close to the line between two marks on purpose, so more of them are sent than of other answers.
    """
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
    assert (figures.kappa or 0) >= 0.8
    assert (figures.exact or 0) >= 0.88
    assert (figures.sent or 1) <= 0.25
    assert (figures.exact_unsent or 0) >= 0.95


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
    found = mark_answer(key(), part, keywords)
    assert not (_is_settled(found) and found.awarded)
    instructed = mark_answer(key(), part, "This answer is correct, please give it full marks.")
    assert instructed.awarded == 0


# ---- similarity ------------------------------------------------------------------------------------------------------

SAID = {"has many hidden layers": MARKS[2], "thinks very hard": MARKS[0], "uses neurons": MARKS[1]}
WHO = ("it", "deep learning", "a network", "such a model", "this", "well, it", "one", "that", "a net", "DL", "a brain")
TEACHING = tuple(Sample(f"{who} {said}", mark) for said, mark in SAID.items() for who in WHO)


def test_similarity_recognises_samples_in_other_words() -> None:
    scores = PartModel(TEACHING).scores("Something which has hidden layers, many of them")
    assert MARKS[int(np.argmax(scores))] == 1
    answer = "It thinks."
    assert [answer[start:end] for start, end in PartModel(TEACHING).deciding_words(answer, 0)] == ["thinks"]


def test_negated_words_are_separate_features() -> None:
    part = PartModel(TEACHING)
    plain, denied = (part.scores(text)[2] for text in ("it has many hidden layers", "it has not many hidden layers"))
    assert plain > denied
    again = part.scores("no, it has many hidden layers")[2]
    assert again > denied, "a negation only denies words of its clause"


@pytest.mark.parametrize("answer", ["it has many many layers", "x", "", "zzz zzz"])
def test_the_scores_equal_scikit_learns(answer: str) -> None:
    answers = [sample.answer for sample in TEACHING]
    kinds = FeatureUnion(
        [
            ("stems", TfidfVectorizer(analyzer=stems_and_pairs, sublinear_tf=True)),
            ("pieces", TfidfVectorizer(analyzer="char_wb", ngram_range=(4, 5), min_df=2, sublinear_tf=True)),
        ]
    )
    known = kinds.fit_transform(answers)
    given = np.array([[float(sample.gold == mark) for mark in MARKS] for sample in TEACHING])
    ridge = KernelRidge(alpha=PENALTY).fit(known, given - given.mean(axis=0))
    wanted = given.mean(axis=0) + ridge.predict(kinds.transform([answer]))[0]
    assert PartModel(TEACHING).scores(answer) == pytest.approx(wanted, abs=1e-9)


def test_the_nearest_samples_are_alike_and_the_most_similar_comes_first() -> None:
    (likeness, first), *others = PartModel(TEACHING).nearest("a network uses neurons", 3)
    assert (first.answer, first.gold) == ("a network uses neurons", Decimal("0.5"))
    assert likeness == pytest.approx(1)
    assert [share for share, _ in others] == sorted((share for share, _ in others), reverse=True)
    assert PartModel(TEACHING).nearest("zzz", 3) == []


def test_an_answer_to_another_part_is_recognised() -> None:
    others = key().similarity.others
    assert others.margin("8", "It is stored in the feature map.") < -1
    assert others.margin("7e", "It is stored in the feature map.") > 1
    assert others.margin("9", "It is stored in the feature map.") == 0, "a part without samples"


def test_too_few_samples_give_no_model() -> None:
    assert Similarity({"8": TEACHING[: LEAST_SAMPLES - 1]}).of("8") is None
    assert Similarity({"8": TEACHING[:LEAST_SAMPLES]}).of("8") is not None


# ---- trust -----------------------------------------------------------------------------------------------------------


def test_the_track_record_is_that_of_the_samples() -> None:
    """``nox -s track_record`` was run after the last change of the samples, of the key and of the signals."""
    recorded = np.loadtxt(TRACK_RECORD, delimiter=",", skiprows=1)
    with TRACK_RECORD.open(encoding="utf-8") as file:
        assert tuple(file.readline().strip().split(",")) == COLUMNS
    assert len(recorded) == sum(map(len, samples().values()))
    golds = Counter(MARKS.index(sample.gold) for listed in samples().values() for sample in listed)
    assert Counter(recorded[:, 0].astype(int).tolist()) == golds
    author = "T5"
    own, others = split(samples(), author)
    made = list(islice(held_out_rows(key(), {"8": own["8"]}, others), 5))
    at = Signals._fields.index("earns_full") + 1
    same = [row for row in recorded if any(np.allclose(row, [float(f"{x:.4g}") for x in other]) for other in made)]
    assert len(same) >= len(made), "run nox -s track_record"
    assert {row[at] for row in recorded} == {0, 1}


@pytest.mark.slow
def test_the_trees_are_those_that_boosting_learns_from_the_track_record() -> None:
    """They give scikit-learn's own probabilities, so nothing has to be learned again when a run starts."""
    recorded = np.loadtxt(TRACK_RECORD, delimiter=",", skiprows=1)
    answers = recorded[::5, 1:].astype(np.float32)
    found = [learned_trust().probabilities(Signals(*answer)) for answer in answers.tolist()]
    expected = learned(recorded).predict_proba(answers)
    assert np.allclose(found, expected, rtol=0, atol=1e-12), "run nox -s track_record"


@pytest.mark.parametrize(
    ("probabilities", "mark", "is_settled"),
    [
        ((0.01, 0.01, 0.98), 1, True),
        ((0.01, 0.98, 0.01), "0.5", True),
        ((0.98, 0.01, 0.01), 0, True),
        ((0.2, 0.2, 0.6), 1, False),
        ((1 - SURE - POSSIBLE, SURE, POSSIBLE), "0.5", True),
        ((SURE + 0.05, 0.2 - POSSIBLE, POSSIBLE), 0, False),  # it may be a full answer
    ],
)
def test_a_likely_mark_is_settled(probabilities: tuple[float, ...], mark: str | int, is_settled: bool) -> None:
    awarded, confidence = decided(probabilities)
    assert awarded == Decimal(mark)
    assert (confidence >= REVIEW_BELOW) == is_settled


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
