"""Whose a submission is, as the learning platform said it: what is needed to give the marks back."""

from __future__ import annotations

from dataclasses import dataclass

MOODLE, CANVAS, GRADESCOPE, NBGRADER = "moodle", "canvas", "gradescope", "nbgrader"
"""The platforms."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file or folder as the platform delivered it: its ``name`` unchanged, and Canvas's number of the file."""

    name: str
    id: str = ""


@dataclass(frozen=True)
class Person:
    """One of those who handed in. ``account`` is a platform's or the university's number for the person."""

    name: str = ""
    account: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a submission comes from. What a platform does not say is empty."""

    platform: str = ""
    """One of the platforms; empty for folders and files that a tutor named."""
    name: str = ""
    """The name of the student or group, without numbers, as the platform writes it."""
    account: str = ""
    """Moodle's participant (for a group, the group's number), Canvas's user or anonymous id, Gradescope's submission,
    nbgrader's student id: as text, unchanged."""
    attachments: tuple[Attachment, ...] = ()
    members: tuple[Person, ...] = ()
    """Everyone who handed in, where the platform lists them."""
    is_group: bool = False
    is_late: bool | None = None
    """What the platform said; None if it said nothing."""
    handed_in: str = ""
    """When the last file was handed in: ISO 8601, with the offset from UTC where it is known."""
    clock: str = ""
    """Where ``handed_in`` comes from, in words for a tutor, such as ``the worksheet``."""

    @property
    def owner(self) -> str:
        """What is the same in every download for the same student or group of a platform; empty if nothing is.

        That is the account, but of Gradescope, which gives work that is handed in again another number, the people.
        """
        people = sorted(person.account or person.email for person in self.members)
        return "\n".join(people) if self.platform == GRADESCOPE and people and all(people) else self.account


UNSTATED = Origin()
"""Nothing is said about where a submission comes from."""
