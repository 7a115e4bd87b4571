"""Tests of unpacking: which zips are refused, and what that means for the cohort."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from grader.submissions.archives import STUDENT, unpack
from grader.submissions.member import Limits, Refused
from tests.support.submission_files import BLANK, NET, bounced, found, message, with_mode, write, zipped


def refused(cohort: Path, scratch: Path, content: bytes, *words: str) -> None:
    """A student's zip is refused while the one beside it is graded, and nothing gets out of the scratch folder."""
    zipped({"task1_cnn.py": NET}, cohort / "good.zip")
    (cohort / "evil.zip").write_bytes(content)
    before = {p for p in cohort.parent.rglob("*") if scratch not in p.parents}
    result = found(cohort, scratch)
    assert result["good"].script == "task1_cnn.py"
    bounced(result["evil"], "evil.zip", *words)
    assert {p for p in cohort.parent.rglob("*") if scratch not in p.parents} - {scratch} == before
    (single,) = found(cohort / "evil.zip", scratch).values()
    bounced(single, "evil.zip", *words)


@pytest.mark.parametrize("name", ["../evil.py", "a/../../evil.py", "..\\evil.py", "data/../../../evil.py"])
def test_members_with_dots_in_their_path_are_refused(cohort: Path, scratch: Path, name: str) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, name: "x"}), "outside its folder")


@pytest.mark.parametrize("name", ["/tmp/evil.py", "C:\\evil.py", "c:evil.py", "\\\\server\\evil.py"])
def test_absolute_paths_are_refused(cohort: Path, scratch: Path, name: str) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, name: "x"}), "absolute path")


def test_links_are_refused(cohort: Path, scratch: Path) -> None:
    refused(cohort, scratch, with_mode("key", "/etc/passwd", stat.S_IFLNK | 0o777), "link")


