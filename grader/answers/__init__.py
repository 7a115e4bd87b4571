"""The written answers of Part 1: reads documents, finds the answer to each part, marks it against the key.

It also finds code in documents. What reads and finds is in the students' self-check too; what marks is not.

May import: ``answers.documents``, ``answers.finding``, ``answers.marker``, ``checks``,
``lab4``, ``model``, ``safe_text``, ``source``, ``submissions.files``, ``submissions.script_content``.
"""
