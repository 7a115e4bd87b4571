"""The sweep over channels and kernel sizes: the script, the surface it measured, the tolerance, and the drawing."""

from __future__ import annotations

import csv
import importlib.util
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, pairwise, product
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest
import torch
from tinyhtml5.parser import HTMLParser

from grader.experiment.plausibility import BEST_POSSIBLE, plausible
from grader.experiment.reference_network import reference_script
from grader.experiment.reference_surface import reference_surface
from grader.model.experiment import Trial
from grader.report.html.experiment_chart import ExperimentChart, Label, experiment_chart, standalone_svg
from tests.support.places import ROOT

SCRIPT = ROOT / "solutions" / "experiment.py"
QUICK = ("--device", "cpu", "--steps", "1", "--channels", "1x2", "2x2", "--kernels", "1x1", "3x2")
SVG = "{http://www.w3.org/2000/svg}"


BRIEF: dict[tuple[int, int, int, int], tuple[float, ...]] = {
    (2, 4, 3, 3): (0.844, 0.8145),
    (5, 10, 5, 5): (0.9135, 0.889),
    (1, 2, 3, 3): (0.7825, 0.7785),
    (10, 20, 3, 3): (0.912,),
    (20, 40, 3, 3): (0.934,),
    (2, 4, 7, 7): (0.8795,),
    (20, 40, 5, 5): (0.9455,),
}
"""Accuracies of the reference network in the brief run, with one seed or two; see docs/calibration.md."""
HONEST = [
    ((2, 4, 3, 3), 1, 0.9563),  # rate 0.05, FC of 128, dropouts 0.1 and 0.25
    ((2, 4, 3, 3), 2, 0.958),  # rate 0.05, FC of 128, dropouts 0.1 and 0.25
    ((2, 4, 3, 3), 3, 0.9657),  # rate 0.05, FC of 128, dropouts 0.1 and 0.25
    ((5, 10, 5, 5), 1, 0.5556),  # rate 0.001, momentum 0.5
    ((5, 10, 5, 5), 1, 0.9723),  # rate 0.05, FC of 128, dropouts 0.1 and 0.25
    ((2, 4, 3, 3), 1, 0.9366),  # no pooling
    ((2, 4, 3, 3), 1, 0.9545),  # Adam at 0.001, FC of 128, dropouts 0.1 and 0.25
    ((2, 4, 3, 3), 1, 0.9255),  # no padding
    ((1, 2, 3, 3), 1, 0.9433),  # rate 0.05, FC of 128, no dropout
    ((2, 4, 3, 3), 1, 0.948),  # rate 0.05, FC of 128, no dropout
    ((2, 4, 3, 3), 1, 0.8894),  # momentum 0.5
    ((2, 4, 3, 3), 1, 0.918),  # batches of 128
    ((2, 4, 3, 3), 1, 0.9428),  # rate 0.1, momentum 0.5
    ((2, 4, 3, 3), 1, 0.9267),  # FC of 32
    ((2, 4, 3, 3), 1, 0.2238),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 2, 0.51),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 3, 0.7567),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 4, 0.8298),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 5, 0.8633),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 6, 0.883),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 7, 0.8947),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 8, 0.9005),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 9, 0.9064),  # rate 0.001, momentum 0.5
    ((2, 4, 3, 3), 10, 0.9079),  # rate 0.001, momentum 0.5
    ((5, 10, 5, 5), 1, 0.9785),  # rate 0.05, FC of 128, no dropout
    ((5, 10, 5, 5), 1, 0.9335),  # momentum 0.5
    ((20, 40, 5, 5), 1, 0.9798),  # rate 0.05, FC of 128, dropouts 0.1 and 0.25
    ((5, 10, 5, 5), 1, 0.9552),  # no padding
]
"""Networks, epochs and accuracies of honest variants."""


