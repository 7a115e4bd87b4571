"""Tests of .7z archives: opened within the limits of a zip, in a process of their own."""

from __future__ import annotations

import io
import os
import shlex
import stat
import sys
from pathlib import Path

import py7zr
import pytest

from grader.submissions import seven_zip
from grader.submissions.archives import STUDENT, unpack
from grader.submissions.member import DAMAGED, Limits, Refused
from tests.support.submission_files import NET, bounced, found, message, write, zipped

UNIX = 0x8000
"""The attribute that says that the upper half is a Unix mode."""
REPARSE = 0x400


def sevened(
    files: dict[str, str | bytes], *, attributes: int | None = None, password: str = "", hides_names: bool = False
) -> bytes:
    """A .7z of ``files``, also with names that py7zr does not write; ``attributes`` are those of the last file."""
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password=password or None, header_encryption=hides_names) as archive:
        for number, (name, content) in enumerate(files.items()):
            archive.writestr(content, str(number))
            archive.files[number].file_properties()["filename"] = name
            if attributes is not None and number == len(files) - 1:
                archive.files[number].file_properties()["attributes"] = attributes
    return buffer.getvalue()


def refused(cohort: Path, scratch: Path, content: bytes, *words: str) -> None:
    """A student's .7z is refused while the one beside it is graded, and nothing gets out of the scratch folder."""
    write(cohort, {"evil.7z": content, "good.7z": sevened({"task1_cnn.py": NET})})
    before = {p for p in cohort.parent.rglob("*") if scratch not in p.parents}
    result = found(cohort, scratch)
    assert result["good"].script == "task1_cnn.py"
    bounced(result["evil"], "evil.7z", *words)
    assert "evil.7z" in message(result["evil"], "archive-refused")
    assert result["evil"].has_unread_work
    assert {p for p in cohort.parent.rglob("*") if scratch not in p.parents} - {scratch} == before


