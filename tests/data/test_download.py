"""Fetching MNIST: the result is a complete, checked set, or a clear reason and no partial files."""

from __future__ import annotations

import gc
import gzip
import hashlib
import os
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from grader.data import DownloadFailed, download_with_torchvision
from grader.data.fetching import LEFTOVER_SECONDS
from grader.worker import download

FILES = {
    f"{stem}-{kind}-ubyte": header + bytes(size)
    for stem in ("train", "t10k")
    for kind, header, size in (
        ("images-idx3", struct.pack(">4I", 0x803, 2, 28, 28), 2 * 28 * 28),
        ("labels-idx1", struct.pack(">2I", 0x801, 2), 2),
    )
}
ZIPPED = {f"{name}.gz": gzip.compress(content) for name, content in FILES.items()}


class Mirror(BaseHTTPRequestHandler):
    """A small mirror; the first path segment of a request decides how it behaves."""

    asked: list[str]
    closing: threading.Event

    def do_GET(self) -> None:
        self.asked.append(self.path)
        manner, name = self.path.strip("/").split("/")
        content = ZIPPED.get(name, b"")
        if manner == "hangs":
            self.closing.wait(30)
            return
        if manner == "none":
            self.send_error(404)
            return
        if manner == "wrong":
            content = gzip.compress(b"something else")
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if manner == "half" else content)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


# torchvision keeps error responses, and their sockets, until they are garbage.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::ResourceWarning")]


@pytest.fixture(autouse=True)
def direct_and_collected(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Reach the mirror without a proxy. Collect sockets here, so that no later test reports them as leaks."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield
    gc.collect()


@pytest.fixture
def mirror() -> Iterator[str]:
    closing = threading.Event()
    handler = type("Handler", (Mirror,), {"asked": [], "closing": closing})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("manner", "reason"),
    [
        ("none", "HTTP Error 404"),
        ("half", "not found or corrupted"),
        ("wrong", "not found or corrupted"),
        ("hangs", "timed out"),
    ],
)
def test_a_bad_mirror_gives_a_one_line_message(
    manner: str,
    reason: str,
    mirror: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LAB4_MNIST_MIRROR", f"{mirror}/{manner}")
    assert download.main(["--root", str(tmp_path), "--timeout", "0.5"]) == 1
    printed, progress = capfd.readouterr()
    assert reason.lower() in printed.lower()
    assert printed.startswith(f"{mirror}/{manner}/ ")
    assert printed.count("\n") == 1
    assert progress == ""


def test_a_good_mirror_gives_the_files(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST

    # torchvision knows the MD5 of the real files only; these stand in for them.
    known = [(name, hashlib.md5(content, usedforsecurity=False).hexdigest()) for name, content in ZIPPED.items()]
    monkeypatch.setattr(MNIST, "resources", known)
    monkeypatch.setenv("LAB4_MNIST_MIRROR", f"{mirror}/good/")
    assert download.main(["--root", str(tmp_path)]) == 0
    raw = tmp_path / "MNIST" / "raw"
    assert {name: (raw / name).read_bytes() for name in FILES} == FILES


def test_a_failed_name_lookup_is_reported_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LAB4_MNIST_MIRROR", raising=False)
    monkeypatch.setattr(download, "FAMILIAR_HOSTS", ("no-such-host.invalid",))
    monkeypatch.setattr("urllib.request.getproxies", dict)
    assert download.main(["--root", str(tmp_path)]) == 1
    assert capsys.readouterr().out == "no network: no host name can be resolved\n"


def test_the_next_mirror_is_tried_after_a_silent_one(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.delenv("LAB4_MNIST_MIRROR", raising=False)
    monkeypatch.setattr(MNIST, "mirrors", [f"{mirror}/hangs/", f"{mirror}/none/"])
    monkeypatch.setattr(download, "FAMILIAR_HOSTS", ("localhost",))
    assert download.main(["--root", str(tmp_path), "--timeout", "0.3"]) == 1
    printed = capsys.readouterr().out
    assert "/hangs/" in printed
    assert "/none/ HTTP Error 404" in printed


def test_a_failed_download_leaves_no_files(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB4_MNIST_MIRROR", f"{mirror}/wrong")
    with pytest.raises(DownloadFailed, match=r"/wrong/ File not found or corrupted"):
        download_with_torchvision(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_download_that_stalls_is_stopped(mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB4_MNIST_MIRROR", f"{mirror}/hangs")
    with pytest.raises(DownloadFailed, match="nothing arrived for 1 seconds"):
        download_with_torchvision(tmp_path, silence=1.0)
    with pytest.raises(DownloadFailed, match="did not finish within 0 seconds"):
        download_with_torchvision(tmp_path, limit=0.1)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_created_is_a_failed_download(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadFailed, match="cannot be used"):
        download_with_torchvision(tmp_path / "file" / "cache")


def test_partial_downloads_of_killed_runs_are_removed_after_a_day(
    mirror: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, young = tmp_path / ".download-old", tmp_path / ".download-young"
    for folder in (old, young):
        folder.mkdir()
        (folder / "part").write_bytes(b"half")
    then = time.time() - LEFTOVER_SECONDS - 60
    os.utime(old, (then, then))
    monkeypatch.setenv("LAB4_MNIST_MIRROR", f"{mirror}/hangs")
    with pytest.raises(DownloadFailed):
        download_with_torchvision(tmp_path, limit=0.0)
    assert [path.name for path in tmp_path.iterdir()] == [".download-young"]
