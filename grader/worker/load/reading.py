"""The first half of stage ``load``: what the text of a script tells about its network, before anything of it is run.

It needs no torch, so a self-check can answer at once where reading is enough.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from grader.model.evidence import Loading, Problem, Remark, Repair
from grader.source.decoding import readable
from grader.source.definitions import class_named, is_blank, is_bound, methods, opened
from grader.source.networks import holds_network, text_holds_network
from grader.source.recovery import Recovered, lost_names, recovered, repairs_of
from grader.source.script import LARGEST_SCRIPT, Script, read_script
from grader.source.slicing import Slice, slice_for
from grader.worker.load.name_of_net import may_bind_net, net_of_module
from grader.worker.load.near_misses import other_net


class Reading:
    """One script as text; ``target`` is the name of its network: Net, or what the script calls it.

    ``repairs`` is the list to which the repairs of the text are added.
    """

    def __init__(self, root: Path, path: str, repairs: list[Repair]) -> None:
        self.root, self.path, self.repairs = root, path, repairs
        self.script = Script(path, "")
        self.is_read = False
        self.read = Recovered([])
        self.statements: list[ast.stmt] = []
        self.target = "Net"
        self.near: tuple[str, ...] = ()

    def decide(self) -> Slice | Loading:
        """The statements to run for the network; the record if reading shows that there is nothing to run.

        Raises OSError, SourceProblem for a text that cannot be used, RecursionError and MemoryError.
        """
        self.script = read_script(self.root, self.path)
        self.is_read = True
        self.read = recovered(self.script)
        self.statements = list(opened(self.read.statements))
        if not is_bound(self.statements, "Net"):
            self.statements += net_of_module(self.statements)
        part = slice_for(self.statements, {"Net"})
        if not may_bind_net(self.script, part):
            problem = self._choose_other()
            if problem is not None:
                return self.record(problem)
            part = slice_for(self.statements, {self.target})
        unreadable = self.read.problem or self.read.newer
        if unreadable is not None:
            earlier = self.record(unreadable)  # with a Net that the lost text may replace
            is_work_lost = earlier.is_blank and text_holds_network(self.read.lost)
            if is_work_lost or (part.needed | {self.target}) & lost_names(self.read):
                return replace(earlier, methods=(), is_blank=False)
            self.repairs += repairs_of(self.read)
        return part

    def record(
        self,
        problem: Problem | None,
        how: str = "",
        node: ast.ClassDef | None = None,
        *,
        remarks: Iterable[Remark] = (),
        texts: Sequence[str] = (),
    ) -> Loading:
        """The record with the facts that reading gives.

        ``node`` is the network's class. ``texts`` are those of all files that were read; without any, only the script's
        own counts.
        """
        node = node or class_named(self.statements, self.target)
        blank = problem is not None and problem.kind == "blank-body"
        return Loading(
            problem,
            how,
            self.path,
            self.near,
            methods(node) if node is not None else (),
            is_blank(node) if node is not None else blank,
            (*self.script.remarks, *remarks)[:20],
            tuple(self.repairs),
            self._has_network(texts),
        )

    def _has_network(self, texts: Sequence[str]) -> bool:
        """Whether the script or a helper module holds a network; for a file that cannot be read, whether it may."""
        if holds_network(self.statements):
            return True
        if not texts and self.is_read:
            texts = [self.script.text]
        if not texts:
            try:
                data = (self.root / self.path).read_bytes()[:LARGEST_SCRIPT]
            except OSError:
                return False
            texts = [readable(data.replace(b"\0", b""), utf16="", otherwise=lambda _: "latin-1").replace("\\n", "\n")]
        return any(text_holds_network(text) for text in texts)

    def _choose_other(self) -> Problem | None:
        """Take what the script means by Net as the network; the problem if that is not clear."""
        unreadable = self.read.problem or self.read.newer
        if unreadable is not None and text_holds_network(self.read.lost):
            return unreadable
        other = other_net(self.script, self.statements)
        self.near = other.near
        if not other.name:
            return unreadable or other.problem
        self.target = other.name
        self.statements += other.lifted
        self.repairs.append(
            Repair("other-name", "", other.problem.message, assumed=other.assumed, problem=other.problem)
        )
        return None
