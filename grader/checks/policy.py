"""What a repaired fault costs, by kind of repair: the rule "repair and grade" of docs/marking-policy.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grader.checks.case import PASS
from grader.lab4.items import PART2_TITLES
from grader.model import Finding, Status
from grader.model.evidence import Evidence, Recording, Repair
from grader.model.repair_kinds import COSTS, FREE, NEWER_PYTHON, STOPS


@dataclass(frozen=True)
class RepairRule:
    """The repairs that one item pays for: the fault's words for what was assumed, and their rule."""

    assumed: tuple[str, ...] = ()
    rule: str = COSTS

    @property
    def is_stop(self) -> bool:
        """Whether nothing behind the fault is assessed."""
        return self.rule == STOPS

    @property
    def sentence(self) -> str:
        """What the rest was assessed as, with a space before it; empty if nothing was repaired."""
        return (
            f" The rest was assessed as if {' and '.join(self.assumed)}." if self.assumed and not self.is_stop else ""
        )

    def apply(self, finding: Finding) -> Finding:
        """The finding of the item that pays, with a sentence on what the rest was assessed as."""
        if not self.sentence or finding.status not in {Status.FAILED, Status.PARTIAL, Status.NEEDS_REVIEW}:
            return finding
        message = f"{finding.message}{self.sentence}"
        if self.rule == FREE and finding.status is Status.FAILED:
            message = f"{message} This costs no points."
            return replace(finding, status=Status.PASSED, message=message, fraction=PASS)
        return replace(finding, message=message)


def repair_rules(evidence: Evidence, rules: Mapping[str, str]) -> dict[str, RepairRule]:
    """The repairs by the id of the item that pays for them, for every check."""
    load, build = evidence.load, evidence.build
    made: dict[str, tuple[Repair, ...]] = dict.fromkeys(PART2_TITLES, ())
    if build is not None and build.problem is None:
        made["loads"] = (*(load.repairs if load else ()), *build.repairs)
    if evidence.record is not None and is_repaired(evidence.record):
        made["forward.shape"] = evidence.record.repairs
    return {id: _rule(repairs, rules) for id, repairs in made.items()}


def is_repaired(record: Recording) -> bool:
    """Whether the passes ran to the end with the repairs of a recording."""
    kinds = {repair.kind for repair in record.repairs}
    return bool(record.unrepaired) or kinds == {"device"}


def _rule(repairs: Sequence[Repair], rules: Mapping[str, str]) -> RepairRule:
    found = {rules.get(repair.kind, COSTS) for repair in repairs if repair.kind != NEWER_PYTHON}
    rule = STOPS if STOPS in found else FREE if found == {FREE} else COSTS
    return RepairRule(tuple(dict.fromkeys(repair.assumed for repair in repairs if repair.assumed)), rule)
