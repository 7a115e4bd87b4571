"""The pictures in evidence: which digits and filters are kept, that they are the right ones, and hostile ones."""

from __future__ import annotations

import json
import math
from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from grader import store
from grader.accuracy import Predictions, with_accuracy
from grader.data import DataSet, write_worker_files
from grader.model.evidence import Problem, Training
from grader.files import packed, unpacked
from grader.pictures import LARGEST_KERNEL, MOST_FILTERS, MOST_MISTAKES, ZERO, Filters, Mistake
from grader.sandbox.decoding import Decoder, Garbled, Recorded
from grader.session import quantised, surest_mistakes, with_pictures
from grader.worker.channel import signature
from tests import report_samples

HELDOUT = 60
KEY = bytes(32)
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
    assert [one.pixels for one in mistakes] == [IMAGES[index].tobytes() for index in surest]
    assert [one.digit for one in mistakes] == [LABELS[index] for index in surest]
    assert [one.predicted for one in mistakes] == [shares[index].argmax() for index in surest]
    assert [one.probability for one in mistakes] == pytest.approx([shares[index].max() for index in surest], abs=1e-6)


def test_a_net_that_is_right_made_no_mistakes() -> None:
    outputs = np.eye(10, dtype=np.float32)[LABELS]
    assert surest_mistakes(outputs, LABELS, IMAGES) == ()
    outputs[7] = np.roll(outputs[7], 1)
    (only,) = surest_mistakes(outputs, LABELS, IMAGES)
    assert (only.pixels, only.digit, only.predicted) == (IMAGES[7].tobytes(), LABELS[7], (LABELS[7] + 1) % 10)


def test_plain_scores_give_the_probabilities_of_their_log_softmax() -> None:
    scores = SCORES.astype(np.float64)
    log_softmax = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    plain, proper = (surest_mistakes(outputs, LABELS, IMAGES) for outputs in (SCORES, log_softmax))
    assert [one.probability for one in plain] == pytest.approx([one.probability for one in proper], abs=1e-5)
    assert [one.pixels for one in plain] == [one.pixels for one in proper]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 3e38, -1e30])
@pytest.mark.parametrize("columns", [slice(0, 1), slice(0, 4), slice(None)])
def test_outputs_that_are_no_numbers_give_probabilities_all_the_same(odd: float, columns: slice) -> None:
    outputs = SCORES.copy()
    outputs[:, columns] = odd
    mistakes = surest_mistakes(outputs, LABELS, IMAGES)
    assert len(mistakes) == MOST_MISTAKES
    assert all(0 <= one.probability <= 1 and one.predicted != one.digit for one in mistakes)


def test_a_mistake_is_the_very_image_that_was_handed_out(tmp_path: Path) -> None:
    """The worker's side is played by what a net can do at best: answer by the image alone, wherever it stands."""
    data = DataSet("digits", IMAGES, LABELS, IMAGES, LABELS, "", "")
    files, labels = write_worker_files(data, tmp_path, order_seed=5)
    handed_out = np.fromfile(files.heldout_images, np.uint8).reshape(-1, 28, 28)
    assert not np.array_equal(handed_out, IMAGES), "they were shuffled"
    outputs = np.stack([answer(image.tobytes()) for image in handed_out])
    predictions = Predictions(1, outputs, outputs[:3])
    judged = with_pictures(with_accuracy(Training(None, 1), predictions, labels), predictions, labels, handed_out)
    assert len(judged.mistakes) == MOST_MISTAKES
    label_of = {image.tobytes(): label for image, label in zip(IMAGES, LABELS, strict=True)}
    for one in judged.mistakes:
        assert one.digit == label_of[one.pixels]
        assert one.predicted == answer(one.pixels).argmax() != one.digit


def answer(pixels: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pixels[:10], np.uint8).astype(np.float32)


def test_a_run_that_was_not_judged_has_no_pictures() -> None:
    predictions = Predictions(1, SCORES[:5], SCORES[:2], FILTERS)
    for record, labels in ((Training(Problem("training"), 1), LABELS[:5]), (Training(None, 1), LABELS)):
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


def test_filters_of_nothing_but_zeros_are_kept() -> None:
    kept = quantised(np.zeros((2, 3, 4), np.float32))
    assert (kept.scale, kept.pictures) == (0.0, (bytes([ZERO] * 12),) * 2)


# ---- stored pictures -------------------------------------------------------------------------------------------------

MISTAKE = Mistake(text(IMAGES[0].tobytes()), 3, 5, 0.99)
SHOWN = replace(report_samples.training(1, 9000), mistakes=(MISTAKE,) * MOST_MISTAKES, filters=quantised(FILTERS))


def test_pictures_come_back_as_they_were_stored(tmp_path: Path) -> None:
    report = report_samples.passed_report("a")
    assert report.evidence is not None
    store.write_report(tmp_path, replace(report, evidence=replace(report.evidence, trainings=(SHOWN,))), key="k")
    record = store.read_record(tmp_path, "a")
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


# ---- frames ----------------------------------------------------------------------------------------------------------


