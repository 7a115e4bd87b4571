"""The tutors' decisions on a run: their effect on the automatic reports, and their text in TOML.

A decision never changes the stored automatic mark, so marking again loses neither. It applies only to what the tutor
looked at: when a student hands in something else, the item returns to the queue with a message. The file is read and
written by :mod:`grader.moderation.decisions_file`.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from decimal import Decimal
from itertools import islice, takewhile
from pathlib import Path

import msgspec
import tomli_w

from grader.model import FLAG, Decision, Report, Result, Status, UsageFault
from grader.model.status import first_cause, overall_status
from grader.safe_text import visible
from grader.storage.json_files import encodable

FORMAT = 1
STEP = Decimal("0.01")
"""Points of a decision are a multiple of this."""
_HEAD = """\
# What tutors decided on this run, oldest first. `python -m grader review RUN` writes this file. You may edit entries by
# hand; comments such as this one are not kept. The last entry on an item counts; one without `new` is only a comment,
# or with `request` what a student asked. The decision after it answers it. A decision with `second` was made without
# seeing the one before: if its points differ, the item waits for a further entry. An entry on `flag.` with a flag's id
# says that a tutor has looked at the flag.
"""
_DIGEST = 16
_DEFAULTS = {field.name: field.default for field in fields(Decision)}
"""What the file leaves out."""
ACCEPTED = "accepted"
"""The reason that is stored when a tutor accepts a proposal."""
MARKED_BLIND = "marked without seeing the grader's mark"
"""The reason that is stored when a tutor marks in an audit and gives none."""
STANDARD_REASONS = frozenset({"", ACCEPTED, MARKED_BLIND})
"""Reasons that the program writes for a tutor who gives none; they say nothing to a student."""
OVERRULED = "A tutor read this and set the mark."
"""What stands where the grader's message was, when a tutor gave other points and no reason."""