def wrapped(folder: Path, script: str) -> str:
    """A program that runs ``script`` in a shell, in which ``$PYTHON`` is Python."""
    program = folder / "python"
    program.write_text(f"#!/bin/sh\nPYTHON={shlex.quote(sys.executable)}\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir()
    return folder


@pytest.fixture
def only_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process cannot unpack, so that a refusal shows that the list was enough."""
    monkeypatch.setattr(sys, "executable", wrapped(tmp_path, '[ "$4" = list ] && exec $PYTHON "$@"'))


def test_a_7z_is_opened(cohort: Path, scratch: Path) -> None:
    content = sevened(
        {"lab4/task1_cnn.py": NET, "lab4/answers.md": "1. x", "lab4/._task1_cnn.py": "x", "lab4/empty.csv": ""}
    )
    write(cohort, {"ann.7z": content, "ben/submission.7z": content, "cy/task1_cnn.py": NET})
    result = found(cohort, scratch)
    assert list(result) == ["ann", "ben", "cy"]
    for id in ("ann", "ben"):
        assert (result[id].script, result[id].documents) == ("lab4/task1_cnn.py", ("lab4/answers.md",))
        assert "lab4/empty.csv" in result[id].files
        assert (result[id].root / "lab4/task1_cnn.py").read_text(encoding="utf-8") == NET
        assert not result[id].flags


def test_folders_and_times_are_kept(tmp_path: Path, place: Path) -> None:
    write(tmp_path, {"lab4/deep/task1_cnn.py": NET, "lab4/void/": ""})
    os.utime(tmp_path / "lab4/deep/task1_cnn.py", (1_700_000_000, 1_700_000_000))
    with py7zr.SevenZipFile(tmp_path / "lab4.7z", "w") as archive:
        archive.writeall(tmp_path / "lab4", "lab4")
    out = unpack(tmp_path / "lab4.7z", place, STUDENT)
    assert (out.size, out.refused) == (len(NET), ())
    assert (place / "lab4/void").is_dir()
    assert (place / "lab4/deep/task1_cnn.py").stat().st_mtime == pytest.approx(1_700_000_000, abs=1)


@pytest.mark.parametrize("name", ["submission.zip", "submission.rar", "submission.tar.gz"])
def test_a_7z_under_another_name_is_opened(cohort: Path, scratch: Path, name: str) -> None:
    write(cohort, {f"ann/{name}": sevened({"task1_cnn.py": NET}), "ben/task1_cnn.py": NET})
    assert found(cohort, scratch)["ann"].script == "task1_cnn.py"


def test_archives_within_archives(cohort: Path, scratch: Path) -> None:
    inner = sevened({"task1_cnn.py": NET})
    write(
        cohort,
        {
            "ann.zip": zipped({"work/lab4.7z": inner}),
            "ben.7z": sevened({"lab4.7z": inner}),
            "cy.7z": sevened({"b.7z": sevened({"c.7z": inner})}),
            "dee/task1_cnn.py": NET,
        },
    )
    result = found(cohort, scratch)
    assert result["ann"].script == "work/lab4/task1_cnn.py"
    assert result["ben"].script == "task1_cnn.py"
    bounced(result["cy"], "archive within an archive")


def test_a_7z_of_a_cohort(tmp_path: Path, scratch: Path) -> None:
    content = sevened({"ann/task1_cnn.py": NET, "ben/cnn.py": NET, "cy/../../x.py": NET})
    result = found(write(tmp_path, {"all.7z": content}) / "all.7z", scratch)
    assert list(result) == ["ann", "ben", "cy"]
    assert [result[id].script for id in ("ann", "ben")] == ["task1_cnn.py", "cnn.py"]
    bounced(result["cy"], "outside its folder")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.py", "outside its folder"),
        ("C:\\evil.py", "absolute path"),
        ("TASK1_cnn.py", "same on some computers"),
        ("d/" * 50 + "x.py", "nested more than 40 deep"),
    ],
)
def test_unsafe_names_are_refused(cohort: Path, scratch: Path, name: str, words: str) -> None:
    refused(cohort, scratch, sevened({"task1_cnn.py": NET, name: "x = 1"}), words)
    assert not list(scratch.rglob("evil*.py"))


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        (UNIX | (stat.S_IFLNK | 0o777) << 16, "link"),
        (REPARSE, "link"),
        (UNIX | (stat.S_IFIFO | 0o666) << 16, "not an ordinary file"),
    ],
)
def test_links_and_devices_are_refused(cohort: Path, scratch: Path, attributes: int, words: str) -> None:
    refused(cohort, scratch, sevened({"task1_cnn.py": NET, "odd": "/etc/passwd"}, attributes=attributes), words)


def test_a_bomb_of_zeros_is_refused(cohort: Path, scratch: Path) -> None:
    refused(cohort, scratch, sevened({"task1_cnn.py": NET, "big.csv": bytes(40 << 20)}), "grows more than 200-fold")


@pytest.mark.usefixtures("only_lists")
@pytest.mark.parametrize(
    ("files", "limits", "words"),
    [
        ({"big.csv": bytes(40 << 20)}, STUDENT, "grows more than 200-fold"),
        ({f"{n}.csv": "1" for n in range(9)}, Limits(8, 1 << 20, 1 << 20), "contains more than 8 files"),
        ({f"{n}.csv": bytes(2 << 20) for n in range(2)}, Limits(8, 3 << 20, 3 << 20), "unpacks to more than 3 MiB"),
    ],
    ids=["bomb", "members", "size"],
)
def test_the_list_is_checked_before_anything_is_unpacked(
    tmp_path: Path, place: Path, files: dict[str, str | bytes], limits: Limits, words: str
) -> None:
    archive = write(tmp_path, {"x.7z": sevened(files)}) / "x.7z"
    with pytest.raises(Refused, match=words):
        unpack(archive, place, limits)


def test_a_member_that_is_too_large_is_refused_by_itself(tmp_path: Path, place: Path) -> None:
    archive = write(tmp_path, {"x.7z": sevened({"a.csv": b"1,2", "b.csv": bytes(2 << 20)})}) / "x.7z"
    out = unpack(archive, place, Limits(members=9, size=3 << 20, file_size=1 << 20))
    assert [(m.path, m.reason) for m in out.refused] == [
        ("b.csv", "is too large when unpacked: b.csv alone exceeds the limit")
    ]
    assert [path.name for path in place.iterdir()] == ["a.csv"]


@pytest.mark.parametrize("hides_names", [False, True])
def test_encrypted_archives_are_refused(cohort: Path, scratch: Path, hides_names: bool) -> None:
    content = sevened({"task1_cnn.py": NET}, password="secret", hides_names=hides_names)
    refused(cohort, scratch, content, "is protected by a password; please send it without one")


def test_truncated_and_damaged_archives_never_stop_a_cohort(cohort: Path, scratch: Path) -> None:
    whole = sevened({"task1_cnn.py": NET, "part1.md": "answers " * 50})
    places = range(6, len(whole), len(whole) // 5)
    write(cohort, {"ann/task1_cnn.py": NET})
    for n in places:
        flipped = whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :]
        write(cohort, {f"cut{n}.7z": whole[:n], f"bit{n}.7z": flipped})
    result = found(cohort, scratch)
    assert len(result) == 1 + 2 * len(places)
    for n in places:
        bounced(result[f"cut{n}"], f"cut{n}.7z {DAMAGED}.")
    assert sum(DAMAGED in result[f"bit{n}"].problem for n in places) >= len(places) - 1  # one is a version number


def test_without_py7zr_a_7z_is_left_to_a_tutor(cohort: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "py7zr", None)
    write(cohort, {"ann.7z": sevened({"task1_cnn.py": NET}), "ben/task1_cnn.py": NET})
    result = found(cohort, scratch)
    bounced(result["ann"], "ann.7z is a .7z archive, which cannot be opened here; please send a .zip.")
    assert result["ann"].has_unread_work


def test_if_py7zr_cannot_be_imported_a_7z_is_left_to_a_tutor(
    cohort: Path, scratch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", wrapped(tmp_path, 'exec $PYTHON -S "$@"'))
    write(cohort, {"ann.7z": sevened({"task1_cnn.py": NET}), "ben/task1_cnn.py": NET})
    result = found(cohort, scratch)
    bounced(result["ann"], "ann.7z is a .7z archive, which cannot be opened here; please send a .zip.")
    assert result["ann"].has_unread_work


@pytest.mark.parametrize(
    "instead",
    ["ln -s /etc/passwd 0", "echo too long >0", "true", "kill -SEGV $$", "mkfifo 0"],
    ids=["link", "size", "nothing", "crash", "pipe"],
)
def test_what_the_process_wrote_is_checked(
    tmp_path: Path, place: Path, instead: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The size of the listed file is that of the link, so only its kind is wrong."""
    archive = write(tmp_path, {"x.7z": sevened({"a.py": "x" * len("/etc/passwd")})}) / "x.7z"
    monkeypatch.setattr(
        sys, "executable", wrapped(tmp_path, f'[ "$4" = list ] && exec $PYTHON "$@"\n{instead}\nexit 0')
    )
    with pytest.raises(Refused, match="is broken"):
        unpack(archive, place, STUDENT)
    assert not list(place.iterdir())


@pytest.mark.parametrize("output", ["nonsense", "[1]", '[{"name": "a", "kind": "file", "size": -1, "modified": 0}]'])
def test_a_list_that_is_not_one_is_refused(
    tmp_path: Path, place: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = write(tmp_path, {"x.7z": sevened({"a.py": NET})}) / "x.7z"
    monkeypatch.setattr(sys, "executable", wrapped(tmp_path, f"echo {shlex.quote(output)}"))
    with pytest.raises(Refused, match="is broken"):
        unpack(archive, place, STUDENT)


def test_the_process_has_a_deadline(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write(tmp_path, {"x.7z": sevened({"a.py": NET})}) / "x.7z"
    monkeypatch.setattr(seven_zip, "_LIST_SECONDS", 1)
    monkeypatch.setattr(sys, "executable", wrapped(tmp_path, "exec sleep 30"))
    with pytest.raises(Refused, match="takes too long to unpack"):
        unpack(archive, place, STUDENT)


def test_the_process_has_limits(tmp_path: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process reads its own limits and settings, after it has set them."""
    archive = write(tmp_path, {"x.7z": sevened({"a.py": NET})}) / "x.7z"
    seen = tmp_path / "seen.txt"
    code = (
        "import os, resource, runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n"
        "    kinds = (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_CORE, resource.RLIMIT_FSIZE)\n"
        f"    print([resource.getrlimit(kind)[1] for kind in kinds], sorted(os.environ), file=open({str(seen)!r}, 'a'))"
    )
    command = f'[ "$1 $2" = "-I -s" ] || exit 9\nexec $PYTHON -I -s -c {shlex.quote(code)} "$3" "$4" "$5" "$6" "$7"'
    monkeypatch.setattr(sys, "executable", wrapped(tmp_path, command))
    monkeypatch.setenv("SECRET", "x")
    assert unpack(archive, place, STUDENT).members == 1
    listing, unpacking = seen.read_text(encoding="utf-8").splitlines()
    assert f"[20, 1000000000, 0, {64 << 20}]" in listing
    assert f"[20, 1000000000, 0, {STUDENT.file_size}]" in unpacking
    assert "SECRET" not in listing + unpacking
