"""The pictures in evidence: which digits and filters are kept, and that damaged pictures are refused."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from grader.data import DataSet, write_worker_files
from grader.data.heldout_accuracy import Predictions, with_accuracy
from grader.data.sample_images import quantised, surest_mistakes, with_pictures
from grader.measure.service import wire
from grader.model.evidence import Problem, Training
from grader.model.images import LARGEST_KERNEL, MOST_FILTERS, MOST_MISTAKES, ZERO, Filters, Mistake
from grader.storage import records
from grader.storage.json_files import packed, unpacked
from tests.support import report_samples

HELDOUT = 60
CHANCE = np.random.default_rng(3)
IMAGES = CHANCE.integers(256, size=(HELDOUT, 28, 28), dtype=np.uint8)
LABELS = CHANCE.integers(10, size=HELDOUT, dtype=np.uint8)
SCORES = CHANCE.normal(size=(HELDOUT, 10)).astype(np.float32) * 3
FILTERS = CHANCE.normal(size=(10, 5, 5)).astype(np.float32)


def text(content: bytes) -> str:
    return b64encode(content).decode()


# ---- mistakes --------------------------------------------------------------------------------------------------------


def test_the_surest_mistakes_come_first() -> None:
    mistakes = surest_mistakes(SCORES, LABELS, IMAGES)
    shares = np.exp(SCORES.astype(np.float64))
    shares /= shares.sum(axis=1, keepdims=True)
    wrong = [index for index in range(HELDOUT) if shares[index].argmax() != LABELS[index]]
    assert len(wrong) > MOST_MISTAKES
    surest = sorted(wrong, key=lambda index: -shares[index].max())[:MOST_MISTAKES]
    assert [mistake.pixels for mistake in mistakes] == [IMAGES[index].tobytes() for index in surest]
    assert [mistake.digit for mistake in mistakes] == [LABELS[index] for index in surest]
    assert [mistake.predicted for mistake in mistakes] == [shares[index].argmax() for index in surest]
    assert [mistake.probability for mistake in mistakes] == pytest.approx(
        [shares[index].max() for index in surest], abs=1e-6
    )


def test_a_net_without_errors_has_no_mistakes() -> None:
    outputs = np.eye(10, dtype=np.float32)[LABELS]
    assert surest_mistakes(outputs, LABELS, IMAGES) == ()
    outputs[7] = np.roll(outputs[7], 1)
    (only,) = surest_mistakes(outputs, LABELS, IMAGES)
    assert (only.pixels, only.digit, only.predicted) == (IMAGES[7].tobytes(), LABELS[7], (LABELS[7] + 1) % 10)


def test_plain_scores_give_the_probabilities_of_their_log_softmax() -> None:
    scores = SCORES.astype(np.float64)
    log_softmax = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    plain, proper = (surest_mistakes(outputs, LABELS, IMAGES) for outputs in (SCORES, log_softmax))
    assert [mistake.probability for mistake in plain] == pytest.approx(
        [mistake.probability for mistake in proper], abs=1e-5
    )
    assert [mistake.pixels for mistake in plain] == [mistake.pixels for mistake in proper]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 3e38, -1e30])
@pytest.mark.parametrize("columns", [slice(0, 1), slice(0, 4), slice(None)])
def test_outputs_that_are_not_finite_still_give_probabilities(odd: float, columns: slice) -> None:
    outputs = SCORES.copy()
    outputs[:, columns] = odd
    mistakes = surest_mistakes(outputs, LABELS, IMAGES)
    assert len(mistakes) == MOST_MISTAKES
    assert all(0 <= mistake.probability <= 1 and mistake.predicted != mistake.digit for mistake in mistakes)


def test_a_mistake_shows_exactly_the_image_that_was_handed_out(tmp_path: Path) -> None:
    """The worker's side is a net whose answer depends only on the image, not on its place in the batch."""
    data = DataSet("mnist", IMAGES, LABELS, IMAGES, LABELS, "")
    files, labels = write_worker_files(data, tmp_path, order_seed=5)
    handed_out = np.fromfile(files.heldout_images, np.uint8).reshape(-1, 28, 28)
    assert not np.array_equal(handed_out, IMAGES), "they were shuffled"
    outputs = np.stack([answer(image.tobytes()) for image in handed_out])
    predictions = Predictions(1, outputs)
    training = with_pictures(with_accuracy(Training(None, 1), predictions, labels), predictions, labels, handed_out)
    assert len(training.mistakes) == MOST_MISTAKES
    label_of = {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    for mistake in training.mistakes:
        assert mistake.digit == label_of[mistake.pixels]
        assert mistake.predicted == answer(mistake.pixels).argmax() != mistake.digit


def answer(pixels: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pixels[:10], np.uint8).astype(np.float32)


def test_a_training_run_without_accuracy_has_no_pictures() -> None:
    predictions = Predictions(1, SCORES[:5], FILTERS)
    for record, labels in ((Training(Problem("training"), 1), LABELS[:5]), (Training(None, 1), LABELS[:4])):
        assert with_pictures(with_accuracy(record, predictions, labels), predictions, labels, IMAGES) == record


# ---- filters ---------------------------------------------------------------------------------------------------------


def weights(filters: Filters) -> NDArray[np.float64]:
    levels = np.frombuffer(b"".join(filters.pictures), np.uint8).astype(np.float64)
    return ((levels - ZERO) * filters.scale).reshape(filters.count, filters.height, filters.width)


@pytest.mark.parametrize("factor", [1.0, 1e-44, 1e38 / 3])
def test_filters_keep_their_weights_to_half_a_step(factor: float) -> None:
    given = (FILTERS / np.abs(FILTERS).max() * np.float64(factor)).astype(np.float32)
    given[0, 0, 0] = 0
    kept = quantised(given)
    assert (kept.count, kept.height, kept.width) == (10, 5, 5)
    assert np.abs(weights(kept) - given).max() <= kept.scale * 0.51
    assert kept.pictures[0][0] == ZERO
    assert {min(b"".join(kept.pictures)), max(b"".join(kept.pictures))} & {1, 255}


def test_filters_of_zeros_are_kept() -> None:
    kept = quantised(np.zeros((2, 3, 4), np.float32))
    assert (kept.scale, kept.pictures) == (0.0, (bytes([ZERO] * 12),) * 2)


# ---- stored pictures -------------------------------------------------------------------------------------------------

MISTAKE = Mistake(text(IMAGES[0].tobytes()), 3, 5, 0.99)
SHOWN = replace(report_samples.training(1, 9000), mistakes=(MISTAKE,) * MOST_MISTAKES, filters=quantised(FILTERS))


def test_pictures_come_back_as_they_were_stored(tmp_path: Path) -> None:
    report = report_samples.passed_report("a")
    shown = replace(report, evidence=report_samples.evidence(SHOWN))
    records.write_evidence(tmp_path, report_samples.record_of(shown))
    record = records.read_evidence(tmp_path, "a")
    assert record is not None
    assert record.evidence is not None
    assert record.evidence.trainings[0].mistakes == SHOWN.mistakes
    assert record.evidence.trainings[0].filters == SHOWN.filters
    size = len(json.dumps(packed(SHOWN))) - len(json.dumps(packed(replace(SHOWN, mistakes=(), filters=None))))
    assert size < 12_000


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Mistake, {"image": text(bytes(783))}),
        (Mistake, {"image": text(bytes(10_000))}),
        (Mistake, {"image": "no base64 at all"}),
        (Mistake, {"image": "\N{SNOWMAN}" * 1048}),
        (Mistake, {"image": 7}),
        (Filters, {"count": 0, "values": ""}),
        (Filters, {"count": 9}),
        (Filters, {"count": MOST_FILTERS + 1, "height": 1, "width": 1, "values": text(bytes(MOST_FILTERS + 1))}),
        (Filters, {"count": 1, "height": LARGEST_KERNEL + 1, "width": 1, "values": text(bytes(LARGEST_KERNEL + 1))}),
        (Filters, {"count": -10, "height": -5}),
        (Filters, {"scale": math.nan}),
        (Filters, {"scale": math.inf}),
        (Filters, {"scale": -1.0}),
        (Filters, {"values": "*"}),
    ],
)
def test_a_damaged_picture_is_not_read_back(kind: type, changes: dict[str, Any]) -> None:
    stored = packed(MISTAKE if kind is Mistake else SHOWN.filters)
    assert unpacked(stored, kind) is not None
    with pytest.raises(msgspec.ValidationError):
        unpacked(stored | changes, kind)


