"""How a run continues an earlier one: which one that is, who has another name there, and who is new or gone.

Students are recognised by what their platform calls them, because a name may be corrected and a folder renamed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from grader.model import Origin, Report, Run
from grader.pipeline.settings import RunSettings
from grader.storage import records, results_json, run_folder
from grader.storage.run_folder import StoredRun
from grader.submissions.assembly import Delivery
from grader.submissions.naming import stem, without_copy_mark

_MOST_NAMED = 8
Person = tuple[str, str]
"""A platform and what it calls the student; if that is nothing, an empty platform and the student's id."""


def person_of(student: str, origin: Origin) -> Person:
    """Who a student is, independently of names where the platform has something better."""
    return (origin.platform, origin.owner) if origin.owner else ("", student)


def _people(origins: Mapping[str, Origin]) -> dict[str, Person]:
    return {student: person_of(student, origin) for student, origin in origins.items()}


def with_earlier_run(settings: RunSettings, deliveries: Sequence[Delivery]) -> RunSettings:
    """The settings with the latest run that this one continues, and its late policy if none was given.

    Besides a run over the same path, that is one by a rubric with the same title over mostly the same accounts, or over
    a download beside it with the same name and mostly the same students.
    """
    if settings.reports is None or not settings.reports.is_dir() or run_folder.read_run(settings.out) is not None:
        return settings
    known = run_folder.read_run(settings.earlier) if settings.earlier is not None else None
    since = known.run.started if known is not None and known.run is not None else ""
    people = {person_of(delivery.id, delivery.origin) for delivery in deliveries}
    found: list[tuple[str, Path, Run]] = []
    for folder in settings.reports.iterdir():
        stored = run_folder.read_run(folder)
        if stored is not None and stored.run is not None and stored.run.started > since:
            found.append((stored.run.started, folder, stored.run))
    for _, folder, run in sorted(found, key=lambda entry: entry[:2], reverse=True):
        if run.rubric_title == settings.rubric.title and _is_same_cohort(folder, run, settings.path, people):
            return replace(settings, earlier=folder, late=settings.late or run.late)
    return settings


def _is_same_cohort(folder: Path, run: Run, path: Path, people: set[Person]) -> bool:
    stored = set(_people(results_json.origins_of(folder)).values())
    shared, half = stored & people, max(len(stored), len(people)) / 2
    if sum(bool(platform) for platform, _ in shared) > half:
        return True
    before, now = Path(run.source).resolve(), path.resolve()
    is_beside = before.parent == now.parent and _plain_name(before) == _plain_name(now)
    return is_beside and len(shared) > half


def _plain_name(path: Path) -> str:
    return without_copy_mark(stem(path.name))


