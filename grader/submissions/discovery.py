"""Find the submissions at a path: unpack the cohort, list what each student handed in, assemble each submission."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from grader.model import Flag, Submission, UsageFault
from grader.model.origin import UNSTATED
from grader.submissions import layout, lms_names
from grader.submissions.archive_members import unopenable
from grader.submissions.archives import COHORT, STUDENT, Unpacked, unpack
from grader.submissions.assembly import NESTING, Delivery, Part, Standing, assemble
from grader.submissions.claims import told_apart
from grader.submissions.files import MIB, Found
from grader.submissions.glance import imports_of
from grader.submissions.ignored import is_archive
from grader.submissions.loose_files import Loose, claim_of_box
from grader.submissions.member import Limits, Refused
from grader.submissions.naming import is_generic, printable, stem
from grader.submissions.origins import with_times_of_zip
from grader.submissions.platform_folders import said_about
from grader.submissions.roster import is_table, with_roster


def discover(path: Path, scratch: Path) -> tuple[Submission, ...]:
    """Every submission at ``path``, in natural order of id. Zips are unpacked below ``scratch``, the caller's folder.

    Raises UsageFault if ``path`` does not exist or is empty. A submission that cannot be used is included, without a
    script and with a ``problem``.
    """
    return tuple(assemble(delivery, scratch) for delivery in survey(path, scratch))


def survey(path: Path, scratch: Path) -> tuple[Delivery, ...]:
    """What each student at ``path`` handed in, with unique ids, for :func:`assemble`.

    Order, errors and ``scratch`` are those of :func:`discover`.
    """
    try:
        is_there = path.exists()
    except OSError as error:
        raise UsageFault(f"{printable(str(path))} cannot be read ({error.strerror}).") from error
    if not is_there:
        raise UsageFault(f"There is no file or folder {printable(str(path))}.")
    scratch.mkdir(parents=True, exist_ok=True)
    path, scratch = Path(os.path.abspath(path)), scratch.resolve()
    walk = _Survey(scratch)
    try:
        deliveries = walk.at(path)
    except OSError as error:
        raise UsageFault(f"{printable(str(path))} cannot be read ({error.strerror or error}).") from error
    if not deliveries:
        raise UsageFault(f"{printable(str(path))} contains no submission.")
    return tuple(told_apart(with_roster(deliveries, walk.tables)))


@dataclass
class _Survey:
    """One walk over the tutor's path; collects what it refused to unpack, and tables that may be Moodle's worksheet."""

    scratch: Path
    refused: dict[Path, str] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)

    def at(self, path: Path) -> list[Delivery]:
        if path.is_dir():
            found = self.folder(path, path.name, level=0)
            return found if found or layout.children(path).is_empty else [Delivery(str(path), path.name, (Part(path),))]
        if not path.is_file():
            raise UsageFault(f"{printable(path.name)} is neither a file nor a folder.")
        if is_archive(path.name):
            if kind := unopenable(path):
                raise UsageFault(f"{printable(path.name)} is a {kind} archive, which cannot be opened; give a .zip.")
            self.tables += sorted(p for p in path.parent.iterdir() if is_table(p))
            return self.archive(path, stem(path.name), level=0, limits=COHORT)
        beside = tuple(Part(p) for p in _imported_files(path))
        return [Delivery(str(path), stem(path.name), (Part(path), *beside), main=path.name, is_named_by_student=True)]

    def archive(self, path: Path, name: str, *, level: int, limits: Limits) -> list[Delivery]:
        """The deliveries in a zip that may contain a cohort; a refused zip is a submission with a problem."""
        place = Path(tempfile.mkdtemp(prefix="zip-", dir=self.scratch))
        try:
            unpacked = unpack(path, place, limits)
        except Refused as reason:
            return [Delivery(str(path), name, (), refusals=(f"{printable(path.name)} {reason}.",))]
        sentences = {place / m.path: f"{printable(path.name)} {m.reason}." for m in unpacked.refused}
        self.refused |= sentences
        for lost in sentences:
            # A student whose files were all refused still gets a folder, and so a row.
            with contextlib.suppress(OSError):
                lost.parent.mkdir(parents=True, exist_ok=True)
        found = self.folder(place, name, level=level + 1, keeps_name=True)
        if not found:
            return [Delivery(str(path), name, (Part(path, level=level),), refusals=tuple(sentences.values()))]
        if len(found) == 1 and (over := _over_limits(unpacked)):
            return [Delivery(str(path), found[0].id, (), refusals=(f"{printable(path.name)} {over}.",))]
        return found

    def folder(self, folder: Path, name: str, *, level: int, keeps_name: bool = False) -> list[Delivery]:
        """The deliveries in ``folder``: one submission, or those of a cohort. Empty if the folder is empty.

        ``name`` is the name to take for the id.
        """
        kids = layout.children(folder)
        source = lms_names.moodle_folder(name)
        id, origin = (source.id, source.origin(name)) if source else (name, UNSTATED)
        whole = Delivery(str(folder), id, (Part(folder, level=level),), self.refused_below(folder), origin=origin)
        if kids.is_empty:
            return [whole] if whole.refusals else []
        if source:  # the student's own box
            return [whole]
        self.tables += filter(is_table, kids.files)
        if layout.is_lms_export(kids):
            return self.lms_export(folder, kids, level)
        if submitted := layout.handed_in(kids):
            return self.cohort(submitted, layout.children(submitted), level)
        if said_about(folder, kids)[0]:
            return self.cohort(folder, kids, level)
        if box := layout.lone_box(kids):
            inner = self.box(box, level)
            is_whole = len(inner) == 1 and inner[0].standing is not Standing.PLATFORM
            return [whole] if is_whole and (keeps_name or is_generic(stem(box.name))) else inner
        if layout.hold_exports(kids):
            return [delivery for group in kids.boxes for delivery in self.box(group, level)]
        return self.cohort(folder, kids, level) if layout.is_cohort(kids) else [whole]

    def box(self, box: Path, level: int) -> list[Delivery]:
        """The deliveries in a single folder or zip; an empty one is a student who handed in nothing."""
        name = _box_name(box)
        if box.is_file() and level >= NESTING:
            return [Delivery(str(box), name, (Part(box, level=level),))]
        if box.is_file():
            return self.archive(box, name, level=level, limits=COHORT)
        empty = Delivery(str(box), name, (Part(box, level=level),))
        return self.folder(box, name, level=level) or [empty]

    def cohort(self, folder: Path, kids: layout.Children, level: int) -> list[Delivery]:
        """A delivery for each folder, zip and separate script in a cohort's folder."""
        found: list[Delivery] = []
        loose_files = layout.loose_in(kids)
        boxes = [_box_name(place) for place in kids.boxes]
        scripts = [loose.id for loose in loose_files if loose.script]
        said, unread = said_about(folder, kids)
        for place in kids.boxes:
            origin = said.get(place, UNSTATED)
            claim = "" if origin.platform else claim_of_box(_box_name(place), boxes, scripts)
            found.append(
                Delivery(
                    str(place),
                    _box_name(place),
                    (Part(place, level=level),),
                    self.refused_below(place),
                    origin=origin,
                    standing=Standing.CLAIMED if claim else Standing.NAMED,
                    claim=claim,
                    flags=((Flag("same-name", claim),) if claim else ()) + unread,
                )
            )
        for link in kids.links:
            refusal = f"{printable(link.name)} is a link; links are not followed."
            found.append(Delivery(str(link), link.name, (), refusals=(refusal,)))
        found += [self.loose(folder, loose, level) for loose in loose_files]
        for lost, refusal in self.refused.items():
            if lost.parent == folder and not lost.exists():
                source = layout.source_of(lost)
                key, id = (source.key, source.id) if source else (str(lost), stem(lost.name))
                origin = source.origin(lost.name) if source else UNSTATED
                found.append(Delivery(key, id, (), (refusal,), origin=origin))
        return found

    def loose(self, folder: Path, loose: Loose, level: int) -> Delivery:
        """The delivery of files that lie directly in a cohort's folder."""
        return Delivery(
            key=f"{folder}/{loose.paths[0].name}",
            id=loose.id,
            parts=tuple(Part(path, level=level) for path in loose.paths),
            refusals=tuple(refusal for path in loose.paths for refusal in self.refused_below(path)),
            main=loose.script,
            is_named_by_student=bool(loose.script),
            standing=Standing.CLAIMED if loose.is_version else Standing.NAMED,
            claim=loose.claim,
            answers_claim=loose.answers_claim,
            flags=(Flag("same-name", loose.claim),) if loose.claim else (),
        )

    def lms_export(self, folder: Path, kids: layout.Children, level: int) -> list[Delivery]:
        """A delivery for each name from an LMS; folders, zips and scripts with other names are students' too."""
        found: list[Delivery] = []
        children = kids.boxes + kids.files
        sources = {path: source for path in children if (source := layout.source_of(path))}
        rest = set(children) - set(sources)
        style = layout.style_of_platform(kids, sources)
        for path, source in sources.items():
            prefix = "" if source.plugin == "file" else f"{source.plugin}/"
            found.append(
                Delivery(
                    source.key,
                    source.id,
                    (Part(path, prefix + source.file, level=level),),
                    self.refused_below(path),
                    origin=source.origin(path.name),
                    standing=Standing.PLATFORM if source.style == style else Standing.NAMED,
                )
            )
        others = layout.Children(
            tuple(p for p in kids.folders if p in rest),
            tuple(p for p in kids.archives if p in rest),
            tuple(p for p in kids.files if p in rest),
            kids.links,
        )
        found = with_times_of_zip(found) if level else found
        return found + self.cohort(folder, others, level)

    def refused_below(self, path: Path) -> tuple[str, ...]:
        """The refusals at or below ``path`` when its zip was unpacked."""
        return tuple(refusal for lost, refusal in self.refused.items() if lost.is_relative_to(path))


def _box_name(box: Path) -> str:
    return box.name if box.is_dir() else stem(box.name)


def _over_limits(unpacked: Unpacked) -> str:
    """Why a zip is too large for a single student's; empty if it is not."""
    if unpacked.members > STUDENT.members:
        return f"contains {unpacked.members} files; at most {STUDENT.members} are unpacked"
    if unpacked.size > STUDENT.size:
        return f"unpacks to more than {STUDENT.size // MIB} MiB"
    return ""


def _imported_files(path: Path) -> list[Path]:
    """The modules beside a single script that it imports; none if the folder has several students' scripts."""
    if layout.has_several_students(layout.children(path.parent)):
        return []
    modules = [p for p in path.parent.glob("*.py") if p.is_file() and not p.is_symlink()]
    known = {p.name: Found(p.name, p, p.stat().st_size) for p in modules}
    wanted = [path.name]
    for name in wanted:
        wanted += sorted(imports_of(known[name], known) - set(wanted)) if name in known else []
    return [path.parent / name for name in wanted[1:]]
