"""Where the images come from, which data is refused, and which files a worker gets."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from grader.data import HELDOUT_IMAGES, DataSet, DownloadFailed, bundled, resolve_data, user_cache, write_worker_files
from grader.data.bundled import SHA256, bundled_data, digest, self_check_data
from grader.data.fetching import put_in_place
from grader.data.idx import parse_images, parse_labels
from grader.data.mnist import Catalogue, RawFile
from grader.model import GraderFault, UsageFault
from tests.measure.bundled_images import EACH, chosen
from tests.support.places import ROOT

TRAIN_COUNT, HELDOUT_COUNT = 50, 20
IMAGES_OF_NOBODY = np.zeros((1, 28, 28), np.uint8)
MNIST_FOLDER = os.environ.get("LAB4_DATA", "")  # read before tests/conftest.py removes it


def idx_files() -> dict[str, bytes]:
    """A tiny set in MNIST's format: every image shows its own number in its first pixels."""
    files = {}
    for stem, count in (("train", TRAIN_COUNT), ("t10k", HELDOUT_COUNT)):
        images = np.zeros((count, 28, 28), np.uint8)
        images[:, 0, 0] = np.arange(count)
        labels = (np.arange(count) * 7 % 10).astype(np.uint8)
        files[f"{stem}-images-idx3-ubyte"] = struct.pack(">4I", 0x803, count, 28, 28) + images.tobytes()
        files[f"{stem}-labels-idx1-ubyte"] = struct.pack(">2I", 0x801, count) + labels.tobytes()
    return files


FILES = idx_files()
NAMES = list(FILES)
SMALL: Catalogue = (
    RawFile(NAMES[0], len(FILES[NAMES[0]]), hashlib.sha256(FILES[NAMES[0]]).hexdigest()),
    RawFile(NAMES[1], len(FILES[NAMES[1]]), hashlib.sha256(FILES[NAMES[1]]).hexdigest()),
    RawFile(NAMES[2], len(FILES[NAMES[2]]), hashlib.sha256(FILES[NAMES[2]]).hexdigest()),
    RawFile(NAMES[3], len(FILES[NAMES[3]]), hashlib.sha256(FILES[NAMES[3]]).hexdigest()),
)


def write_set(folder: Path, *, zipped: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in FILES.items():
        if zipped:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def resolve(
    choice: str | None,
    *,
    cache: Path,
    download: Callable[[Path], None] | None = None,
    environment: dict[str, str] | None = None,
) -> DataSet:
    return resolve_data(choice, environment=environment or {}, cache=cache, download=download, catalogue=SMALL)


def no_network(cache: Path) -> None:
    raise DownloadFailed("no route to host")


def fills(cache: Path) -> None:
    write_set(cache / "MNIST" / "raw")


# Named folders


@pytest.mark.parametrize("layout", ["MNIST/raw", "raw", "."])
@pytest.mark.parametrize("zipped", [False, True], ids=["raw", "gz"])
def test_a_named_folder_is_read_in_any_usual_layout(tmp_path: Path, layout: str, zipped: bool) -> None:
    write_set(tmp_path / layout, zipped=zipped)
    data = resolve(str(tmp_path), cache=tmp_path / "cache")
    assert data.name == "mnist"
    assert data.train_images.shape == (TRAIN_COUNT, 28, 28)
    assert data.train_images[9, 0, 0] == 9
    assert data.heldout_labels.tolist() == [n * 7 % 10 for n in range(HELDOUT_COUNT)]


def test_the_variable_is_used_if_no_option_is_given(tmp_path: Path) -> None:
    environment = {"LAB4_DATA": str(write_set(tmp_path / "set"))}
    assert resolve(None, cache=tmp_path / "cache", environment=environment).name == "mnist"
    with pytest.raises(UsageFault, match="--data mnist: "):
        resolve("mnist", cache=tmp_path / "cache", environment=environment)
    with pytest.raises(UsageFault, match=r"LAB4_DATA=.*none: this folder does not exist"):
        resolve(None, cache=tmp_path / "cache", environment={"LAB4_DATA": str(tmp_path / "none")})


def test_files_with_a_dot_in_their_name_are_found(tmp_path: Path) -> None:
    write_set(tmp_path)
    for path in list(tmp_path.iterdir()):
        path.rename(path.with_name(path.name.replace("-idx", ".idx")))
    assert resolve(str(tmp_path), cache=tmp_path / "cache").name == "mnist"


def missing(folder: Path) -> None:
    (folder / "t10k-labels-idx1-ubyte").unlink()


def cut_short(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:1000])


