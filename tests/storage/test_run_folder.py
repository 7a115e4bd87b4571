"""The files of a run: stored evidence, results.json, marks.csv, and run.json, which marks the folder."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.model import Attachment, Lateness, Origin, Person, Report, Status, UsageFault
from grader.storage import marks_csv, records, results_json, run_folder
from grader.storage.json_files import write_file, write_json_rows
from tests.support import report_samples as samples


def reject(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def strict_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=reject)


def rows_of(folder: Path) -> list[list[str]]:
    with (folder / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def same(first: object, second: object) -> bool:
    """Whether both are equal, with NaN equal to NaN."""
    return repr(first) == repr(second)


# Stored evidence


@pytest.mark.parametrize("report", samples.cohort()[:6], ids=lambda report: report.status.value)
def test_stored_evidence_is_read_back_unchanged(tmp_path: Path, report: Report) -> None:
    stored = samples.record_of(report, key="k1")
    records.write_evidence(tmp_path, stored)
    record = records.read_evidence(tmp_path, report.student)
    assert record is not None
    assert same(record, stored)


def test_a_nan_loss_is_stored_in_strict_json(tmp_path: Path) -> None:
    records.write_evidence(tmp_path, samples.record_of(samples.passed_report("a")))
    strict_json(tmp_path / "students" / "a" / "evidence.json")
    record = records.read_evidence(tmp_path, "a")
    assert record is not None
    assert record.evidence is not None
    assert math.isnan(record.evidence.trainings[0].curve[3].loss)


def test_nan_is_stored_in_the_same_way_in_reports(tmp_path: Path) -> None:
    records.write_report(tmp_path, dataclasses.replace(samples.passed_report("a"), accuracies=(math.nan,)))
    strict_json(tmp_path / "students" / "a" / "report.json")
    stored = records.read_report(tmp_path, "a")
    assert stored is not None
    assert stored.accuracy is not None
    assert math.isnan(stored.accuracy)


@pytest.mark.parametrize("name", samples.HOSTILE_NAMES, ids=range(len(samples.HOSTILE_NAMES)))
def test_any_name_can_be_stored_and_found_again(tmp_path: Path, name: str) -> None:
    records.write_evidence(tmp_path, samples.record_of(samples.hostile_report(name)))
    record = records.read_evidence(tmp_path, name)
    assert record is not None
    assert [path.parent.parent.name for path in tmp_path.rglob("evidence.json")] == ["students"]


def test_missing_evidence_is_none(tmp_path: Path) -> None:
    assert records.read_evidence(tmp_path, "nobody") is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"\xff\xfe\x00",
        lambda content: b"[1, 2]",
        lambda content: b"null",
        lambda content: b"[" * 100_000,
        lambda content: b'{"format": ' + b"9" * 5000 + b"}",
        lambda content: content.replace(b'"format": 1, "key"', b'"format": 2, "key"'),
        lambda content: content.replace(b'"output": "Train', b'"output": 7, "x": "Train'),
        lambda content: content.replace(b'"seed": 1', b'"seed": "1"'),
        lambda content: content.replace(b'"kind": "finished"', b'"kind": null'),
        lambda content: content.replace(b'"steps": 500', b'"steps": true'),
        lambda content: content.replace(b'"student": "a"', b'"student": "b"'),
        lambda content: content.replace(b'"key": "k"', b'"key": 1'),
        lambda content: content.replace(b'"root": "', b'"root": 1, "was": "'),
        lambda content: content.rstrip(b"}\n").removesuffix(b'"format": 1') + b'"format": 99}}',
    ],
)
def test_damaged_evidence_is_none_and_never_raises(tmp_path: Path, damage: Any) -> None:
    records.write_evidence(tmp_path, samples.record_of(samples.passed_report("a")))
    path = tmp_path / "students" / "a" / "evidence.json"
    content = path.read_bytes()
    assert damage(content) != content
    path.write_bytes(damage(content))
    assert records.read_evidence(tmp_path, "a") is None


def test_a_folder_in_place_of_the_evidence_is_none(tmp_path: Path) -> None:
    (tmp_path / "students" / "a" / "evidence.json").mkdir(parents=True)
    assert records.read_evidence(tmp_path, "a") is None


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "marks.csv"
    write_file(path, b"old")
    with pytest.raises(TypeError):
        write_file(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# results.json


def test_results_have_the_documented_form(tmp_path: Path) -> None:
    reports = samples.cohort()
    results_json.write_results(tmp_path, samples.RUN, reports)
    results = strict_json(tmp_path / "results.json")
    assert list(results) == ["format", "run", "submissions"]
    assert results["format"] == 1
    assert results["run"]["versions"]["torch"]
    assert results["run"]["isolation"]
    assert len(results["submissions"]) == len(reports)
    for entry in results["submissions"]:
        assert list(entry)[:5] == ["student", "origin", "status", "awarded", "available"]
        assert list(entry)[5:] == ["lateness", "flags", "items", "answers", "network", "report"]
        assert entry["status"] in set(Status)
        for flag in entry["flags"]:
            assert list(flag) == ["id", "message"]
        for item in entry["items"]:
            assert list(item) == [
                "id",
                "status",
                "awarded",
                "available",
                "message",
                "hint",
                "cause",
                "proposed",
                "override",
            ]
        for answer in entry["answers"]:
            assert list(answer)[:7] == ["part", "status", "awarded", "available", "confidence", "message", "spans"]
            assert list(answer)[7:] == ["answer", "source", "note", "proposed", "override"]


def test_rows_are_written_as_they_come_and_half_of_them_replace_nothing(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    write_json_rows(path, {"format": 1}, "rows", ({"n": n, "name": "a\u2028b"} for n in range(2)))
    assert (
        path.read_bytes()
        == b"""{"format": 1,
"rows": [
{"n": 0, "name": "a\\u2028b"},
{"n": 1, "name": "a\\u2028b"}
]}
"""
    )
    whole = path.read_bytes()

    def interrupted() -> Iterator[dict[str, Any]]:
        yield {"n": 3}
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_json_rows(path, {}, "rows", interrupted())
    assert path.read_bytes() == whole
    assert list(tmp_path.iterdir()) == [path]
    write_json_rows(path, {}, "rows", ())
    assert strict_json(path) == {"rows": []}


@pytest.mark.parametrize("damage", ["", "[]", "{}", '{"submissions": 3}', '{"submissions": [{"students": "a"}]}'])
def test_damaged_results_are_none(tmp_path: Path, damage: str) -> None:
    samples.stored_run(tmp_path, *samples.cohort())
    (tmp_path / "results.json").write_text(damage)
    assert results_json.origins_of(tmp_path) == {}
    with pytest.raises(UsageFault, match="not a run"):
        results_json.students_of(tmp_path)


def test_a_damaged_origin_is_unstated(tmp_path: Path) -> None:
    samples.stored_run(tmp_path, samples.passed_report("a"))
    results = strict_json(tmp_path / "results.json")
    results["submissions"][0]["origin"] = {"platform": 3}
    (tmp_path / "results.json").write_text(json.dumps(results))
    assert results_json.origins_of(tmp_path) == {"a": Origin()}


def test_points_are_numbers_and_paths_are_relative(tmp_path: Path) -> None:
    results_json.write_results(tmp_path, samples.RUN, [samples.partial_report("a")])
    (entry,) = strict_json(tmp_path / "results.json")["submissions"]
    assert entry["awarded"] == 13.5
    assert entry["available"] == 30
    assert isinstance(entry["available"], int)
    assert entry["report"] == "students/a/report.html"


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    base = samples.passed_report()
    answer = samples.altered(base.answer_results[0], confidence=math.nan, spans=((1, 5),))
    run = dataclasses.replace(samples.RUN, seconds=math.inf)
    results_json.write_results(tmp_path, run, [samples.changed(base, answers=(answer,))])
    results = strict_json(tmp_path / "results.json")
    assert results["run"]["seconds"] is None
    assert results["submissions"][0]["answers"][0]["confidence"] is None
    assert results["submissions"][0]["answers"][0]["spans"] == [[1, 5]]


# marks.csv


def test_marks_have_a_row_for_each_student_and_a_column_for_each_item(tmp_path: Path) -> None:
    marks_csv.write_marks_csv(tmp_path, samples.cohort())
    assert (tmp_path / "marks.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    header, *rows = rows_of(tmp_path)
    assert header[:7] == ["student", "name", "platform", "account", "email", "late", "handed_in"]
    assert header[7:10] == ["status", "awarded", "available"]
    assert header[10:24] == [id for id, *_ in samples.ITEMS]
    assert header[24:-1] == [f"part1.{part}" for part, _ in samples.PARTS]
    assert header[-1] == "flags"
    assert len(rows) == len(samples.cohort())
    assert {len(row) for row in rows} == {len(header)}


def test_the_cells_of_a_row_add_up_to_its_mark(tmp_path: Path) -> None:
    marks_csv.write_marks_csv(tmp_path, samples.cohort())
    for row in rows_of(tmp_path)[1:]:
        assert sum(Decimal(cell) for cell in row[10:-1] if cell) == Decimal(row[8])


def test_where_a_submission_comes_from_is_in_both_tables(tmp_path: Path) -> None:
    people = (Person("Ada Byron", "5012301", "ada@example.edu"), Person("Ben Cho", "5012302", "ben@example.edu"))
    file = Attachment("Team 4_0077_assignsubmission_file")
    origin = Origin("moodle", "Team 4", "0077", (file,), people, True, True, "2026-03-27T19:03:00", "the worksheet")
    reports = [dataclasses.replace(samples.passed_report(), origin=origin), samples.failed_report()]
    marks_csv.write_marks_csv(tmp_path, reports)
    _, team, plain = rows_of(tmp_path)
    assert team[1:4] == ["Team 4", "moodle", "0077"]
    assert team[4:7] == ["ada@example.edu, ben@example.edu", "yes", "2026-03-27T19:03:00"]
    assert plain[1:7] == [plain[0], "", "", "", "", ""]
    results_json.write_results(tmp_path, samples.RUN, reports)
    stored, unstated = (entry["origin"] for entry in strict_json(tmp_path / "results.json")["submissions"])
    assert stored["members"][1] == {"name": "Ben Cho", "account": "5012302", "email": "ben@example.edu"}
    assert (stored["attachments"], stored["is_late"]) == ([{"name": file.name, "id": ""}], True)
    assert (unstated["platform"], unstated["is_late"]) == ("", None)


def test_an_open_item_is_an_empty_cell_instead_of_zero(tmp_path: Path) -> None:
    marks_csv.write_marks_csv(tmp_path, [samples.review_report(), samples.failed_report()])
    header, review, failed = rows_of(tmp_path)
    assert review[header.index("training.accuracy")] == ""
    assert review[header.index("part1.6a")] == ""
    assert failed[header.index("training.accuracy")] == "0"


def test_lateness_has_columns_and_a_value_of_its_own(tmp_path: Path) -> None:
    late = Lateness(2, Decimal("1.5"), "2 days late.")
    reports = [dataclasses.replace(samples.partial_report(name), lateness=late) for name in ("a", "b")]
    reports[1] = dataclasses.replace(reports[1], lateness=Lateness(None, None, "A tutor decides."))
    marks_csv.write_marks_csv(tmp_path, reports)
    header, *rows = rows_of(tmp_path)
    start = header.index("awarded")
    assert header[start : start + 4] == ["awarded", "available", "late_days", "deduction"]
    assert [row[start : start + 4] for row in rows] == [["13.5", "30", "2", "1.5"], ["13.5", "30", "", ""]]
    results_json.write_results(tmp_path, samples.RUN, reports)
    entries = strict_json(tmp_path / "results.json")["submissions"]
    assert [entry["awarded"] for entry in entries] == [13.5, 13.5]
    assert [*entries[0]["lateness"].values()] == [2, 1.5, "2 days late.", False, ""]
    assert entries[1]["lateness"]["deduction"] is None


@pytest.mark.parametrize("name", samples.HOSTILE_NAMES, ids=range(len(samples.HOSTILE_NAMES)))
def test_no_cell_of_text_starts_a_formula_or_breaks_a_row(tmp_path: Path, name: str) -> None:
    marks_csv.write_marks_csv(tmp_path, [samples.hostile_report(name)])
    content = (tmp_path / "marks.csv").read_text(encoding="utf-8-sig")
    assert len(content.splitlines()) == 2
    for cell in rows_of(tmp_path)[1]:
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+cmd", "'+cmd"),
        ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'␉=1"),
        ("\rx", "'␍x"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("-5", "-5"),
        ("+61.5", "+61.5"),
        ("s1", "s1"),
        ("two\nlines", "two␊lines"),
    ],
)
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(tmp_path: Path, name: str, cell: str) -> None:
    marks_csv.write_marks_csv(tmp_path, [samples.passed_report(name)])
    assert rows_of(tmp_path)[1][0] == cell


# The folder of a run


def test_a_new_and_an_empty_folder_can_be_claimed_and_claimed_again(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "new" / "run"):
        run_folder.claim_folder(folder)
        stored = run_folder.read_run(folder)
        assert stored is not None
        assert not stored.is_finished
        assert stored.run is None
        run_folder.claim_folder(folder)


def test_the_facts_of_a_run_are_read_back(tmp_path: Path) -> None:
    run_folder.claim_folder(tmp_path)
    run_folder.write_run(tmp_path, samples.RUN, is_finished=True)
    assert run_folder.read_run(tmp_path) == run_folder.StoredRun(is_finished=True, run=samples.RUN)
    run_folder.claim_folder(tmp_path)
    assert run_folder.read_run(tmp_path) == run_folder.StoredRun(is_finished=True, run=samples.RUN)


def test_files_of_the_operating_system_are_ignored(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    run_folder.claim_folder(tmp_path)


@pytest.mark.parametrize("content", [None, "{}", '{"format": 1, "kind": "other"}', "half a li"])
def test_a_folder_with_anything_else_is_refused(tmp_path: Path, content: str | None) -> None:
    name = "thesis.txt" if content is None else "run.json"
    (tmp_path / name).write_text(content or "words")
    with pytest.raises(UsageFault, match="not empty"):
        run_folder.claim_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.touch()
    with pytest.raises(UsageFault, match="is a file"):
        run_folder.claim_folder(path)
    with pytest.raises(UsageFault, match="cannot be written"):
        run_folder.claim_folder(path / "below")


def test_threads_that_read_a_record_first_do_not_crash(tmp_path: Path) -> None:
    records.write_report(tmp_path, samples.plain(samples.passed_report("ann")))
    code = (
        "import sys, threading; from pathlib import Path; from grader.storage import records\n"
        "sys.setswitchinterval(1e-6)\n"
        "read = records.read_report\n"
        "threads = [threading.Thread(target=read, args=(Path(sys.argv[1]), 'ann')) for _ in range(8)]\n"
        "for thread in threads: thread.start()\n"
        "for thread in threads: thread.join()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