@pytest.mark.parametrize("kind", [stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_devices_are_refused(cohort: Path, scratch: Path, kind: int) -> None:
    refused(cohort, scratch, with_mode("null", "", kind | 0o666), "not an ordinary file")


def test_a_bomb_of_zeros_is_refused(cohort: Path, scratch: Path) -> None:
    bomb = zipped({"task1_cnn.py": NET, "big.csv": bytes(40 << 20)})
    assert len(bomb) < 100_000
    refused(cohort, scratch, bomb, "big.csv")
    assert sum(p.stat().st_size for p in scratch.rglob("*") if p.is_file()) < 1 << 20


def test_a_bomb_with_a_false_size_is_refused(cohort: Path, scratch: Path) -> None:
    bomb = zipped({"big.csv": bytes(40 << 20)})
    true_size = (40 << 20).to_bytes(4, "little")
    assert bomb.count(true_size) == 2
    refused(cohort, scratch, bomb.replace(true_size, (100).to_bytes(4, "little")), "big.csv")


def test_many_large_members_are_refused(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.csv": bytes(1 << 20) for n in range(5)}, cohort / "many.zip")
    with pytest.raises(Refused, match="unpacks to more than 4 MiB"):
        unpack(cohort / "many.zip", scratch / "a", Limits(members=5, size=4 << 20, file_size=4 << 20))
    out = unpack(cohort / "many.zip", scratch / "b", Limits(members=5, size=5 << 20, file_size=4 << 20))
    assert (out.members, out.size, out.refused) == (5, 5 << 20, ())
    assert (STUDENT.members, STUDENT.size) == (5000, 200 << 20)


def test_too_many_members_are_refused(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.txt": "" for n in range(5001)}, cohort / "many.zip")
    write(cohort, {"ann/task1_cnn.py": NET})
    bounced(found(cohort, scratch)["many"], "many.zip", "5000")


def test_a_directory_of_very_many_entries_is_refused_without_reading_it(cohort: Path, scratch: Path) -> None:
    zipped({f"{n}.txt": "" for n in range(50)}, cohort / "many.zip")
    with pytest.raises(Refused, match="contains more than 10 files"):
        unpack(cohort / "many.zip", scratch, Limits(members=10, size=1 << 20, file_size=1 << 20))


def test_encrypted_members_are_refused(cohort: Path, scratch: Path) -> None:
    content = bytearray(zipped({"task1_cnn.py": NET}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(cohort, scratch, bytes(content), "password")


@pytest.mark.parametrize(
    "pair",
    [("net.py", "Net.py"), ("\u00e9.py", "e\u0301.py"), ("a/x.py", "A/X.py"), ("a", "A/b.py"), ("a?.py", "a_.py")],
    ids=["case", "form", "folder", "file-and-folder", "cleaned"],
)
def test_names_that_are_equal_on_some_systems_are_refused(cohort: Path, scratch: Path, pair: tuple[str, str]) -> None:
    refused(cohort, scratch, zipped({"task1_cnn.py": NET, **dict.fromkeys(pair, "A = 1")}), "same on some computers")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_with_the_same_name_are_refused(cohort: Path, scratch: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("task1_cnn.py", NET)
        archive.writestr("task1_cnn.py", BLANK)
    refused(cohort, scratch, buffer.getvalue(), "same on some computers")


def test_unusual_compression_is_refused(cohort: Path, scratch: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("task1_cnn.py", NET)
    refused(cohort, scratch, buffer.getvalue(), "ordinary .zip")


def test_damaged_zips_never_stop_a_cohort(cohort: Path, scratch: Path) -> None:
    whole = zipped({"task1_cnn.py": NET, "notes/part1.md": "answers " * 50})
    write(cohort, {"ann/task1_cnn.py": NET})
    for n in range(0, len(whole), 7):
        (cohort / f"cut{n}.zip").write_bytes(whole[:n])
        (cohort / f"bit{n}.zip").write_bytes(whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :])
    result = found(cohort, scratch)
    assert len(result) == 1 + 2 * len(range(0, len(whole), 7))
    assert all(s.script is None for id, s in result.items() if id.startswith("cut"))


def test_a_students_archive_may_contain_archives_of_one_level(cohort: Path, scratch: Path) -> None:
    inner = zipped({"task1_cnn.py": NET})
    zipped({"work/lab4.zip": inner}, cohort / "alice.zip")
    zipped({"b.zip": zipped({"c.zip": inner})}, cohort / "bob.zip")
    write(cohort, {"carol/lab4.zip": inner, "carol/answers.md": "x", "dave/task1_cnn.py": NET, "dave/old.zip": "junk"})
    result = found(cohort, scratch)
    assert result["alice"].script == "work/lab4/task1_cnn.py"
    bounced(result["bob"], "archive within an archive")
    assert (result["carol"].script, result["carol"].documents) == ("lab4/task1_cnn.py", ("answers.md",))
    assert result["dave"].script == "task1_cnn.py"
    assert "old.zip" in message(result["dave"], "archive-refused")


def test_a_bad_member_in_a_cohorts_zip_affects_only_its_student(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/task1_cnn.py", NET)
        archive.writestr("bob/task1_cnn.py", NET)
        archive.writestr("bob/big.csv", bytes(40 << 20))
        link = zipfile.ZipInfo("carol/task1_cnn.py")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "../alice/task1_cnn.py")
        archive.writestr("dave/venv/bin/python", "x")
        archive.writestr("dave/task1_cnn.py", NET)
    result = found(path, scratch)
    assert list(result) == ["alice", "bob", "carol", "dave"]
    bounced(result["bob"], "big.csv")
    bounced(result["carol"], "link")
    assert result["alice"].script
    assert result["dave"].files == ("task1_cnn.py",)


def test_a_path_out_of_a_cohorts_zip_affects_only_its_student(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "all.zip"
    deep = "/".join(["d" * 150] * 30)
    members = {"ann/task1_cnn.py": NET, "bob/..\\..\\evil.py": "x", "cy/" + "d/" * 50 + "x.py": "x", "../dee.py": NET}
    zipped({**members, f"eve/{deep}/x.py": NET, "/etc/fay.py": NET, "c:gil.py": NET}, path)
    result = found(path, scratch)
    assert result["ann"].script == "task1_cnn.py"
    assert [id for id, s in result.items() if s.script] == ["ann"]
    bounced(result["bob"], "outside its folder")
    bounced(result["cy"], "nested more than 40 deep")
    bounced(result["eve"], "too long")
    assert {p.relative_to(tmp_path).parts[0] for p in tmp_path.rglob("*.py")} == {"scratch"}
    assert {p.name for p in scratch.rglob("*.py")} == {"task1_cnn.py"}


def test_a_refused_zip_leaves_nothing_on_the_disk(cohort: Path, scratch: Path) -> None:
    zipped({"task1_cnn.py": NET, "a/1.bin": bytes(1 << 20), "bomb.bin": bytes(40 << 20)}, cohort / "bob.zip")
    bounced(found(cohort / "bob.zip", scratch)["bob"], "bomb.bin")
    with pytest.raises(Refused, match="more than 1 MiB"):
        unpack(cohort / "bob.zip", scratch / "b", Limits(members=9, size=1 << 20, file_size=1 << 20))
    assert not list((scratch / "b").iterdir())
    write(cohort, {"ann/task1_cnn.py": NET})
    assert "bob" in found(cohort, scratch / "c")
    assert not list((scratch / "c").rglob("1.bin"))


def test_overlapping_members_are_refused(cohort: Path, scratch: Path) -> None:
    """A zip bomb in which many entries of the directory share the bytes of one member."""
    raw = zipped({"0.csv": bytes(1 << 20)})
    start, end = raw.index(b"PK\x01\x02"), raw.index(b"PK\x05\x06")
    entries = [raw[start:end].replace(b"0.csv", b"%05d" % n) for n in range(400)]
    tail = bytearray(raw[end:])
    tail[8:12] = (400).to_bytes(2, "little") * 2
    tail[12:16] = len(b"".join(entries)).to_bytes(4, "little")
    refused(cohort, scratch, raw[:start] + b"".join(entries) + bytes(tail))
