"""Finding the submissions of a cohort on disk; nothing in one is executed, imported or parsed as Python here.

``discover`` takes a folder of students (a folder, file or zip each), one zip of them all, an LMS export, or a single
submission, and says which file of each is the script; ``survey`` and ``assemble`` are its two steps. How it tells one
submission from a cohort is told in :mod:`grader.submissions.layout`; how it chooses a script in
:mod:`grader.submissions.script_choice`. Ids are names of folders or files without ``.zip`` or ``.py``; Moodle's are
``Jane Doe_5012345`` (every folder or file of one participant number is one submission), Canvas's ``doejane_12345``.
Ids that would be alike get `` (2)``.

May import: ``lab4``, ``model``, ``source``, ``storage.folder_names``.
"""

from grader.submissions.assembly import Delivery, assemble
from grader.submissions.discovery import discover, survey
from grader.submissions.files import copy_submission

__all__ = ["Delivery", "assemble", "copy_submission", "discover", "survey"]
