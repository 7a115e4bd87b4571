"""Reads the files of a submission in a process of its own, with limits on its time and memory.

Everything that reads a student's files is here or below: archives are unpacked, the script is chosen, documents and
tables are read, and answers are marked. A file that takes too long costs its own submission a tutor's look, and no
other submission anything. :mod:`grader.reading.reader` is the parent's side, :mod:`grader.reading.service` the child's.

May import: ``answers``, ``answers.finding``, ``answers.marker``, ``experiment``, ``model``,
``sandbox``, ``source.script``, ``storage.json_files``, ``submissions``.
"""

from grader.reading.reader import Reader, Readers

__all__ = ["Reader", "Readers"]
