"""Finding the submissions of a cohort on disk; nothing in one is executed, imported or parsed as Python here.

``discover`` takes a folder of students (a folder, file or zip each), one zip of them all, an LMS export, or a single
submission, and says which file of each is the script; ``survey`` and ``assemble`` are its two steps. How it tells one
submission from a cohort is told in :mod:`grader.intake.shapes`; how it chooses a script in
:mod:`grader.intake.scripts`. Ids are names of folders or files without ``.zip`` or ``.py``; Moodle's are
``Jane Doe_5012345`` (every folder or file of one participant number is one submission), Canvas's ``doejane_12345``.
Ids that would be alike get `` (2)``.
"""

from grader.intake.assembly import Delivery, assemble
from grader.intake.discovery import discover, survey
from grader.intake.files import copy_submission
from grader.intake.names import safe_folder_name

__all__ = ["Delivery", "assemble", "copy_submission", "discover", "safe_folder_name", "survey"]