def too_long(folder: Path) -> None:
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + b"\0")


def one_bit_off(folder: Path) -> None:
    path = folder / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def zipped_and_cut(folder: Path) -> None:
    path = folder / "train-images-idx3-ubyte"
    content = gzip.compress(np.random.default_rng(0).bytes(39_216))
    path.unlink()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content[:20_000])


def not_zipped_at_all(folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(b"<html>404</html>")


def zipped_bomb(folder: Path) -> None:
    (folder / "train-labels-idx1-ubyte").unlink()
    (folder / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(10_000_000)))


DAMAGES = {
    missing: r"t10k-labels-idx1-ubyte is missing \(0 bytes found, 28 expected\)",
    cut_short: "train-images-idx3-ubyte has too few bytes.*1,000 found, 39,216 expected",
    too_long: "train-labels-idx1-ubyte has too many bytes: 59 found, 58 expected",
    one_bit_off: "t10k-images-idx3-ubyte has the expected 15,696 bytes, but not the content of MNIST",
    zipped_and_cut: r"train-images-idx3-ubyte.gz \(20,000 bytes\) is damaged.*\d bytes could be unpacked, 39,216",
    not_zipped_at_all: r"train-labels-idx1-ubyte.gz \(16 bytes\) is damaged.*: 0 bytes could be unpacked, 58 expected",
    zipped_bomb: "train-labels-idx1-ubyte.gz unpacks to too many bytes: more than 58 found",
}


@pytest.mark.parametrize(("damage", "message"), DAMAGES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_named_data_that_is_damaged_is_refused(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(write_set(tmp_path))
    with pytest.raises(UsageFault, match=message) as refusal:
        resolve(str(tmp_path), cache=tmp_path / "cache", download=fills)
    assert str(refusal.value).startswith(f"--data {tmp_path}: ")
    assert "again" in str(refusal.value)


def test_every_damaged_file_is_named(tmp_path: Path) -> None:
    folder = write_set(tmp_path)
    missing(folder)
    cut_short(folder)
    with pytest.raises(UsageFault, match=r"train-images.*t10k-labels"):
        resolve(str(tmp_path), cache=tmp_path / "cache")


def test_a_folder_without_mnist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(UsageFault, match="no MNIST file is in it, or in its raw or MNIST/raw: train-images"):
        resolve(str(tmp_path), cache=tmp_path / "cache")
    with pytest.raises(UsageFault, match="this is a file"):
        resolve(str(tmp_path / "notes.txt"), cache=tmp_path / "cache")
    with pytest.raises(UsageFault, match="Did you mean mnist"):
        resolve("mnits", cache=tmp_path / "cache")
    with pytest.raises(UsageFault, match="no folder is given"):
        resolve("", cache=tmp_path / "cache")


# The cache and the download


def test_a_complete_cache_needs_no_download(tmp_path: Path) -> None:
    fills(tmp_path)
    assert resolve("mnist", cache=tmp_path, download=no_network).name == "mnist"
    assert resolve(None, cache=tmp_path, environment={"LAB4_DATA": "mnist"}).name == "mnist"


def test_an_empty_cache_is_filled_by_a_download(tmp_path: Path) -> None:
    assert resolve("mnist", cache=tmp_path, download=fills).name == "mnist"


def test_a_damaged_cache_is_downloaded_again(tmp_path: Path) -> None:
    fills(tmp_path)
    cut_short(tmp_path / "MNIST" / "raw")
    assert resolve("mnist", cache=tmp_path, download=fills).name == "mnist"
    assert resolve("mnist", cache=tmp_path, download=no_network).name == "mnist"


def test_without_a_download_the_refusal_says_why(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="not on this machine yet"):
        resolve("mnist", cache=tmp_path)
    fills(tmp_path)
    one_bit_off(tmp_path / "MNIST" / "raw")
    with pytest.raises(UsageFault, match=r"no route to host; t10k-images-idx3-ubyte has .* or nothing to take"):
        resolve("mnist", cache=tmp_path, download=no_network)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"XDG_CACHE_HOME": "/var/cache/me"}, "/var/cache/me/lab4-grader"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "~/.cache/lab4-grader"),
        ("linux", {}, "~/.cache/lab4-grader"),
        ("darwin", {"XDG_CACHE_HOME": "/var/cache/me"}, "~/Library/Caches/lab4-grader"),
        ("win32", {"LOCALAPPDATA": "/users/me/local"}, "/users/me/local/lab4-grader"),
        ("win32", {}, "~/AppData/Local/lab4-grader"),
    ],
)
def test_the_cache_is_in_the_usual_folder_of_the_platform(
    platform: str, environment: dict[str, str], expected: str
) -> None:
    assert user_cache(environment, platform=platform) == Path(expected).expanduser()