@dataclass(frozen=True)
class Before:
    """What is stored of the students of a run before it begins, in its folder or in that of the earlier run.

    ``names`` are the students' present names by their ids, ``path`` is where they are. ``former`` are the ids under
    which students are stored who have another one now, by that one. ``known`` are the digest of the files that each
    student had handed in, and the time when.
    """

    path: Path
    names: Mapping[str, str]
    folder: Path | None = None
    run: StoredRun | None = None
    former: Mapping[str, str] = field(default_factory=dict)
    students: Mapping[str, str] = field(default_factory=dict)
    """Their stored names by the ids that they have now; empty if there are no results."""
    known: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: RunSettings, deliveries: Sequence[Delivery]) -> Before:
        """What is stored of the students who handed in the ``deliveries``."""
        names = {delivery.id: delivery.origin.name or delivery.id for delivery in deliveries}
        stored_in = {folder: results_json.origins_of(folder) for folder in settings.run_folders}
        folder = next((folder for folder, origins in stored_in.items() if origins), None)
        if folder is None:
            return cls(settings.path, names)
        former = _former_ids(stored_in.values(), deliveries)
        present = {old: student for student, old in former.items()}
        origins = stored_in[folder]
        students = {present.get(student, student): student for student in origins}
        known = {
            student: _work(report)
            for student, stored in students.items()
            if (report := records.read_report(folder, stored)) is not None
        }
        stored_run = run_folder.read_run(folder)
        stored_names = {student: origins[stored].name or student for student, stored in students.items()}
        return cls(settings.path, names, folder, stored_run, former, stored_names, known)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids under which the students' evidence is stored, if it is."""
        return tuple(self.former.get(student, student) for student in self.names)

    @property
    def facts(self) -> Run | None:
        """The facts about the stored run."""
        return self.run.run if self.run is not None else None

    def news(self) -> tuple[str, ...]:
        """Sentences on which run is continued, unless that is obvious, and on who is new or gone since.

        Nobody is called new if the stored run was interrupted.
        """
        if self.folder is None or self.run is None or self.run.run is None:
            return ()
        names = self.names
        new = [name for student, name in names.items() if student not in self.students] if self.run.is_finished else []
        gone = [name for student, name in self.students.items() if student not in names]
        is_elsewhere = Path(self.run.run.source).resolve() != self.path.resolve()
        place = self.folder
        sentences = [f"This continues the run in {place}."] if new or gone or is_elsewhere else []
        sentences += [f"{len(new)} new: {_listed(new)}."] if new else []
        left_out = f"Left out of the tables; what is stored stays in {place}."
        return (*sentences, *([f"{len(gone)} gone: {_listed(gone)}. {left_out}"] if gone else []))

    def changes(self, reports: Iterable[Report]) -> tuple[str, ...]:
        """A sentence on those of the ``reports`` whose students have handed in something else since, if there are any.

        It is known only now, because a submission is read when its turn comes. Another sentence is on those of them
        with the time of the earlier work: the worksheet may be an old one.
        """
        changed = [r for r in reports if self.known.get(r.student, _work(r))[0] != r.digest]
        untimed = [r.name for r in changed if r.origin.handed_in and self.known[r.student][1] == r.origin.handed_in]
        old = f"{len(untimed)} changed, but not the time of handing in: {_listed(untimed)}. Is the worksheet old?"
        sentence = f"{len(changed)} changed: {_listed([report.name for report in changed])}."
        return (*([sentence] if changed else []), *([old] if untimed else []))


def _work(report: Report) -> tuple[str, str]:
    return report.digest, report.origin.handed_in


def carry_over_records(settings: RunSettings, former: Mapping[str, str]) -> None:
    """Store the evidence and reports of students under their present ids; ``former`` has the earlier ones.

    What is then stored twice in this run loses the earlier id; an earlier run stays as it is.
    """
    for student, old in former.items():
        for folder in settings.run_folders:
            evidence, report = records.read_evidence(folder, old), records.read_report(folder, old)
            if evidence is not None and records.read_evidence(settings.out, student) is None:
                submission = evidence.submission and replace(evidence.submission, id=student)
                records.write_evidence(settings.out, replace(evidence, student=student, submission=submission))
            if report is not None and records.read_report(settings.out, student) is None:
                findings = records.read_findings(folder, old)
                records.write_report(settings.out, replace(report, student=student), findings)
        if records.read_report(settings.out, student) is not None:
            run_folder.remove_student(settings.out, old)


def _former_ids(runs: Iterable[Mapping[str, Origin]], deliveries: Sequence[Delivery]) -> dict[str, str]:
    """The ids under which students are stored who have another one now, by that one.

    Only people who are unique among the deliveries and in the stored run count; ``runs`` are the origins in each.
    """
    ids = {delivery.id for delivery in deliveries}
    uses = Counter(person_of(delivery.id, delivery.origin) for delivery in deliveries)
    former: dict[str, str] = {}
    for origins in runs:
        stored = _people(origins)
        by_account: dict[Person, list[str]] = {}
        for student, person in stored.items():
            by_account.setdefault(person, []).append(student)
        for delivery in deliveries:
            person = person_of(delivery.id, delivery.origin)
            olds = by_account.get(person, [])
            if person[0] and uses[person] == len(olds) == 1 and delivery.id not in stored:
                (old,) = olds
                if old not in ids and delivery.id not in former:
                    former[delivery.id] = old
    return former


def _listed(names: Sequence[str]) -> str:
    """The first names."""
    return ", ".join([*names[:_MOST_NAMED], *(["..."] if len(names) > _MOST_NAMED else [])])
