"""What is known of the submission's files while it is loaded: texts, statements, problems, remarks and repairs."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from grader.model.evidence import Problem, Remark, Repair
from grader.source.definitions import is_bound
from grader.source.recovery import Recovered, repairs_of
from grader.source.script import Script
from grader.worker.load.failures import missing_package
from grader.worker.load.missing_packages import StandIns


@dataclass
class Files:
    """The submission's files and what is known about them: texts, statements, problems and remarks."""

    root: Path
    folder: Path
    """The folder that contains the script."""
    stand_ins: StandIns = field(init=False)
    scripts: dict[str, Script] = field(default_factory=dict)
    """By the file name in their code objects."""
    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    """By module name."""
    causes: dict[str, Problem] = field(default_factory=dict)
    """By name that is undefined because its statement failed."""
    remarks: dict[str, Remark] = field(default_factory=dict)
    repairs: list[Repair] = field(default_factory=list)
    written: dict[str, Script] = field(default_factory=dict)
    """Modules that a notebook writes, by dotted name."""

    def __post_init__(self) -> None:
        self.stand_ins = StandIns(
            lambda error: missing_package(str(error.name), error, self.scripts), lambda name: name in self.scripts
        )

    def binds(self, name: str) -> bool:
        """Whether the submission binds the name anywhere."""
        return any(is_bound(statements, name) for statements in self.statements.values())

    def repair(self, repair: Repair) -> None:
        """Add a repair, unless it was added before; at most 20."""
        if repair not in self.repairs and len(self.repairs) < 20:
            self.repairs.append(repair)

    def repair_text(self, read: Recovered) -> None:
        """Add the repairs of a text that Python could not read as it was handed in."""
        for repair in repairs_of(read):
            self.repair(repair)

    def remark(self, id: str, message: str) -> None:
        """Add a remark, unless it was added before."""
        self.remarks.setdefault(f"{id} {message}", Remark(id, message))
