"""Tests of archives other than zips, which are recognised by content and unpacked within the same limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.submissions.archives import unpack
from grader.submissions.member import DAMAGED, Limits, Refused
from tests.support.submission_files import NET, bounced, found, message, write, zipped

PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": bytes,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.bz2": bz2.compress,
    ".tar.xz": lzma.compress,
    ".txz": lzma.compress,
}


def tarred(files: dict[str, str | bytes], *, kind: bytes = tarfile.REGTYPE) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            raw = content.encode() if isinstance(content, str) else content
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
        if kind != tarfile.REGTYPE:
            info = tarfile.TarInfo("odd")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return buffer.getvalue()


def refused(cohort: Path, scratch: Path, content: bytes, *words: str) -> None:
    write(cohort, {"evil.tgz": content, "good.tgz": gzip.compress(tarred({"task1_cnn.py": NET}))})
    result = found(cohort, scratch)
    assert result["good"].script == "task1_cnn.py"
    bounced(result["evil"], "evil.tgz", *words)
    assert "evil.tgz" in message(result["evil"], "archive-refused")


@pytest.mark.parametrize("suffix", PACKINGS)
def test_a_tar_is_opened(cohort: Path, scratch: Path, suffix: str) -> None:
    content = PACKINGS[suffix](
        tarred({"lab4/task1_cnn.py": NET, "lab4/answers.md": "1. x", "lab4/._task1_cnn.py": "x"})
    )
    write(cohort, {f"ann{suffix}": content, f"ben/submission{suffix}": content, "cy/task1_cnn.py": NET})
    result = found(cohort, scratch)
    assert list(result) == ["ann", "ben", "cy"]
    assert (result["ann"].script, result["ann"].documents) == ("lab4/task1_cnn.py", ("lab4/answers.md",))
    assert result["ben"].script == "lab4/task1_cnn.py"
    assert not result["ben"].flags


@pytest.mark.parametrize("name", ["submission.rar", "submission.7z", "submission.tar.gz", "submission.zip"])
def test_an_archive_is_recognised_by_its_content(cohort: Path, scratch: Path, name: str) -> None:
    inner = {"task1_cnn.py": NET}
    write(cohort, {f"ann/{name}": zipped(dict(inner)), f"ben/{name}": gzip.compress(tarred(dict(inner)))})
    result = found(cohort, scratch)
    assert [result[id].script for id in ("ann", "ben")] == ["task1_cnn.py"] * 2


def test_a_file_that_is_compressed_by_itself(cohort: Path, scratch: Path) -> None:
    write(
        cohort, {"ann/task1_cnn.py.gz": gzip.compress(NET.encode()), "ben/task1_cnn.py.xz": lzma.compress(NET.encode())}
    )
    result = found(cohort, scratch)
    assert [result[id].script for id in ("ann", "ben")] == ["task1_cnn.py"] * 2


def test_an_archive_that_is_not_opened_is_named_and_flagged(cohort: Path, scratch: Path) -> None:
    rar = b"Rar!\x1a\x07\x01\x00"
    write(cohort, {"ann.rar": rar, "ben/lab4.rar": rar, "cy/lab4.zip": rar, "dee/task1_cnn.py": NET})
    result = found(cohort, scratch)
    for id in ("ann", "ben", "cy"):
        bounced(result[id], "is a .rar archive, which cannot be opened here; please send a .zip")
        assert message(result[id], "archive-refused") == result[id].problem


def test_a_tar_of_a_cohort(tmp_path: Path, scratch: Path) -> None:
    content = tarred({"ann/task1_cnn.py": NET, "ben/cnn.py": NET, "cy/../../x.py": NET})
    result = found(write(tmp_path, {"all.tar.gz": gzip.compress(content)}) / "all.tar.gz", scratch)
    assert list(result) == ["ann", "ben", "cy"]
    bounced(result["cy"], "outside its folder")


@pytest.mark.parametrize("name", ["../evil.py", "/tmp/evil.py", "a/../../evil.py"])
def test_paths_out_of_the_folder_are_refused(cohort: Path, scratch: Path, name: str) -> None:
    refused(cohort, scratch, gzip.compress(tarred({"task1_cnn.py": NET, name: "x"})))
    assert {p.name for p in cohort.parent.rglob("*.py")} == {"task1_cnn.py"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(cohort: Path, scratch: Path, kind: bytes) -> None:
    word = "link" if kind in {tarfile.SYMTYPE, tarfile.LNKTYPE} else "not an ordinary file"
    refused(cohort, scratch, gzip.compress(tarred({"task1_cnn.py": NET}, kind=kind)), word)


@pytest.mark.parametrize("suffix", [".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_bomb_of_zeros_is_refused(cohort: Path, scratch: Path, suffix: str) -> None:
    bomb = PACKINGS[suffix](tarred({"task1_cnn.py": NET, "big.csv": bytes(40 << 20)}))
    refused(cohort, scratch, bomb, "grows more than 200-fold")
    assert not list(scratch.rglob("big.csv"))


def test_names_that_are_equal_on_some_systems_are_refused(cohort: Path, scratch: Path) -> None:
    refused(cohort, scratch, gzip.compress(tarred({"net.py": NET, "Net.py": NET})), "same on some computers")


def test_a_very_long_name_is_refused_before_it_is_read(cohort: Path, scratch: Path) -> None:
    refused(cohort, scratch, gzip.compress(tarred({"a" * 100_000: NET})), "a name that is too long")


def test_too_many_or_too_large_members_are_refused(tmp_path: Path, scratch: Path) -> None:
    write(tmp_path, {"many.tar": tarred({f"{n}.csv": bytes(1000) for n in range(9)})})
    scratch.mkdir()
    with pytest.raises(Refused, match="more than 8 files"):
        unpack(tmp_path / "many.tar", scratch, Limits(members=8, size=1 << 20, file_size=1 << 20))
    write(tmp_path, {"large.tar.gz": gzip.compress(tarred({"x.csv": bytes(3 << 20)}))})
    with pytest.raises(Refused, match="unpacks to more than 1 MiB"):
        unpack(tmp_path / "large.tar.gz", scratch, Limits(members=8, size=1 << 20, file_size=1 << 20))
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("suffix", PACKINGS)
def test_damaged_archives_never_stop_a_cohort(cohort: Path, scratch: Path, suffix: str) -> None:
    whole = PACKINGS[suffix](tarred({"task1_cnn.py": NET, "part1.md": "answers " * 50}))
    write(cohort, {"ann/task1_cnn.py": NET})
    places = range(0, min(len(whole), 2000), 37)
    for n in places:
        flipped = whole[:n] + bytes([whole[n] ^ 0x55]) + whole[n + 1 :]
        write(cohort, {f"cut{n}{suffix}": whole[:n], f"bit{n}{suffix}": flipped})
    result = found(cohort, scratch)
    assert len(result) == 1 + 2 * len(places)


@pytest.mark.parametrize(
    "content",
    [
        b"\x1f\x8b\x00\x00 no such method",
        b"BZh9 no such stream",
        b"\xfd7zXZ\x00 no such stream",
        gzip.compress(NET.encode())[:-8] + bytes(8),
    ],
)
def test_damaged_compression_is_named_like_any_damage(cohort: Path, scratch: Path, content: bytes) -> None:
    refused(cohort, scratch, content, DAMAGED)


def test_archives_within_archives(cohort: Path, scratch: Path) -> None:
    inner = gzip.compress(tarred({"task1_cnn.py": NET}))
    deep = zipped({"b.tgz": gzip.compress(tarred({"c.tgz": inner}))})
    write(cohort, {"ann.zip": zipped({"lab4.tar.gz": inner}), "ben.zip": deep, "cy/task1_cnn.py": NET})
    result = found(cohort, scratch)
    assert result["ann"].script == "task1_cnn.py"
    bounced(result["ben"], "archive within an archive")
