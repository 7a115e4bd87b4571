"""Tables of experiments are read however they were saved, and an unreadable line is reported by its number."""

from __future__ import annotations

import time

import pytest

from grader.experiment.table import COLUMNS, LARGEST, MOST_REPORTED, MOST_ROWS, read_table
from grader.model.experiment import Trial
from tests.support.places import ROOT

HEADER = ",".join(COLUMNS)
TEMPLATE = ROOT / "student_template" / "experiments.csv"
ONE = Trial(8, 24, 3, 5, 2, 0.975, 41.0, 2)


def only(content: bytes | str) -> Trial:
    found = read_table(content)
    assert (found.problems, found.unread) == ((), 0)
    (trial,) = found.trials
    return trial


def problem(content: bytes | str) -> str:
    found = read_table(content)
    assert found.trials == ()
    assert found.unread
    (message,) = found.problems
    return message


def test_the_template_is_blank() -> None:
    found = read_table(TEMPLATE.read_bytes())
    assert (found.trials, found.problems, found.unread) == ((), (), 0)


def test_the_template_names_the_columns() -> None:
    assert TEMPLATE.read_text(encoding="utf-8").strip() == HEADER


@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff", ",,,,\n"])
def test_an_empty_file_is_blank(content: str) -> None:
    found = read_table(content)
    assert (found.trials, found.problems, found.unread) == ((), (), 0)


@pytest.mark.parametrize(
    "content",
    {
        "as in the readme": f"{HEADER}\n8,24,3,5,2,0.975,41",
        "windows line ends": f"{HEADER}\r\n8,24,3,5,2,0.975,41\r\n",
        "old line ends": f"{HEADER}\r8,24,3,5,2,0.975,41\r",
        "semicolons and decimal commas": f"{HEADER.replace(',', ';')}\n8;24;3;5;2;0,975;41,0",
        "tabs": f"{HEADER}\n8,24,3,5,2,0.975,41".replace(",", "\t"),
        "a table of markdown": "| conv1 | conv2 | k1 | k2 | epochs | acc | time |\n| 8 | 24 | 3 | 5 | 2 | .975 | 41 |",
        "quotes": HEADER.replace(",", '","').join('""') + '\n"8","24","3","5","2","0.975","41"',
        "whole lines in quotes": f'"{HEADER}"\n"8,24,3,5,2,0.975,41"',
        "a decimal comma in quotes": f'{HEADER}\n8,24,3,5,2,"0,975",41',
        "spaces": " Channels 1 , Channels 2 ,KERNEL-1, kernel_2 , Epochs , Accuracy , Seconds \n"
        " 8, 24 , 3, 5 ,2 , 0.975 , 41 ",
        "percent": f"{HEADER}\n8,24,3,5,2,97.5%,41",
        "percent in the header": f"{HEADER.replace('accuracy', 'Test accuracy (%)')}\n8,24,3,5,2,97.5,41",
        "a share": f"{HEADER}\n8,24,3,5,2,9750/10000 (98%),41 s",
        "kernels of two sides": f'{HEADER}\n8,24,3x3,"(5, 5)",2 epochs,0.975,0:41',
        "trailing separators": f"{HEADER},,\n8,24,3,5,2,0.975,41,,,,",
        "another order": "accuracy,seconds,epochs,kernel1,kernel2,channels1,channels2\n0.975,41,2,3,5,8,24",
        "other names": "out_channels1,filters2,kernelSize1,filter_size_2,num_epochs,TestAcc,duration\n"
        "8,24,3,5,2,0.975,41",
        "the first and the second": "first conv channels,second conv channels,first kernel,second kernel,epochs,acc,sec"
        "\n8,24,3,5,2,0.975,41",
        "both layers in one column": "channels,kernels,epochs,accuracy,seconds\n8-24,3/5,2,0.975,41",
        "more columns": f"name,{HEADER},learning rate,train loss\nA,8,24,3,5,2,0.975,41,0.01,0.2",
        "training beside testing": HEADER.replace("accuracy", "train accuracy,test accuracy")
        + "\n8,24,3,5,2,0.99,0.975,41",
        "minutes": f"{HEADER.replace('seconds', 'time (min)')}\n8,24,3,5,2,0.975,{41 / 60}",
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_table_is_read_however_it_was_saved(content: tuple[str, str]) -> None:
    trial = only(content[1])
    assert trial.seconds == pytest.approx(ONE.seconds)
    assert trial == Trial(*ONE.network, ONE.epochs, ONE.accuracy, trial.seconds, ONE.row)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1252", "mac-roman"])
def test_a_table_is_read_in_any_encoding(encoding: str) -> None:
    text = f"# café\n{HEADER}\n\n8,24,3,5,2,0.975,41\n"
    assert only(text.encode(encoding)) == Trial(8, 24, 3, 5, 2, 0.975, 41.0, 4)


def test_a_spreadsheet_announces_its_separator() -> None:
    assert only(f"sep=;\r\n{HEADER.replace(',', ';')}\r\n8;24;3;5;2;97,5;41").row == 3


def test_figures_without_a_header_have_the_templates_columns() -> None:
    assert only("8,24,3,5,2,0.975,41") == Trial(8, 24, 3, 5, 2, 0.975, 41.0, 1)
    assert only("8;24;3;5;2;0,975") == Trial(8, 24, 3, 5, 2, 0.975, None, 1)


def test_comments_and_blank_lines_do_not_change_line_numbers() -> None:
    found = read_table(f"# mine\n\n{HEADER}\n8,24,3,5,2,0.975,41\n\n# slow\n;;;\n8,24,3,5,2,0.98,41\n")
    assert [trial.row for trial in found.trials] == [4, 8]


@pytest.mark.parametrize(
    ("cell", "accuracy"),
    [
        ("0.98", 0.98),
        ("98", 0.98),
        ("98.0 %", 0.98),
        ("1", 1.0),
        ("100", 1.0),
        ("0.5%", 0.005),
        ("1.7", 1.7),
        ("150", 1.5),
    ],
)
def test_accuracies_become_shares(cell: str, accuracy: float) -> None:
    assert only(f"{HEADER}\n8,24,3,5,2,{cell},41").accuracy == pytest.approx(accuracy)


@pytest.mark.parametrize("cell", ["", "fast", "-", "about 40 s or so"])
def test_a_line_without_a_time_is_read(cell: str) -> None:
    assert only(f"{HEADER}\n8,24,3,5,2,0.975,{cell}").seconds is None


def test_a_line_without_epochs_is_read() -> None:
    assert only(f"{HEADER}\n8,24,3,5,,0.975,41").epochs == 0
    assert only("channels1,channels2,kernel1,kernel2,accuracy\n8,24,3,5,0.975").epochs == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("8,24,3,5,2,0,975,41", "it has 8 values below 7 columns; write decimals with a point"),
        ("8,many,3,5,2,0.975,41", 'channels2 should be a number, not "many"'),
        ("8,24,3x5,5,2,0.975,41", 'kernel1 is "3x5", but only square kernels are read'),
        ("8,24,3,5,2,,41", "accuracy is not filled in"),
        ("8,24,3", "kernel2 is not filled in"),
        ("8,24.5,3,5,2,0.9,41", 'channels2 should be a whole number, not "24.5"'),
        ("8,24,3,5,2,nan,41", 'accuracy should be a number, not "nan"'),
        ("1e9,24,3,5,2,0.9,41", 'channels1 should be a number, not "1e9"'),
    ],
)
def test_an_unreadable_line_is_reported_by_its_number(line: str, reason: str) -> None:
    found = read_table(f"{HEADER}\n8,24,3,5,2,0.975,41\n{line}\n10,20,5,5,1,0.96,30\n")
    assert [trial.row for trial in found.trials] == [2, 4], "the others are read"
    assert found.problems[0].startswith("Line 3 of experiments.csv could not be read")
    assert found.unread == 1
    assert reason in found.problems[0]