# Putting a downloaded set in place


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_with_wrong_checksums_are_not_put_in_the_cache(tmp_path: Path) -> None:
    source = write_set(tmp_path / "new")
    (source / NAMES[0]).write_bytes(FILES[NAMES[0]][:-5])
    with pytest.raises(DownloadFailed, match="39,211 found, 39,216 expected"):
        put_in_place(source, tmp_path / "MNIST" / "raw", SMALL)
    assert not (tmp_path / "MNIST").exists()


def test_a_damaged_set_in_the_cache_is_replaced(tmp_path: Path) -> None:
    target = write_set(tmp_path / "MNIST" / "raw")
    (target / NAMES[0]).write_bytes(b"damaged")
    (target / NAMES[1]).unlink()
    put_in_place(write_set(tmp_path / "new"), target, SMALL)
    assert contents_of(target) == FILES


def test_simultaneous_downloads_do_not_disturb_each_other(tmp_path: Path) -> None:
    target = tmp_path / "MNIST" / "raw"
    sources = [write_set(tmp_path / f"new{number}") for number in range(8)]
    failures: list[Exception] = []

    def finish(source: Path) -> None:
        try:
            put_in_place(source, target, SMALL)
        except Exception as error:  # a thread's failure is asserted on below
            failures.append(error)

    threads = [threading.Thread(target=finish, args=(source,)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert contents_of(target) == FILES


# The bundled images


def test_without_a_name_the_bundled_images_are_used(tmp_path: Path) -> None:
    fills(tmp_path)
    data = resolve(None, cache=tmp_path, download=no_network)
    assert (data.name, data.train_images.shape, data.heldout_images.shape) == (
        *("mnist-10k", (8000, 28, 28), (2000, 28, 28)),
    )
    assert np.bincount(data.train_labels).tolist() == [800] * 10
    assert np.bincount(data.heldout_labels).tolist() == [200] * 10


def test_a_self_check_has_only_training_images() -> None:
    whole, own = bundled_data(), self_check_data()
    assert np.array_equal(np.concatenate([own.train_images, own.heldout_images]), whole.train_images)
    assert np.bincount(own.train_labels).tolist() == [600] * 10
    heldout = {image.tobytes() for image in whole.heldout_images}
    assert not heldout & {image.tobytes() for image in whole.train_images}


def test_damaged_bundled_images_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "__file__", str(tmp_path / "bundled.py"))
    with pytest.raises(GraderFault, match=r"mnist_train\.npz is missing or damaged"):
        bundled_data()
    content = (ROOT / "grader" / "data" / bundled.TRAIN).read_bytes()
    (tmp_path / bundled.TRAIN).write_bytes(content[:-100])
    with pytest.raises(GraderFault, match=r"mnist_train\.npz is missing or damaged"):
        bundled_data()
    np.savez(tmp_path / bundled.TRAIN, images=IMAGES_OF_NOBODY, labels=np.zeros(1, np.uint8))
    with pytest.raises(GraderFault, match="does not have the images"):
        bundled_data()


@pytest.mark.skipif(not MNIST_FOLDER, reason="LAB4_DATA names no MNIST")
def test_the_bundled_images_can_be_made_again() -> None:
    data = resolve_data(MNIST_FOLDER, environment={}, cache=Path(), download=None)
    assert data.train_images.shape == (60_000, 28, 28), "all of MNIST passes its checksums"
    assert digest(*chosen(data.train_images, data.train_labels, EACH[bundled.TRAIN])) == SHA256[bundled.TRAIN]
    assert digest(*chosen(data.heldout_images, data.heldout_labels, EACH[bundled.HELDOUT])) == SHA256[bundled.HELDOUT]


# What workers get


def test_worker_files_contain_the_images_but_no_held_out_label(tmp_path: Path) -> None:
    data = bundled_data()
    files, labels = write_worker_files(data, tmp_path / "run", order_seed=5)
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        *("train-images.u8", "train-labels.u8", "heldout-images.u8")
    }
    assert np.array_equal(np.fromfile(files.train_images, np.uint8).reshape(-1, 28, 28), data.train_images)
    assert np.array_equal(np.fromfile(files.train_labels, np.uint8), data.train_labels)
    heldout = np.fromfile(files.heldout_images, np.uint8).reshape(-1, 28, 28)
    assert (files.train_count, files.heldout_count) == (8000, 2000)
    known = {image.tobytes(): label for image, label in zip(data.heldout_images, data.heldout_labels, strict=True)}
    assert [known[image.tobytes()] for image in heldout] == labels.tolist()
    assert not np.array_equal(labels, data.heldout_labels)
    assert (files.mean, files.std) == (0.1307, 0.3081)
    pixels = data.train_images / 255
    assert abs(pixels.mean() - files.mean) < 0.002
    assert abs(pixels.std() - files.std) < 0.002