# ---- across the pipe -------------------------------------------------------------------------------------------------


def crossed(filters: NDArray[np.float32]) -> Predictions:
    """Predictions and filters as they arrive from a measuring process."""
    arrays = {"heldout": SCORES, "filters": filters}
    shapes = {name: array.shape for name, array in arrays.items()}
    message, found = wire.decode_reply(wire.encode(wire.Trained(Training(None, 1), shapes), arrays))
    assert isinstance(message, wire.Trained)
    return Predictions(1, found["heldout"], found["filters"])


def test_filters_come_with_the_predictions() -> None:
    predictions = crossed(FILTERS)
    assert np.array_equal(predictions.log_probabilities, SCORES)
    assert predictions.filters is not None
    assert np.array_equal(predictions.filters, FILTERS)


def test_the_largest_number_of_filters_takes_few_bytes() -> None:
    most = np.zeros((MOST_FILTERS, LARGEST_KERNEL, LARGEST_KERNEL), np.float32)
    filters = crossed(most).filters
    assert filters is not None
    assert len(json.dumps(packed(quantised(filters)))) < 6000


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e-45])
def test_filters_with_extreme_weights_can_be_stored(value: float) -> None:
    filters = FILTERS.copy()
    filters[0] = value
    predictions = crossed(filters)
    training = with_pictures(with_accuracy(Training(None, 1), predictions, LABELS), predictions, LABELS, IMAGES)
    assert unpacked(packed(training), Training) == training
    assert training.filters is not None