def test_a_table_of_something_else_has_no_trials() -> None:
    assert problem("name,mark\nann,3\n").startswith("experiments.csv has no readable header")
    assert "has no column channels1" in problem("channels2,kernel1,kernel2,accuracy\n1,2,3,0.9")
    assert "please save it as CSV" in problem(b"PK\x03\x04" + bytes(range(256)))


def test_the_number_and_length_of_problems_is_limited() -> None:
    found = read_table(HEADER + "\n" + "8,24,3,5,2,none,1\n" * 100)
    assert len(found.problems) == MOST_REPORTED + 1
    assert found.unread == 100
    assert max(map(len, read_table(f"{HEADER}\n8,24,3,5,2,{'x' * 100_000},1").problems)) < 200


@pytest.mark.parametrize(
    "content",
    [
        bytes(range(256)) * 3000,
        b"\0" * 900_000,
        b'"' * 900_000,
        b"," * 900_000,
        b"8,24,3,5,2,0.975,41\n" * 45_000,
        (HEADER + "\n" + "(" * 900_000).encode(),
        (HEADER + "\n" + ("9" * 1900 + ",") * 400).encode(),
        (HEADER + "\n" + " 1 " * 300_000).encode(),
        "\n".join([HEADER, *(f"8,24,3,5,2,{'9' * 900}/1,1", f"8,24,3,5,2,0.9,1:{'9' * 900}")]).encode(),
        b"x" * (LARGEST + 1),
    ],
    ids=range(10),
)
def test_hostile_content_is_read_quickly(content: bytes) -> None:
    start = time.perf_counter()
    found = read_table(content)
    assert time.perf_counter() - start < 5
    assert len(found.trials) <= MOST_ROWS
    assert len(found.problems) <= MOST_REPORTED + 2
