"""A marking scheme is read exactly, or refused with the file, the key and the reason."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from importlib import resources
from pathlib import Path

import pytest

from grader.lab4.items import EXPERIMENT_TITLES, PART1_IDS, PART2_TITLES
from grader.model import Rubric, UsageFault
from grader.rubric.loading import load_rubric
from tests.support.places import ROOT

PACKAGED = resources.files("grader.lab4").joinpath("rubric.toml").read_text(encoding="utf-8")
WITHOUT_PART1 = PACKAGED[: PACKAGED.index("\n[part1]\n")] + PACKAGED[PACKAGED.index("\n[part2]\n") :]
TUTORS = ROOT / "docs" / "tutors.md"
BEST_BAND = "{ accuracy = 0.9, fraction = 1 }"


@pytest.fixture
def rubric_from(tmp_path: Path) -> Callable[[str], Rubric]:
    def write_and_load(text: str) -> Rubric:
        path = tmp_path / "scheme.toml"
        path.write_text(text, encoding="utf-8")
        return load_rubric(path)

    return write_and_load


def with_line(key: str, replacement: str) -> str:
    """The packaged rubric with its first line for ``key`` replaced."""
    lines = PACKAGED.split("\n")
    found = next(index for index, line in enumerate(lines) if line.startswith(f"{key} ="))
    lines[found] = replacement
    return "\n".join(lines)


def with_bands(bands: str) -> str:
    head, _, tail = PACKAGED.partition("bands = [")
    return f"{head}bands = [{bands}]{tail.partition(']')[2]}"


def test_the_packaged_rubric_gives_13_and_17_points() -> None:
    rubric = load_rubric()
    assert tuple(criterion.id for criterion in rubric.part1) == PART1_IDS
    assert [criterion.id for criterion in rubric.part2] == list(PART2_TITLES)
    assert sum(criterion.points for criterion in rubric.part1) == 13
    assert sum(criterion.points for criterion in rubric.part2) == 17
    assert rubric.max_parameters == 50_000_000
    assert all(criterion.title for criterion in rubric.part1 + rubric.part2)
    assert len(rubric.revision) == 12


def with_experiment(points: str = "1", total: str = "5") -> str:
    given = "\n".join(f'"{id}" = {points}' for id in EXPERIMENT_TITLES)
    return PACKAGED.replace("part2 = 17", f"part2 = 17\nexperiment = {total}") + f"\n[experiment]\n{given}\n"


def test_the_experiment_earns_points_only_if_the_rubric_says_so(rubric_from: Callable[[str], Rubric]) -> None:
    packaged, paid = load_rubric(), rubric_from(with_experiment())
    assert packaged.experiment == ()
    assert [criterion.id for criterion in paid.experiment] == list(EXPERIMENT_TITLES)
    assert (paid.part1, paid.part2) == (packaged.part1, packaged.part2)
    assert len({packaged.revision, paid.revision, rubric_from(with_experiment("2", "10")).revision}) == 3


def test_the_experiment_table_in_the_docs_is_valid(rubric_from: Callable[[str], Rubric]) -> None:
    example = TUTORS.read_text(encoding="utf-8").partition("[totals]\n")[2].partition("```")[0]
    total, _, table = example.partition("\n")
    rubric = rubric_from(PACKAGED.replace("part2 = 17", f"part2 = 17\n{total}") + table)
    assert sum(criterion.points for criterion in rubric.experiment) == 3


def test_points_given_as_numbers_or_text_are_exact_decimals(rubric_from: Callable[[str], Rubric]) -> None:
    text = PACKAGED.replace('"structure.relu" = 1.5', '"structure.relu" = "1.25"')
    text = text.replace('"structure.order" = 0.5', '"structure.order" = 0.75')
    points = {criterion.id: criterion.points for criterion in rubric_from(text).part2}
    assert points["structure.relu"] == Decimal("1.25")
    assert points["structure.order"] == Decimal("0.75")


def test_the_revision_depends_only_on_the_content(rubric_from: Callable[[str], Rubric]) -> None:
    original = load_rubric().revision
    quoted = PACKAGED.replace("part1 = 13", 'part1 = "13.0"  # the same').replace('"loads" = 1', '\n"loads" = 1.00')
    unquoted = PACKAGED.replace('"structure.conv" = 2', "structure.conv = 2")
    assert rubric_from(quoted).revision == original
    assert rubric_from(unquoted).revision == original
    assert rubric_from("\ufeff" + PACKAGED).revision == original
    assert rubric_from(PACKAGED.replace("margin = 0.05", "margin = 0.03", 1)).revision != original
    assert rubric_from(PACKAGED.replace('title = "Lab 4"', 'title = "Lab 5"')).revision != original
    assert rubric_from(PACKAGED.replace("[repairs]", '[repairs]\nclass-count = "free"')).revision != original


def test_the_written_parts_may_be_those_of_another_lab(rubric_from: Callable[[str], Rubric]) -> None:
    part1 = '\n[part1]\n"10" = 1\n"2b" = 2\n"2a" = 1\n"1" = 3\n'
    rubric = rubric_from(WITHOUT_PART1.replace("part1 = 13", "part1 = 7") + part1)
    assert [criterion.id for criterion in rubric.part1] == ["1", "2a", "2b", "10"]
    assert [criterion.title for criterion in rubric.part1][1:3] == ["Question 2a", "Question 2b"]


def test_part_1_may_be_left_out(rubric_from: Callable[[str], Rubric]) -> None:
    rubric = rubric_from(WITHOUT_PART1.replace("part1 = 13\n", ""))
    assert rubric.part1 == ()
    assert len(rubric.part2) == len(PART2_TITLES)


def test_an_item_may_have_zero_points(rubric_from: Callable[[str], Rubric]) -> None:
    text = with_line('"8"', '"8" = 0').replace("part1 = 13", "part1 = 12")
    assert rubric_from(text).part1[-1].points == 0


FAULTS = {
    "misspelt table": (PACKAGED.replace("[resources]", "[resource]"), 'resource: .*Did you mean "resources"'),
    "misspelt key": (with_line("steps", "step = 600"), 'training.step: .*Did you mean "steps"'),
    "unknown key": (
        with_line("max_parameters", "colour = 1"),
        "resources.colour: is not a known key. The known names are: max_",
    ),
    "unknown check": (
        PACKAGED.replace('"structure.conv"', '"structure.convs"'),
        r'part2."structure.convs": .*Did you mean "structure.conv"',
    ),
    "unknown part": (PACKAGED.replace('"6a"', '"six"'), "part1.six: is no part; parts are called 1 to 99"),
    "missing check": (PACKAGED.replace('"structure.relu" = 1.5', ""), r'part2."structure.relu": is missing'),
    "missing part": (PACKAGED.replace('"7e" = 1', ""), "part1: the points add up to 12.00, but totals.part1 says 13"),
    "missing letter": (PACKAGED.replace('"6a"', '"6c"'), "part1.6b: the parts of question 6 should be called 6a, 6b"),
    "question with and without letters": (PACKAGED.replace('"6a"', '"6"'), "part1.6: question 6 has the parts 6b"),
    "missing part 1": (PACKAGED.replace("[part1]", "[part3]"), "part3: is not a known key"),
    "total of a part that is not there": (
        WITHOUT_PART1,
        r"totals.part1: there is no \[part1\] table",
    ),
    "total of the experiment": (with_experiment(total="4"), "experiment: .*5.00, but totals.experiment says 4"),
    "total of an experiment that is not there": (
        PACKAGED.replace("part2 = 17", "part2 = 17\nexperiment = 1"),
        r"totals.experiment: there is no \[experiment\] table",
    ),
    "unknown item of the experiment": (
        with_experiment().replace("experiment.rerun", "experiment.reruns"),
        "experiment.reruns.*experiment.rerun",
    ),
    "missing total": (PACKAGED.replace("part2 = 17", ""), "totals.part2: is missing"),
    "missing training": (PACKAGED.replace("[training]", "[trainings]"), "trainings: .*training"),
    "one plan for each data set": (
        PACKAGED.replace("[training]", "[training.mnist]") + "[training.digits]\nsteps = 1000",
        r"training.mnist: rename \[training.mnist\] to \[training\], and remove \[training.digits\]",
    ),
    "check given twice": (PACKAGED.replace('"loads" = 1', '"loads" = 1\n"loads" = 1'), r"not valid TOML: .*line \d+"),
    "check given twice, once unquoted": (
        PACKAGED.replace('"loads" = 1', '"loads" = 1\nforward.shape = 1'),
        r'part2."forward.shape": is given twice',
    ),
    "total of part 1": (with_line('"8"', '"8" = 0.5'), "part1: the points add up to 12.50, but totals.part1 says 13"),
    "total of part 2": (PACKAGED.replace("part2 = 17", "part2 = 16"), "part2: .*17.00, but totals.part2 says 16"),
    "negative points": (PACKAGED.replace('"loads" = 1', '"loads" = -1'), "part2.loads: points cannot be -1"),
    "uneven points": (PACKAGED.replace('"loads" = 1', '"loads" = 1.1'), "part2.loads: 1.1 points is not a multiple"),
    "endless points": (PACKAGED.replace('"loads" = 1', '"loads" = inf'), "part2.loads: points cannot be Infinity"),
    "points in words": (PACKAGED.replace('"loads" = 1', '"loads" = "one"'), 'part2.loads: .*not the text "one"'),
    "points as a boolean": (PACKAGED.replace('"loads" = 1', '"loads" = true'), "part2.loads: .*not true"),
    "points as a list": (PACKAGED.replace('"loads" = 1', '"loads" = [1]'), "part2.loads: .*not a list"),
    "a table that is none": ('part2 = 3\ntitle = "x"\n[totals]\npart2 = 17', "part2: should be a table, not 3"),
    "no title": (PACKAGED.replace('title = "Lab 4"', 'title = " "'), "title: should be text"),
    "bands out of order": (
        with_bands(BEST_BAND + ", { accuracy = 0.95, fraction = 0.5 }"),
        r"training.bands\[2\].accuracy: .*below 0.9",
    ),
    "equal fractions": (
        with_bands(BEST_BAND + ", { accuracy = 0.8, fraction = 1 }"),
        r"training.bands\[2\].fraction: .*less than",
    ),
    "best band not 1": (with_bands("{ accuracy = 0.9, fraction = 0.9 }"), r"bands\[1\].fraction: the best band"),
    "accuracy in per cent": (with_bands("{ accuracy = 90, fraction = 1 }"), r"bands\[1\].accuracy: .*between 0 and 1"),
    "fraction over 1": (with_bands("{ accuracy = 0.9, fraction = 2 }"), r"bands\[1\].fraction: .*between 0 and 1"),
    "fraction missing": (with_bands("{ accuracy = 0.9 }"), r"bands\[1\].fraction: is missing"),
    "unknown key in a band": (with_bands("{ acuracy = 0.9, fraction = 1 }"), r'Did you mean "accuracy"'),
    "band as a number": (with_bands("0.9"), r"training.bands\[1\]: should be a table"),
    "no bands": (with_bands(""), "training.bands: .*at least one entry, not an empty list"),
    "seeds of an earlier version": (with_line("runs", "seeds = [1, 2]"), "training.seeds: write runs = 3"),
    "no runs": (with_line("runs", "runs = 0"), "training.runs: should be between 1 and 20"),
    "no steps": (with_line("steps", "steps = 0"), "training.steps: should be between 10 and"),
    "endless steps": (with_line("steps", "steps = 1_000_000"), "training.steps: should be between"),
    "part of a step": (with_line("steps", "steps = 1.5"), "training.steps: should be a whole number"),
    "never evaluated": (with_line("evaluate_every", "evaluate_every = 1001"), "evaluate_every: .*between 1 and 1000"),
    "learning rate 0": (with_line("learning_rate", "learning_rate = 0"), "learning_rate: should be between"),
    "stops too early": (with_line("stop_accuracy", "stop_accuracy = 0.5"), "stop_accuracy: .*best band, 0.7"),
    "no parameters": (with_line("max_parameters", "max_parameters = 0"), "resources.max_parameters: should be"),
    "no seconds": (with_line("max_forward_seconds", "max_forward_seconds = nan"), "max_forward_seconds: should be"),
    "bad TOML": ('title = "Lab 4"\n[totals\n', r"not valid TOML: .*line 2"),
}


@pytest.mark.parametrize(("text", "reason"), FAULTS.values(), ids=FAULTS.keys())
def test_a_mistake_is_refused_with_its_key_and_reason(
    text: str, reason: str, rubric_from: Callable[[str], Rubric]
) -> None:
    with pytest.raises(UsageFault, match=reason) as refusal:
        rubric_from(text)
    assert "scheme.toml" in str(refusal.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"none\.toml: the rubric cannot be read"):
        load_rubric(tmp_path / "none.toml")
    with pytest.raises(UsageFault, match="cannot be read"):
        load_rubric(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'\ntitle = "\xe9"\n')
    with pytest.raises(UsageFault, match=r"latin\.toml, line 2: not UTF-8"):
        load_rubric(tmp_path / "latin.toml")