@dataclass(frozen=True)
class Decisions:
    """All decisions on a run, oldest first."""

    entries: tuple[Decision, ...] = ()
    _by_student: Mapping[str, tuple[Decision, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        grouped: defaultdict[str, list[Decision]] = defaultdict(list)
        for entry in self.entries:
            grouped[entry.student].append(entry)
        object.__setattr__(self, "_by_student", {student: tuple(entries) for student, entries in grouped.items()})

    def of(self, student: str) -> tuple[Decision, ...]:
        """The decisions on one student's items, oldest first."""
        return self._by_student.get(encodable(student), ())

    def on(self, student: str, item: str) -> tuple[Decision, ...]:
        """The decisions, comments and requests on one item of a student, oldest first."""
        return tuple(entry for entry in self.of(student) if entry.item == item)


def subject_digest(report: Report, result: Result) -> str:
    """Digest of what a decision on ``result`` is about: the answer's text, or without text, as in a scan, all files."""
    if result.answer is not None and result.answer.text.strip():
        return hashlib.sha256(encodable(result.answer.text).encode()).hexdigest()[:_DIGEST]
    return _files_digest(report)


def _files_digest(report: Report) -> str:
    return report.digest[:_DIGEST]


def _flag_digest(report: Report, flag: str) -> str:
    """Digest of the files and of what the flags with this id say."""
    said = sorted(own.message for own in report.flags if own.id == flag)
    return hashlib.sha256(encodable("\n".join((report.digest, *said))).encode()).hexdigest()[:_DIGEST]


def with_decisions(report: Report, decisions: Decisions) -> Report:
    """The automatic ``report`` with the decisions on it applied."""
    entries = decisions.of(report.student)
    if not entries:
        return report
    decided = {result.id: _with_decision(report, result, entries) for result in report.results}
    results = tuple(_with_cause_undone(result, decided) for result in decided.values())
    return replace(
        report,
        results=results,
        status=overall_status(results),
        awarded=sum((result.awarded for result in results), Decimal(0)),
        message=first_cause(results),
        looks=tuple(_looks(report, entries)),
    )


def _looks(report: Report, entries: Sequence[Decision]) -> Iterator[Decision]:
    """The first entry on each flag, made while the student had handed in the same and the flag said the same."""
    for id in dict.fromkeys(flag.id for flag in report.flags):
        made = (entry for entry in entries if entry.flag == id and entry.digest == _flag_digest(report, id))
        yield from islice(made, 1)


def look_at(report: Report, flag: str, *, author: str, time: str, reason: str) -> Decision:
    """The entry that says that the ``author`` has looked at the flags with this id."""
    return Decision(
        student=report.student,
        item=FLAG + flag,
        author=author,
        time=time,
        reason=reason,
        digest=_flag_digest(report, flag),
        available=Decimal(0),
    )


def _with_decision(report: Report, result: Result, entries: Sequence[Decision]) -> Result:
    own = [entry for entry in entries if entry.item == result.id]
    # A tutor who marks blind has not read a request.
    answered = max((at for at, entry in enumerate(own) if entry.new is not None and not entry.audit), default=0)
    comments = tuple(entry for entry in own if entry.new is None and not entry.request)
    result = replace(result, comments=comments, asked=_request(own[answered:]))
    made = latest(own)
    if not made:
        return result
    valid = [entry for entry in made if applies(entry, report, result)]
    if not applies(made[-1], report, result):
        return _reopened(report, result, made[-1])
    result = replace(result, readings=tuple(valid) if len(valid) > 1 else ())
    if len({entry.new for entry in valid}) > 1:
        return _disputed(result, valid)
    decisions = [entry for entry in own if entry.new is not None]
    reason = _reason(decisions[: decisions.index(valid[0]) + 1])
    return replace(_decided(result, valid[0], reason), answered=_request(own[:answered]))


def latest(made: Iterable[Decision]) -> tuple[Decision, ...]:
    """The last of the decisions on an item, oldest first, and those before that its tutor did not see; no comments."""
    found: list[Decision] = []
    for entry in made:
        if entry.new is not None:
            found = [*found, entry] if entry.second else [entry]
    return tuple(found)


def applies(decision: Decision, report: Report, result: Result) -> bool:
    """Whether the tutor looked at what the result is about now, and for as many points."""
    return decision.digest == subject_digest(report, result) and decision.available == result.available


def _decided(result: Result, decision: Decision, reason: str) -> Result:
    assert decision.new is not None, "a comment decides nothing"
    is_open = result.status is Status.NEEDS_REVIEW
    is_confirmed = decision.new == (result.proposed if is_open else result.awarded)
    explained = result if is_confirmed else _overruled(result, reason)
    return replace(
        explained,
        status=_status(decision.new, result.available),
        awarded=decision.new,
        proposed=None,
        decision=decision,
        cause="",
        told=explained.told if is_open else explained.message,
    )


def _request(entries: Sequence[Decision]) -> Decision | None:
    return next((entry for entry in reversed(entries) if entry.request), None)


def _reason(decisions: Sequence[Decision]) -> str:
    """The reason of the last decision or, if it gives none, of those before it that it confirms; or empty."""
    last = decisions[-1]
    same = takewhile(lambda entry: (entry.new, entry.digest) == (last.new, last.digest), reversed(decisions))
    return next((entry.reason for entry in same if entry.reason.strip() not in STANDARD_REASONS), "")


def _overruled(result: Result, reason: str) -> Result:
    """The result with the tutor's reason, or a neutral sentence, for all that explained the grader's points."""
    message = reason or OVERRULED
    answer = result.answer and replace(result.answer, spans=(), against=())
    return replace(result, message=message, told=message, hint="", expected="", seen="", answer=answer)


def _with_cause_undone(result: Result, by_id: Mapping[str, Result]) -> Result:
    """The result; open again if it was skipped because of an item for which a tutor has given all points."""
    cause = by_id.get(result.cause)
    if cause is None or cause.decision is None or cause.awarded < cause.available:
        return result
    message = f"{cause.decision.author} gave all points for {cause.id}, so this item has to be decided too."
    return replace(result, status=Status.NEEDS_REVIEW, message=message, hint="", proposed=Decimal(0), cause="")


def _status(awarded: Decimal, available: Decimal) -> Status:
    if awarded >= available:
        return Status.PASSED
    return Status.PARTIAL if awarded else Status.FAILED


def _reopened(report: Report, result: Result, decision: Decision) -> Result:
    """An item that a tutor has to decide again; the new automatic mark is proposed."""
    reason = f"the item was worth {decision.available:f} points then"
    if decision.digest != subject_digest(report, result):
        reason = "the student has handed in something else since"
    proposed = result.proposed if result.status is Status.NEEDS_REVIEW else result.awarded
    return _waiting(result, f"{decision.author} gave {decision.new:f} here, but {reason}.", proposed)


def _disputed(result: Result, made: Sequence[Decision]) -> Result:
    """An item that tutors decided differently without seeing each other's decisions; nothing is proposed."""
    who = ", ".join(f"{entry.author} gave {entry.new:f}{_because(entry)}" for entry in made)
    return _waiting(result, f"Tutors differ: {who}. Decide which points count.", None)


def _waiting(result: Result, note: str, proposed: Decimal | None) -> Result:
    """The result as it waits for a tutor, with a ``note`` before its message."""
    return replace(
        result,
        status=Status.NEEDS_REVIEW,
        awarded=Decimal(0),
        proposed=proposed,
        cause="",
        message=f"{note} {result.message}".strip(),
    )


def _because(decision: Decision) -> str:
    return "" if decision.reason.strip() in STANDARD_REASONS else f" ({decision.reason})"


# ---- the text --------------------------------------------------------------------------------------------------------


def parse_decisions(path: Path, text: bytes) -> Decisions:
    """The decisions in ``text``, the content of ``path``. Raises UsageFault for invalid content."""
    try:
        content = tomllib.loads(text.decode("utf-8-sig"), parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageFault(f"{path}: not valid TOML: {error}.") from error
    if content.get("format") != FORMAT:
        raise UsageFault(f"{path}: format should be {FORMAT}.")
    entries = content.get("override", [])
    if not isinstance(entries, list) or content.keys() - {"format", "override"}:
        raise UsageFault(f"{path}: should contain only format and tables headed [[override]].")
    return Decisions(tuple(_entry(path, number, entry) for number, entry in enumerate(entries, start=1)))


def _entry(path: Path, number: int, entry: object) -> Decision:
    place = f"{path}: override {number}"
    known = [field.name for field in fields(Decision)]
    for name in entry if isinstance(entry, dict) else ():
        if name not in known:
            raise UsageFault(f"{place}: {visible(name)} is not a known field; the fields are {', '.join(known)}.")
    try:
        decision = msgspec.convert(entry, Decision, strict=False)
    except msgspec.ValidationError as error:
        raise UsageFault(f"{place}: {error}.") from error
    new = decision.new
    if new is not None and not (new.is_finite() and 0 <= new <= decision.available and new % STEP == 0):
        raise UsageFault(f"{place}: new should be between 0 and {decision.available}, in steps of {STEP}.")
    return decision


def decisions_text(decisions: Decisions) -> bytes:
    """The content of the file for ``decisions``."""
    return f"{_HEAD}format = {FORMAT}\n{entries_text(decisions.entries)}".encode()


def entries_text(entries: Sequence[Decision]) -> str:
    """The tables of ``entries``, which can be appended to a file with other entries; each begins with an empty line."""
    tables = (
        {name: _plain(value) for name, value in asdict(entry).items() if value != _DEFAULTS[name]} for entry in entries
    )
    return "".join(f"\n[[override]]\n{tomli_w.dumps(table)}" for table in tables)


def _plain(value: object) -> object:
    if value is True:
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else value
    return encodable(str(value))
