"""Looks for a network in the documents of a submission that has none in a script.

Code that is found becomes the script of the submission, and a tutor confirms all that follows from it.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath

from grader.answers.document_code import DocumentCode, code_in
from grader.answers.documents.handed_in import MOST_DOCUMENTS, pictures_of
from grader.model import Flag, Submission
from grader.submissions.files import copy_submission

_FLAG = "code-in-document"


def with_code_of_documents(submission: Submission, scratch: Path) -> Submission:
    """``submission`` with the code of one of its documents as its script, if none of its scripts has a network.

    Without such code, it says whether a file that could not be read may contain it. New files are written to
    ``scratch``.
    """
    if submission.has_network:
        return submission
    names = submission.documents[:MOST_DOCUMENTS]
    read = {name: code_in(submission.root / name) for name in names}
    best = max(read, key=lambda name: (read[name].content.defines_net, read[name].content.amount), default="")
    if best and read[best].text:
        return _with_script(submission, best, read[best], scratch)
    if submission.script:
        return submission
    if lost := next((name for name in names if read[name].has_network), ""):
        return _with_lost_code(submission, lost)
    unread = next((code.unread for code in read.values() if code.unread), "")
    pictures = pictures_of(submission)
    problem = unread or (f"{pictures[0]} is a picture, which may show the code." if pictures else "")
    if not problem:
        return submission
    return replace(submission, problem=f"{submission.problem} {problem}", has_unread_work=True)


def _with_script(submission: Submission, document: str, code: DocumentCode, scratch: Path) -> Submission:
    root = Path(tempfile.mkdtemp(prefix="document-", dir=scratch))
    copy_submission(submission, root)
    script = f"{document}.py"
    while script in submission.files:
        script = str(PurePosixPath(script).with_suffix("")) + "_.py"
    (root / script).write_text(code.text, encoding="utf-8")
    message = f"The code was taken from {document}, because no script with a network was handed in; look at it there."
    return replace(
        submission,
        root=root,
        script=script,
        files=(*submission.files, script),
        digest=hashlib.sha256(f"{submission.digest}\n{script}\n{code.text}".encode()).hexdigest(),
        candidates=(script,),
        problem="",
        has_network=True,
        flags=(*submission.flags, Flag(_FLAG, message)),
        code_document=document,
        has_unread_work=False,
    )


def _with_lost_code(submission: Submission, document: str) -> Submission:
    problem = f"The code is in {document}, from which it could not be extracted so that Python can read it."
    flags = (*submission.flags, Flag(_FLAG, problem))
    return replace(submission, problem=problem, flags=flags, has_unread_work=True)