@pytest.fixture(scope="module")
def experiment() -> ModuleType:
    specification = importlib.util.spec_from_file_location("experiment", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # dataclasses look themselves up there
    specification.loader.exec_module(module)
    return module


def trial(channels: int = 10, kernel: int = 5, accuracy: float = 0.97, *, epochs: int = 1) -> Trial:
    return Trial(channels, 2 * channels, kernel, kernel, epochs, accuracy, 20.0)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("sizes", [(2, 4, 3, 3), (5, 10, 5, 7), (3, 2, 2, 4), (1, 1, 28, 28), (4, 6, 1, 27)])
def test_the_rerun_and_the_sweep_build_the_same_network(experiment: ModuleType, sizes: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    swept = experiment.Net(*sizes).eval()
    scope: dict[str, type[torch.nn.Module]] = {}
    exec(reference_script(*sizes), scope)
    rerun = scope["Net"]()
    rerun.load_state_dict(swept.state_dict())
    images = torch.randn(3, 1, 28, 28)
    outputs = rerun.eval()(images)
    assert torch.equal(outputs, swept(images))
    assert outputs.shape == (3, 10)
    assert torch.allclose(outputs.exp().sum(1), torch.ones(3))
    assert [str(layer) for layer in rerun.children()] == [str(layer) for layer in swept.children()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--channels 5x", r"'5x' should be two whole numbers with an x between them, such as 10x20"),
        ("--channels 10", "'10' should be two whole numbers"),
        ("--channels 0x8", "0x8: a convolution can have 1 to 1024 channels"),
        ("--channels -2x8", "'-2x8' should be two|expected at least one argument"),
        ("--channels 8x5000", "can have 1 to 1024 channels"),
        ("--kernels 0x3", "0x3: a kernel can have 1 to 28 pixels"),
        ("--kernels 3x29", "3x29: a kernel can have 1 to 28 pixels"),
        ("--kernels 3.5x3", "should be two whole numbers"),
        ("--epochs 0", "'0' should be a whole number from 1"),
        ("--seeds two", "'two' should be a whole number from 1"),
        ("--steps -1", "'-1' should be a whole number from 1|expected one argument"),
        ("--device tpu", "invalid choice: 'tpu'"),
    ],
)
def test_invalid_options_are_refused_with_a_reason(
    experiment: ModuleType, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    with pytest.raises(SystemExit) as refusal:
        experiment.parse_arguments(options.split())
    assert refusal.value.code == 2
    assert re.search(message, " ".join(capsys.readouterr().err.split()))


@pytest.mark.slow
def test_a_sweep_keeps_its_results_and_continues_where_it_stopped(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*QUICK, "--out", str(tmp_path / "new" / "folder")]
    table, record = (tmp_path / "new" / "folder" / name for name in ("experiments.csv", "runs.csv"))
    assert experiment.main(options) == 0
    shown = capsys.readouterr().out
    assert "shortened to 1 batches" in shown
    assert max(len(line) for line in shown.partition("Written to")[0].splitlines()) <= 80
    whole, columns = record.read_bytes(), (ROOT / "student_template" / "experiments.csv").read_text().strip()
    assert table.read_text().splitlines()[0] == columns
    networks = [tuple(row.values())[:5] for row in rows_of(table)]
    sides = (("1", "1"), ("3", "2"))
    assert networks == [(*sizes, *side, "1") for sizes in (("1", "2"), ("2", "2")) for side in sides]
    assert ElementTree.parse(table.with_suffix(".svg")).getroot().tag == f"{SVG}svg"

    # As if stopped before the last network: only that network is trained, with the same result.
    lines = whole.splitlines(keepends=True)
    record.write_bytes(b"".join(lines[:-1]))
    assert experiment.main(options) == 0
    assert "3 of 4 runs are already done" in capsys.readouterr().out
    assert record.read_bytes().splitlines()[:-1] == whole.splitlines()[:-1]
    again, before = (row.split(b",") for row in (record.read_bytes().splitlines()[-1], lines[-1].strip()))
    assert again[:6] + again[7:] == before[:6] + before[7:]  # all but the seconds

    # A second seed is added to the first; runs with other steps are kept separately.
    record.write_bytes(whole)
    assert experiment.main([*options, "--seeds", "2", "--surface", str(tmp_path / "surface.csv")]) == 0
    assert [row["runs"] for row in rows_of(tmp_path / "surface.csv")] == ["2"] * 4
    assert record.read_bytes().startswith(whole)
    assert experiment.main([*options[:2], "--steps", "2", *options[4:]]) == 0
    assert [row["steps"] for row in rows_of(record)] == ["1"] * 8 + ["2"] * 4
    assert len(rows_of(table)) == 4


def test_mean_and_spread_are_over_all_seeds(experiment: ModuleType) -> None:
    network = experiment.Configuration(1, 2, 3, 3)
    runs = [experiment.Run(1, 2, 3, 3, 1, accuracy, 3.0, 1, "mnist", 0) for accuracy in (0.90, 0.94, 0.95)]
    result = experiment.Result.of(network, 1, runs)
    assert result.accuracy == 0.93
    assert result.spread == pytest.approx(math.sqrt((0.03**2 + 0.01**2 + 0.02**2) / 2), abs=1e-4)
    assert experiment.Result.of(network, 1, runs[:1]).spread == 0


def test_an_unusable_folder_is_named(
    experiment: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "runs.csv"
    for content in ("name,colour\na,b\n", f"{','.join(experiment.Run.__annotations__)}\n1,2\n"):
        record.write_text(content)
        assert experiment.main([*QUICK, "--out", str(tmp_path)]) == 2
        assert capsys.readouterr().err.startswith(f"{record} was not written by this script.")
        assert record.read_text() == content
    (tmp_path / "file").touch()
    assert experiment.main([*QUICK, "--out", str(tmp_path / "file")]) == 2
    assert "cannot be used" in capsys.readouterr().err


def test_larger_networks_of_the_surface_learn_more() -> None:
    surface = reference_surface()
    networks = [(*trial.network, trial.epochs) for trial in surface.trials]
    assert len(set(networks)) == len(networks) == len(surface.runs)
    assert all(0.85 < trial.accuracy < 0.995 for trial in surface.trials)
    assert min(surface.runs) >= 1
    grid = {trial.network: trial.accuracy for trial in surface.trials if trial.epochs == 1}
    for kernel in (3, 5, 7):
        line = [grid[channels, 2 * channels, kernel, kernel] for channels in (2, 5, 10, 20)]
        assert line == sorted(line)
    for trial, other in combinations(surface.trials, 2):
        if trial.network == other.network and trial.epochs < other.epochs:
            assert trial.accuracy < other.accuracy


@pytest.mark.parametrize("network", list(BRIEF), ids=str)
def test_honest_runs_are_plausible(network: tuple[int, int, int, int]) -> None:
    reference = [(trial.epochs, trial.accuracy) for trial in reference_surface().trials if trial.network == network]
    honest = [*reference, *((epochs, accuracy) for net, epochs, accuracy in HONEST if net == network)]
    for seen, (epochs, accuracy) in product(BRIEF[network], honest):
        low, high = plausible(seen, epochs=epochs)
        # With margin: also with a fifth more errors in the brief run, or a third fewer in the claim.
        assert low < accuracy < high, (seen, epochs, accuracy)
        assert plausible(seen - (1 - seen) / 5, epochs=epochs)[1] > accuracy
        assert 1 - (1 - accuracy) / 1.5 < high


@pytest.mark.parametrize("network", list(BRIEF), ids=str)
def test_invented_figures_are_implausible(network: tuple[int, int, int, int]) -> None:
    for seen in BRIEF[network]:
        assert plausible(seen, epochs=1)[1] < 0.999
        assert plausible(seen, epochs=100)[1] <= BEST_POSSIBLE
        assert plausible(seen, epochs=10)[0] > 0.5


def test_a_plausible_accuracy_depends_on_the_network() -> None:
    tiny, good = BRIEF[2, 4, 3, 3][0], BRIEF[5, 10, 5, 5][0]
    assert plausible(tiny, epochs=1)[1] < 0.987 < plausible(good, epochs=1)[1]
    assert plausible(good, epochs=10)[0] > 0.75 > plausible(tiny, epochs=10)[0]


def test_bounds_are_possible_and_rise_with_epochs_and_brief_accuracy() -> None:
    for seen in (0.0, 0.1, 0.5, 0.9, 0.99, 1.0):
        bounds = [plausible(seen, epochs=epochs) for epochs in (0, 1, 2, 5, 10, 50, 10_000)]
        assert all(0 <= low < high <= BEST_POSSIBLE for low, high in bounds)
        assert bounds == sorted(bounds)
        assert bounds[0] == bounds[1]
    for epochs in (1, 10):
        lows, highs = zip(*(plausible(seen / 100, epochs=epochs) for seen in range(101)), strict=True)
        assert list(lows) == sorted(lows)
        assert list(highs) == sorted(highs)


def drawn(trials: Sequence[Trial], reference: Sequence[Trial] = ()) -> ExperimentChart:
    chart = experiment_chart(trials, reference)
    assert chart is not None
    return chart


REFERENCE = [
    trial(channels, kernel, 0.93 + channels / 400 + kernel / 1000) for channels in (2, 5, 20) for kernel in (3, 7)
]
GOOD = [trial(5, 5, 0.965), trial(10, 5, 0.978), trial(20, 5, 0.983), trial(10, 3, 0.973), trial(20, 3, 0.98)]


def test_networks_with_the_same_kernels_are_joined_and_named_once() -> None:
    chart = drawn([*GOOD, Trial(10, 20, 7, 5, 1, 0.977, None)], REFERENCE)
    assert [len(line.points.split()) for line in chart.lines] == [2, 3, 0]
    assert [line.label.text for line in chart.lines if line.label] == ["3×3", "5×5", "7×7 + 5×5"]
    assert [line.label.text for line in chart.reference if line.label] == ["3×3", "7×7"]
    assert len({line.dash for line in chart.reference}) == 2
    assert [tick.label for tick in chart.channels] == ["2 → 4", "5 → 10", "10 → 20", "20 → 40"]
    assert len(chart.dots) == 6
    assert "6 networks were tried, from 96.5 %" in chart.description


def test_the_axis_spreads_the_accuracies_that_students_reach() -> None:
    accuracies = (0.95, 0.96, 0.97, 0.98, 0.99)
    chart = drawn([trial(accuracy=accuracy) for accuracy in accuracies])
    heights = sorted((y for _, y in chart.dots), reverse=True)
    gaps = [lower - upper for lower, upper in pairwise(heights)]
    assert gaps == sorted(gaps)  # a percent weighs more the fewer errors are left
    assert heights[0] - heights[-1] > 0.6 * (chart.frame.bottom - chart.frame.top)
    assert [tick.label for tick in chart.accuracies] == ["90 %", "95 %", "98 %", "99 %"]


def test_the_axes_cover_all_trials() -> None:
    extremes = [trial(1, 1, 0.0), trial(512, 28, 1.0), trial(3, 3, 0.9995), Trial(1, 1, 1, 1, 0, 0.3, None)]
    chart = drawn(extremes, REFERENCE)
    frame = chart.frame
    assert all(frame.left <= x <= frame.right and frame.top <= y <= frame.bottom for x, y in chart.dots)
    assert (chart.accuracies[0].label, chart.accuracies[-1].label) == ("0 %", "99.9 %")
    assert drawn([trial()]).channels[0].label == "10 → 20"
    giants = [Trial(size, 10**6, 10**6, size, 1, 0.9, None) for size in range(1, 900)]
    assert len(standalone_svg(drawn([*GOOD, *giants], REFERENCE))) < 40_000


def test_trials_that_cannot_be_drawn_are_left_out() -> None:
    impossible = [trial(accuracy=accuracy) for accuracy in (1.4, -0.1, math.nan)] + [
        trial(0),
        replace(trial(), kernel1=0),
    ]
    assert experiment_chart(impossible, REFERENCE) is None
    assert experiment_chart([], REFERENCE) is None
    assert len(drawn([*impossible, trial()], REFERENCE).dots) == 1


def test_the_reference_with_the_most_similar_training_time_is_drawn() -> None:
    longer = [replace(trial, epochs=10, accuracy=trial.accuracy + 0.01) for trial in REFERENCE]
    assert [drawn([trial(epochs=epochs)], [*REFERENCE, *longer]).epochs for epochs in (0, 1, 2, 8, 30)] == [
        1,
        1,
        1,
        10,
        10,
    ]
    lonely = [trial(epochs=10), trial(kernel=3, epochs=10)]  # no line can be drawn through a single network
    assert drawn([trial(epochs=10)], [*REFERENCE, *lonely]).epochs == 1
    chart = drawn([trial(epochs=1), trial(accuracy=0.98, epochs=10)], REFERENCE)
    assert [line.label.text for line in chart.lines if line.label] == ["5×5, 1 ep.", "5×5, 10 ep."]


def box_of(label: Label) -> tuple[float, float, float, float]:
    width = 6 * len(label.text)
    left = label.x - {"start": 0, "middle": width / 2, "end": width}[label.anchor]
    return left, label.y - 9, left + width, label.y


def test_no_label_overlaps_another_or_leaves_the_chart() -> None:
    crowd = [
        trial(channels, kernel, 0.96 + channels / 2000 + kernel / 1000)
        for channels in (4, 8, 16)
        for kernel in range(1, 15)
    ]
    chart = drawn(crowd, REFERENCE)
    boxes = [box_of(line.label) for line in (*chart.lines, *chart.reference) if line.label]
    assert len(boxes) > 8
    for box, other in combinations(boxes, 2):
        assert box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
    assert all(box[0] >= chart.frame.left - 1 and box[2] <= chart.frame.width for box in boxes)
    ticks = [(tick.at - 3 * len(tick.label), tick.at + 3 * len(tick.label)) for tick in chart.channels]
    assert all(first[1] < second[0] for first, second in pairwise(ticks))


@pytest.mark.parametrize("trials", [GOOD, [trial(5, 3, 0.2, epochs=0)]], ids=["sweep", "single"])
def test_the_chart_is_valid_alone_and_inside_a_page(trials: list[Trial]) -> None:
    chart = drawn(trials, REFERENCE)
    source = standalone_svg(chart)
    root = ElementTree.fromstring(source)
    assert root.find(f"{SVG}title") is not None
    assert root.findtext(f"{SVG}desc") == chart.description
    known = {element.get("id") for element in root.iter()}
    assert {root.get("aria-labelledby"), root.get("aria-describedby")} <= known
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "line", "text", "circle", "polyline")
    }
    assert not re.search(r"<script|\bon\w+=|href|url\(|@import", source)
    assert len(root.findall(f"{SVG}circle")) == len(chart.dots) + 1  # and the circle of the legend
    parser = HTMLParser(namespace_html_elements=False)
    parser.parse(f"<!DOCTYPE html><title>page</title><figure>{source}</figure>")
    assert parser.errors == []


def test_texts_are_escaped() -> None:
    source = standalone_svg(replace(drawn(GOOD), description="</desc><script>&"))
    assert ElementTree.fromstring(source).findtext(f"{SVG}desc") == "</desc><script>&"
