"""Refuses to merge runs that are not the shards of one cohort, all graded alike, before anything is written."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from grader.model import Run, ShardOfRun, UsageFault
from grader.model.evidence import Evidence
from grader.model.training import devices_of
from grader.moderation.decisions import Decisions
from grader.moderation.decisions_file import DECISIONS_FILE
from grader.moderation.finished_run import FinishedRun, load_run
from grader.moderation.pseudonyms import SECRET_FILE, known_secret, secret_digest
from grader.safe_text import visible
from grader.storage import records, run_folder
from grader.storage.fingerprints import circumstances_of
from grader.storage.records import StoredEvidence

_MOST_NAMED = 20
Value = Callable[[StoredEvidence], str]


@dataclass(frozen=True)
class GradedShard:
    """The folder of a shard's run, its facts, and which shard it is."""

    folder: Path
    run: Run
    part: ShardOfRun

    def __str__(self) -> str:
        return visible(str(self.folder))

    @cached_property
    def students(self) -> tuple[str, ...]:
        """The ids of the submissions that belong to the shard, graded or not."""
        return tuple(student for student in self.part.cohort if self.part.shard.has(student))


_SAME: dict[str, Callable[[GradedShard], object]] = {
    "a different number of shards": lambda shard: shard.part.shard.count,
    "a different rubric": lambda shard: (shard.run.rubric_title, shard.run.rubric_revision, shard.run.bands),
    "a different answer key": lambda shard: shard.run.key_revision,
    "different images": lambda shard: (shard.run.data, shard.part.data),
    "a different version of the grader": lambda shard: (shard.run.grader_version, shard.part.code),
    "a different secret, so with other seeds": lambda shard: shard.part.secret,
    "a different late policy": lambda shard: shard.run.late,
    "another choice of --full-answers": lambda shard: shard.run.shows_full_answers,
}
"""What all shards have in common, by what is said of two that have not."""


def _observed(value: Callable[[Evidence], str]) -> Value:
    return lambda stored: value(stored.evidence) if stored.evidence is not None else ""


_OBSERVED: dict[str, Value] = {
    "The code of {who} was observed by another version of the grader, with other images or by another training plan "
    "than that of the others": lambda stored: circumstances_of(stored.key) if stored.evidence is not None else "",
    "The code of {who} was observed with {value}, that of the others with {usual}": _observed(
        lambda found: ", ".join(f"{name} {version}" for name, version in sorted(found.versions.items()))
    ),
    "The answers of {who} were read by another version of the grader, or for other questions, than those of the "
    "others": lambda stored: circumstances_of(stored.sheet_key),
    "The experiment of {who} was read or repeated by another version of the grader, or with other images, than those "
    "of the others": lambda stored: circumstances_of(stored.experiment_key),
}
"""What must be the same in all evidence that has it, by what is said of evidence where it differs. The facts about a
run are those of its last command, which need not have observed everybody."""
_TRAINED: dict[str, Value] = {
    "The networks of {who} were trained on {value}, those of the others on {usual}, where equal networks may get other "
    "accuracies (--mixed allows it)": _observed(lambda found: ", ".join(sorted(devices_of(found.trainings)))),
}


def graded_shards(folders: Iterable[Path]) -> list[GradedShard]:
    """The shards that were graded at ``folders``, in the order of their numbers. Equal cohorts are one object.

    Raises UsageFault if none was graded at one of them, or its run is not finished.
    """
    shards: list[GradedShard] = []
    for folder in folders:
        shard = _graded_shard(folder)
        if shards and list(shards[0].part.cohort.items()) == list(shard.part.cohort.items()):
            part = replace(shard.part, cohort=shards[0].part.cohort)
            shard = GradedShard(folder, replace(shard.run, shard=part), part)
        shards.append(shard)
    return sorted(shards, key=lambda shard: shard.part.shard.number)


def _graded_shard(folder: Path) -> GradedShard:
    place, stored = visible(str(folder)), run_folder.read_run(folder)
    if stored is None or stored.run is None:
        raise UsageFault(f"{place} is not a run of this version of the grader; name the folders of graded shards.")
    if stored.run.shard is None:
        raise UsageFault(f"{place} is a run without --shard; only shards are merged.")
    if not stored.is_finished:
        raise UsageFault(
            f"{place} is not finished: grade shard {stored.run.shard.shard} into the same folder again to continue it."
        )
    return GradedShard(folder, stored.run, stored.run.shard)


def check_together(shards: Sequence[GradedShard]) -> None:
    """Raise UsageFault unless these are all shards of one cohort, each once, by commands with the same settings.

    ``shards`` are in the order of their numbers.
    """
    first = shards[0]
    for other in shards[1:]:
        _check_cohort(first, other)
        for what, value in _SAME.items():
            if value(first) != value(other):
                raise UsageFault(f"{first} and {other} were graded with {what}.")
    for shard in shards:
        if secret_digest(known_secret(shard.folder)) != shard.part.secret:
            raise UsageFault(f"{shard} lacks the secret that it was graded with: put it there again, as {SECRET_FILE}.")
    _check_numbers(shards)


