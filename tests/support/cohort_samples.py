"""Cohorts for the tests of the cohort page: a small one with an example of everything, and one as large as a course."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from decimal import Decimal

from grader.checks.training import accuracies_of
from grader.model import PART1, Decision, Flag, MarkedAnswer, Report, Result, Status
from grader.model.status import first_cause, overall_status
from tests.support import report_samples as samples
from tests.support.report_samples import AnyReport, F, H, P, R, SampleReport

ANSWERS = {
    "1": ("A net with many hidden layers, which learns features of features.", ("many hidden layers",)),
    "2": ("Shallow methods are given features, deep ones learn them.", ("deep ones learn them",)),
    "3": ("Reading digits, finding faces & other things on pictures with x < y.", ("Reading digits",)),
    "4": ("Each neuron looks at a small patch of the input, and all share weights.", ("small patch", "share weights")),
    "5": ("Pooling makes the maps smaller.", ("smaller",)),
    "6a": ("[4, 5, 1, 3]", ("4", "5", "1", "3")),
    "6b": ("2.5 2.5 / 0.25 2", ("2.5", "0.25")),
    "7a": ("As many as I like, 10 in conv1.", ("As many as I like",)),
    "7b": ("With a patch of the image.", ("patch",)),
    "7c": ("Once for each place.\nThat is 24 x 24 times.", ("each place",)),
    "7d": ("One.", ("One",)),
    "7e": ("In the activation map.", ("activation map",)),
    "8": ("It keeps neurons from depending on each other.", ("depending on each other",)),
}
LONG = "\n".join(f"{number}. Layer {number} builds on what the one before it has found." for number in range(1, 60))
REASONS = {P: "Right, all of it.", H: "One half is right; say what is computed too.", F: "It is the other way round."}


def answer(part: str, status: Status, text: str | None = None, **details: object) -> Result:
    """An answer to ``part`` with another status; an open one has all points proposed."""
    usual, words = ANSWERS[part]
    text = usual if text is None else text
    spans = tuple((text.index(word), text.index(word) + len(word)) for word in words if word in text)
    awarded = {P: Decimal(1), H: Decimal("0.5")}.get(status, Decimal(0))
    result = Result(
        PART1 + part,
        dict(samples.PARTS)[part],
        status,
        awarded,
        Decimal(1),
        message=REASONS.get(status, "It is not certain that this is all of the answer."),
        proposed=Decimal(1) if status is R else None,
        answer=MarkedAnswer(text, "part1 answers.docx", 0.5 if status is R else 0.9, spans),
    )
    return samples.altered(result, **details)


def answers(**others: Result) -> tuple[Result, ...]:
    """Correct answers to all parts except ``others``, which are named like ``p7c``."""
    return tuple(others.get(f"p{part}") or answer(part, P) for part in ANSWERS)


def summed(report: AnyReport, **changes: object) -> AnyReport:
    """``report`` with changed fields, and the status, sum and first cause that follow from them."""
    changed = samples.changed(report, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(
        changed,
        status=overall_status(changed.results),
        awarded=sum((result.awarded for result in changed.results), Decimal(0)),
        message=first_cause(changed.results),
    )


def override(student: str, item: str, old: str, new: str | None, reason: str, *, day: int = 24) -> Decision:
    """A tutor's decision; with ``new`` None, a comment."""
    given = None if new is None else Decimal(new)
    time = f"2025-11-{day}T09:00:00+00:00"
    return Decision(student, item, "Ada Tutor", time, reason, "0" * 16, Decimal(1), Decimal(old), given)


def small_cohort() -> tuple[SampleReport, ...]:
    """One student of every kind that the page distinguishes."""
    decided = override("Weber_Max_u7000001", "part1.5", "0.5", "1", "The example makes it clear to <me>.")
    comment = override("Weber_Max_u7000001", "part1.8", "1", None, "Max asked about this one.", day=25)
    blacked = "My own words, Max Weber (u7000001): pooling with max makes maps smaller."
    no_proposal = answer("7c", R, "It is \U0001f914 <b>hard</b> to say", proposed=None, message="Not marked yet.")
    elsewhere = answer("2", R, message="This part is answered in other words in Max Weber notes.docx. Right.")
    settled = samples.passed_report("s1234567")
    accuracy = next(item for item in samples.review_report().code_results if item.id == "training.accuracy")
    held = dataclasses.replace(accuracy, proposed=Decimal("1.5"), awarded=Decimal(0))
    reviewed = samples.review_report("s5678901")
    reviewed_items = tuple(held if item.id == held.id else item for item in reviewed.code_results)
    return (
        summed(settled, answers=answers(), flags=()),
        summed(
            samples.partial_report("Weber_Max_u7000001"),
            answers=answers(
                p2=elsewhere,
                p5=answer("5", P, blacked, decision=decided),
                p7c=no_proposal,
                p8=answer("8", P, comments=(comment,)),
            ),
        ),
        summed(
            samples.failed_report(), answers=answers(p4=answer("4", H), p6a=answer("6a", F), p1=answer("1", R, LONG))
        ),
        summed(samples.unloadable_report(), answers=answers(p4=answer("4", H), p6b=answer("6b", F, "", spans=()))),
        summed(reviewed, items=reviewed_items, answers=answers(p7c=answer("7c", R))),
        samples.error_report(),
        samples.passed_report("s9999999"),
        summed(settled, student="s7777777", answers=answers(), flags=(Flag("renamed-script", "It is `net.py`."),)),
    )


def large_cohort(students: int = 300) -> tuple[SampleReport, ...]:
    """A course: two or three open answers for each student, some open code items, and accuracies of all sizes."""
    kinds = (
        samples.passed_report(),
        samples.partial_report(),
        samples.passed_report(),
        samples.review_report(),
        samples.passed_report(),
        samples.failed_report(),
        samples.passed_report(),
        samples.unloadable_report(),
    )
    return tuple(_student(number, kinds[number * 7 % 31 % 8]) for number in range(students))


def _student(number: int, kind: SampleReport) -> SampleReport:
    student = f"u{6500000 + number * 7919 % 1000000}"
    if number % 60 == 59:
        return dataclasses.replace(kind, student=student)
    marked = {f"p{part}": answer(part, status) for part, status in _statuses(number)}
    if "p1" in marked and number % 3 == 0:
        marked["p1"] = answer("1", marked["p1"].status, LONG)
    evidence = kind.evidence
    if evidence is not None and evidence.trainings:
        correct = 9990 - number * 37 % 220 if number % 23 else 1000 + number * 31 % 8000
        evidence = dataclasses.replace(evidence, trainings=(samples.training(1, correct),))
    reached = accuracies_of(evidence.trainings) if evidence else ()
    return summed(kind, student=student, evidence=evidence, accuracies=reached, answers=answers(**marked))


def _statuses(number: int) -> Iterator[tuple[str, Status]]:
    for at, part in enumerate(ANSWERS):
        turn = (number * 13 + at * 7) % 17
        if turn < 6:
            yield part, (R, H, R, F, H, R)[turn]


def with_items(report: Report, status: Status) -> Report:
    """``report`` with this status for every item of Part 2 and every answer, and without flags."""
    share = Decimal(status is P)
    items = tuple(
        dataclasses.replace(item, status=status, awarded=share * item.available, message=REASONS[status], cause="")
        for item in report.code_results
    )
    return summed(report, items=items, flags=(), answers=tuple(answer(part, status) for part in ANSWERS))