def told(*arrays: tuple[str, NDArray[Any]], record: Training = Training(None, 1)) -> Predictions:  # noqa: B008  # frozen
    """What the parent makes of a training record that came with these arrays, signed as it should be."""
    shapes = [[name, list(array.shape)] for name, array in arrays]
    header = {"stage": "train", "record": asdict(record), "arrays": shapes}
    return read(json.dumps(header).encode(), b"".join(array.astype("<f4").tobytes() for _, array in arrays))


def read(line: bytes, blob: bytes) -> Predictions:
    decoder = Decoder(key=KEY, first_seed=1, heldout_count=HELDOUT)
    frame = signature(KEY, 0, line, [blob]) + b" " + line + b"\n" + blob
    events = [event for byte in range(0, len(frame), 997) for event in decoder.feed(frame[byte : byte + 997])]
    (event,) = events
    assert isinstance(event, Recorded)
    assert event.predictions is not None
    return event.predictions


HEAD = (("heldout", SCORES), ("untrained", SCORES))


def test_filters_come_with_the_predictions() -> None:
    alone, shown = told(*HEAD), told(*HEAD, ("filters", FILTERS))
    for predictions in (alone, shown):
        assert np.array_equal(predictions.log_probabilities, SCORES)
        assert np.array_equal(predictions.untrained, SCORES)
    assert alone.filters is None
    assert shown.filters is not None
    assert np.array_equal(shown.filters, FILTERS)


def test_as_many_filters_as_may_be_shown_arrive() -> None:
    most = np.zeros((MOST_FILTERS, LARGEST_KERNEL, LARGEST_KERNEL), np.float32)
    filters = told(*HEAD, ("filters", most)).filters
    assert filters is not None
    assert filters.shape == most.shape
    assert len(json.dumps(packed(quantised(filters)))) < 6000


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
def test_filters_that_are_no_numbers_are_left_out_and_cost_nothing(odd: float) -> None:
    filters = FILTERS.copy()
    filters[3, 2, 1] = odd
    predictions = told(*HEAD, ("filters", filters))
    assert predictions.filters is None
    judged = with_accuracy(Training(None, 1), predictions, LABELS)
    shown = with_pictures(judged, predictions, LABELS, IMAGES)
    assert judged.total == HELDOUT
    assert replace(shown, mistakes=()) == judged


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e-45])
def test_hostile_weights_make_an_ugly_picture_at_most(value: float) -> None:
    filters = FILTERS.copy()
    filters[0] = value
    predictions = told(*HEAD, ("filters", filters))
    judged = with_pictures(with_accuracy(Training(None, 1), predictions, LABELS), predictions, LABELS, IMAGES)
    assert unpacked(packed(judged), Training) == judged
    assert judged.filters is not None


@pytest.mark.parametrize(
    "arrays",
    [
        (*HEAD, ("filters", np.zeros((MOST_FILTERS + 1, 5, 5)))),
        (*HEAD, ("filters", np.zeros((1, LARGEST_KERNEL + 1, 1)))),
        (*HEAD, ("filters", np.zeros((10, 25)))),
        (*HEAD, ("filters", np.zeros((10, 1, 5, 5)))),
        (*HEAD, ("filters", np.zeros((0, 5, 5)))),
        (*HEAD, ("filters", FILTERS), ("filters", FILTERS)),
        (*HEAD, ("mistakes", FILTERS)),
        (("filters", FILTERS), *HEAD),
        (("filters", FILTERS),),
        (HEAD[0], ("filters", FILTERS)),
    ],
)
def test_other_arrays_end_the_submission(arrays: tuple[tuple[str, NDArray[Any]], ...]) -> None:
    with pytest.raises(Garbled, match="not those that were asked for"):
        told(*arrays)


@pytest.mark.parametrize("shape", [[-1, -5, 5], [10**30, 1, 1], [1.5, 1, 1], [True, 1, 1], ["5", 5, 5], [None], 5])
def test_shapes_that_no_tensor_has_end_the_submission(shape: object) -> None:
    arrays = [["heldout", [HELDOUT, 10]], ["untrained", [HELDOUT, 10]], ["filters", shape]]
    line = json.dumps({"stage": "train", "record": asdict(Training(None, 1)), "arrays": arrays})
    with pytest.raises(Garbled):
        read(line.encode(), b"")


@pytest.mark.parametrize(
    "bring",
    [lambda record: replace(record, mistakes=(MISTAKE,)), lambda record: replace(record, filters=quantised(FILTERS))],
)
def test_a_worker_brings_no_pictures_in_its_record(bring: Callable[[Training], Training]) -> None:
    with pytest.raises(Garbled, match="its own pictures"):
        told(*HEAD, record=bring(Training(None, 1)))


def test_a_record_with_a_picture_that_is_none_is_not_valid() -> None:
    record = asdict(Training(None, 1)) | {"mistakes": [{"image": "", "digit": 1, "predicted": 2, "probability": 1.0}]}
    line = json.dumps({"stage": "train", "record": record, "arrays": []}).encode()
    with pytest.raises(Garbled, match="not valid"):
        read(line, b"")
