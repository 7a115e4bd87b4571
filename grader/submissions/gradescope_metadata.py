"""Read ``submission_metadata.yml`` of an export of Gradescope: who handed in each folder, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from grader.model.origin import GRADESCOPE, Attachment, Origin, Person
from grader.submissions.naming import printable

METADATA = "submission_metadata.yml"
_FOLDER = re.compile(r"submission_([0-9]+)")
_LARGEST = 16 << 20
"""Bytes; a submission takes some 300."""
_TIME = re.compile(r"([0-9-]{10} [0-9:]{8})(?:\.[0-9]+)? ?(Z|[+-][0-9]{2}:?[0-9]{2})?")
UNREAD = "platform-unread"
"""The id of the flag on submissions whose submitters could not be read."""


def read_metadata(path: Path) -> tuple[dict[str, Origin], str]:
    """The origin of each folder that the file lists, and a sentence if the file cannot be read, or empty."""
    try:
        listed = _loaded(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return {}, f"{printable(path.name)} cannot be read, so nobody's name is known: {printable(reason)}."
    return {str(folder): origin_of(str(folder), facts) for folder, facts in listed.items()}, ""


def is_submission(folder: str) -> bool:
    """Whether Gradescope names folders so."""
    return bool(_FOLDER.fullmatch(folder))


def origin_of(folder: str, facts: object = None) -> Origin:
    """The origin of a folder with what the file says about it; whatever is not as expected is left out."""
    said: Mapping[object, Any] = facts if isinstance(facts, dict) else {}
    listed = said.get(":submitters")
    members = tuple(_person(entry) for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else ()
    number = _FOLDER.fullmatch(folder)
    time = _handed_in(_text(said, ":created_at"))
    return Origin(
        platform=GRADESCOPE,
        name=_listed([member.name or member.email or member.account for member in members]),
        account=number[1] if number else folder,
        attachments=(Attachment(folder),),
        members=members,
        is_group=len(members) > 1,
        handed_in=time,
        clock="Gradescope" if time else "",
    )


def _loaded(path: Path) -> Mapping[object, Any]:
    """The file as text, lists and tables of text. Raises OSError, or ValueError for anything else."""
    import yaml  # only for Gradescope

    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError(f"it is larger than {_LARGEST >> 20} MiB")
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # builds text, lists and tables, and nothing else
    try:
        loaded = yaml.load(content, Loader=loader)
    except yaml.YAMLError as error:
        raise ValueError(f"it is damaged ({' '.join(str(error).split())[:200]})") from error
    if not isinstance(loaded, dict):
        raise ValueError("it is not a list of submissions")
    return loaded


def _person(entry: Mapping[object, Any]) -> Person:
    return Person(_text(entry, ":name"), _text(entry, ":sid"), _text(entry, ":email"))


def _text(entry: Mapping[object, Any], name: str) -> str:
    value = entry.get(name)
    return " ".join(value.split()) if isinstance(value, str) and value not in {"null", "~"} else ""


def _handed_in(text: str) -> str:
    """``2026-04-26 17:34:00.861687000 Z`` in ISO 8601; empty for anything else."""
    found = _TIME.fullmatch(text)
    if not found:
        return ""
    try:
        return datetime.fromisoformat(f"{found[1]}{found[2] or ''}").isoformat()
    except ValueError:
        return ""


def _listed(names: list[str]) -> str:
    """``Ada Byron, Cy Lim and Ben Cho``."""
    shown = [name for name in names if name]
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))
