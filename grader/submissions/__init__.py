"""Find the submissions of a cohort on disk and choose the script of each, without running or parsing any code.

``discovery.discover`` takes a folder with one folder, file or zip for each student, a zip of them all, an LMS export,
or a single submission. ``discovery.survey`` and ``assembly.assemble`` are its two steps.
:mod:`grader.submissions.layout` distinguishes a submission from a cohort; :mod:`grader.submissions.composition` makes a
submission of files, for which :mod:`grader.submissions.script_choice` chooses the script. The id of a submission is the
name of its folder or file without ``.zip`` or ``.py``. Moodle's ids are ``Jane Doe_5012345`` (all folders and files
with the same name and number are one submission), Canvas's ``doejane_12345``. Equal ids get `` (2)``, and
:mod:`grader.submissions.claims` says whose work waits for a tutor then.

May import: ``lab4``, ``model``, ``source``, ``storage.csv_files``, ``storage.folder_names``, ``storage.run_mark``.
"""