def _check_cohort(first: GradedShard, other: GradedShard) -> None:
    mine, theirs = first.part.cohort, other.part.cohort
    if list(mine) != list(theirs):
        only = ((first, sorted(mine.keys() - theirs.keys())), (other, sorted(theirs.keys() - mine.keys())))
        differ = "".join(f" Only {shard} has {named(students)}." for shard, students in only if students)
        raise UsageFault(f"{first} and {other} are of different folders of submissions.{differ}")
    if changed := [student for student, work in mine.items() if theirs[student] != work]:
        raise UsageFault(
            f"{first} and {other} did not see the same files, or times of handing in, of {named(changed)}: grade both "
            "again, into the same folders, from one copy of the submissions."
        )


def check_evidence(shards: Sequence[GradedShard], *, is_mixed: bool) -> tuple[str, ...]:
    """Raise UsageFault unless all submissions were observed alike, whatever the last command of each shard was.

    Returns the kinds of device that trained their networks: one, unless it ``is_mixed``.
    """
    compared = _OBSERVED if is_mixed else _OBSERVED | _TRAINED
    devices: set[str] = set()
    having: dict[str, defaultdict[str, list[tuple[GradedShard, str]]]] = defaultdict(lambda: defaultdict(list))
    for shard in shards:
        for student in shard.students:
            stored = records.read_evidence(shard.folder, student)
            if stored is None:  # a fault of the grader, which its report says
                continue
            devices |= devices_of(stored.evidence.trainings) if stored.evidence is not None else set()
            for what, value_of in compared.items():
                if value := value_of(stored):
                    having[what][value].append((shard, student))
    for what, found in having.items():
        usual, *others = sorted(found, key=lambda value: -len(found[value]))
        for value in others:
            said = what.format(who=_placed(found[value]), value=visible(value), usual=visible(usual))
            raise UsageFault(f"{said}: give the shard's command with --student ID, or '*', to observe them again.")
    return tuple(sorted(devices))


def _placed(found: Iterable[tuple[GradedShard, str]]) -> str:
    by_shard: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for shard, student in found:
        by_shard[str(shard)][student] = None
    return "; ".join(f"{named(list(students))} in {place}" for place, students in by_shard.items())


def _check_numbers(shards: Sequence[GradedShard]) -> None:
    numbers = [shard.part.shard.number for shard in shards]
    for shard, following in itertools.pairwise(shards):
        if shard.part.shard == following.part.shard:
            raise UsageFault(
                f"Shard {shard.part.shard} is there twice, in {shard} and in {following}: {named(shard.students)}."
            )
    any_shard = shards[0].part
    missing = [number for number in range(1, any_shard.shard.count + 1) if number not in numbers]
    if missing:
        lines = []
        for number in missing:
            lacking = replace(any_shard.shard, number=number)
            lines.append(f"{lacking} ({named([student for student in any_shard.cohort if lacking.has(student)])})")
        raise UsageFault(f"Missing: shard {', '.join(lines)}.")


def finished_shard(shard: GradedShard) -> FinishedRun:
    """The stored run of a shard. Raises UsageFault if it lacks a submission or has one that is not its own."""
    finished = load_run(shard.folder)
    graded = {report.student for report in finished.automatic}
    if missing := [student for student in shard.students if student not in graded]:
        raise UsageFault(
            f"{shard} has no marks of {named(missing)}: grade shard {shard.part.shard} again into the same folder."
        )
    if foreign := sorted(graded - set(shard.students)):
        raise UsageFault(f"{shard} has marks of {named(foreign)}, not in shard {shard.part.shard}.")
    return finished


def own_decisions(shards: Sequence[GradedShard], parts: Sequence[FinishedRun]) -> Decisions:
    """The decisions that shards have on their own students, and on nobody in the cohort.

    Raises UsageFault if one is on a student of another shard, unless it is there too: its place among the decisions
    there, of which the last counts, is not known.
    """
    cohort = shards[0].part.cohort.keys()
    made = [(shard, entry) for shard, part in zip(shards, parts, strict=True) for entry in part.decisions.entries]
    own = dict.fromkeys(e for shard, e in made if shard.part.shard.has(e.student) or e.student not in cohort)
    if strangers := [(shard, entry.student) for shard, entry in made if entry not in own]:
        raise UsageFault(
            f"There are decisions on students of another shard, {_placed(strangers)}: move them to the "
            f"{DECISIONS_FILE} of that shard, or remove them."
        )
    return Decisions(tuple(own))


def named(students: Sequence[str]) -> str:
    """The first students, as one sentence can name them."""
    names = [visible(student) for student in students[:_MOST_NAMED]]
    more = [f"{len(students) - _MOST_NAMED} more"] if len(students) > _MOST_NAMED else []
    return ", ".join([*names, *more]) or "nobody"
