"""Replaces the folder of an export as a whole, so that nothing of an earlier export stays and none is half written."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from grader.export.outcome import SUMMARY_FILE, Outcome, summary_text
from grader.model import UsageFault
from grader.safe_text import visible

_COPYING_SECONDS = 60.0
"""The files of an export have times within these, also after the whole run was copied."""


def export_folder(run: Path, platform: str) -> Path:
    """Where the files for ``platform`` are written unless the tutor names a folder."""
    return run / "export" / platform


def write_export(folder: Path, write: Callable[[Path], Outcome], *, inputs: tuple[Path, ...]) -> Outcome:
    """Let ``write`` fill a new folder, and put it in the place of ``folder``, which it leaves unchanged if it fails.

    Raises UsageFault when ``folder`` holds something else than an earlier export, or one of the ``inputs``.
    """
    _check(folder, inputs)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
            new, old = Path(place, "new"), Path(place, "old")
            new.mkdir()
            outcome = write(new)
            (new / SUMMARY_FILE).write_text(summary_text(outcome), encoding="utf-8", newline="\n")
            if folder.exists():
                folder.replace(old)
            try:
                new.replace(folder)
            except OSError:
                if old.exists():
                    old.replace(folder)
                raise
    except OSError as error:
        raise UsageFault(
            f"The files cannot be written to {visible(str(folder))}: {error.strerror or error}. "
            "Close whatever has them open, or name another folder with --out."
        ) from error
    return outcome


def _check(folder: Path, inputs: tuple[Path, ...]) -> None:
    inside = [path for path in inputs if path.resolve().is_relative_to(folder.resolve())]
    if inside:
        raise UsageFault(
            f"{visible(str(inside[0]))} is in the folder that is written; move it, or name another folder with --out."
        )
    if folder.exists() and not folder.is_dir():
        raise UsageFault(f"{visible(str(folder))} is a file; name a folder with --out.")
    if folder.exists() and any(folder.iterdir()) and not (folder / SUMMARY_FILE).is_file():
        raise UsageFault(
            f"{visible(str(folder))} has other files in it than an earlier export; name a new folder with --out."
        )
    if later := _changed_since(folder):
        raise UsageFault(
            f"{visible(str(later))} was added or changed after the export; move it, or name a new folder with --out."
        )


def _changed_since(folder: Path) -> Path | None:
    """A file in the folder of an export that is newer than the export: a tutor's, which is not to be removed."""
    if not (folder / SUMMARY_FILE).is_file():
        return None
    written = (folder / SUMMARY_FILE).stat().st_mtime + _COPYING_SECONDS
    return next((path for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime > written), None)