def test_the_seed_decides_the_order_of_held_out_images(tmp_path: Path) -> None:
    data = bundled_data()
    _, first = write_worker_files(data, tmp_path / "1", order_seed=1)
    _, again = write_worker_files(data, tmp_path / "2", order_seed=1)
    _, other = write_worker_files(data, tmp_path / "3", order_seed=2)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert sorted(first) == sorted(other)


def test_every_seed_uses_the_same_held_out_images(tmp_path: Path) -> None:
    data = bundled_data()
    many = np.zeros((10_000, 28, 28), np.uint8)
    many[:, 0, 0], many[:, 0, 1] = np.arange(10_000) // 256, np.arange(10_000) % 256
    large = replace(data, heldout_images=many, heldout_labels=np.resize(np.arange(10, dtype=np.uint8), 10_000))
    taken = []
    for seed in (1, 2):
        files, labels = write_worker_files(large, tmp_path / str(seed), order_seed=seed)
        images = np.fromfile(files.heldout_images, np.uint8).reshape(-1, 28, 28).astype(int)
        assert len(images) == len(labels) == files.heldout_count == HELDOUT_IMAGES
        taken.append(set(images[:, 0, 0] * 256 + images[:, 0, 1]))
    assert taken[0] == taken[1] == set(range(0, 10_000, 5))


# IDX


IMAGES, LABELS = FILES["t10k-images-idx3-ubyte"], FILES["t10k-labels-idx1-ubyte"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "too few for a header"),
        (IMAGES[:10], "too few for a header"),
        (LABELS, "starts with 0x00000801, not 0x00000803"),
        (IMAGES[:-1], "says 15696 bytes, but the file has 15695"),
        (IMAGES + b"\0", "says 15696 bytes, but the file has 15697"),
        (struct.pack(">4I", 0x803, 1, 32, 32) + bytes(1024), "32 x 32 pixels"),
        (struct.pack(">4I", 0x803, 2**32 - 1, 28, 28), "the header says"),
    ],
)
def test_an_invalid_image_file_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_images(content)


def test_an_invalid_label_file_is_refused() -> None:
    assert len(parse_labels(LABELS)) == HELDOUT_COUNT
    with pytest.raises(ValueError, match="a label is 10"):
        parse_labels(struct.pack(">2I", 0x801, 1) + b"\x0a")
    with pytest.raises(ValueError, match="says 10 bytes"):
        parse_labels(struct.pack(">2I", 0x801, 2) + b"\x01")
