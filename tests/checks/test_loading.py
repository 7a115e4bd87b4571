"""The check ``loads``: scripts without a network, and networks that cannot be built."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from grader.lab4.items import PART2_TITLES
from grader.model import Status
from grader.model.evidence import Problem, Repair
from tests.support import evidence_samples as samples
from tests.support.check_samples import statuses, text_of
from tests.support.evidence_samples import (
    findings_of,
    until,
)

# ---- loads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            Problem("syntax", "invalid syntax", file="a.py", line=9),
            ["invalid syntax (in a.py, line 9).", "python task1"],
        ),
        (Problem("python2", "Line 3 is Python 2", line=3), ["Line 3 is Python 2. ", "print(...)"]),
        (
            Problem("missing-package", "seaborn is not there.", cell=2, line=1),
            ["(in cell 2, line 1)", "without this package"],
        ),
        (Problem("near-miss", "The class is called net"), ["called net.", "a capital N from the Latin alphabet"]),
        (Problem("no-net", "No class Net"), ["class Net(nn.Module)"]),
        (Problem("of-a-kind-to-come", ""), ["could not be read", "Correct this"]),
    ],
)
def test_a_script_without_a_network_fails_only_loads(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=problem))
    findings = findings_of(evidence)
    assert findings["loads"].status is Status.FAILED
    assert all(word in text_of(findings["loads"]) for word in words), text_of(findings["loads"])
    others = [finding for id_, finding in findings.items() if id_ != "loads"]
    assert {finding.status for finding in others} == {Status.SKIPPED}
    assert {finding.message for finding in others} == {"Not checked, because loads did not pass."}


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("not-a-module", "Net() gives a dict, not an nn.Module"), ["gives a dict", "a subclass of nn.Module"]),
        (
            Problem("build", "cannot assign module before Module.__init__() call", "AttributeError", line=8),
            ["creates layers before it calls super().__init__() in line 8.", "super().__init__()"],
        ),
        (
            Problem("build", "Net.__init__() missing 1 required positional argument: 'width'", "TypeError"),
            ["cannot be built without arguments", "default value"],
        ),
        (
            Problem("build", "name 'F' is not defined", "NameError", "a.py", 5, 0, "  self.act = F.relu  "),
            ["F is not defined in a.py, line 5.", "import torch.nn.functional as F", "| self.act = F.relu"],
        ),
        (
            Problem("build", "Net.__init__() takes 0 positional arguments but 1 was given", "TypeError"),
            ["__init__ does not take self.", "__init__(self)"],
        ),
        (
            Problem("build", "__init__() should return None, not 'Linear'", "TypeError"),
            ["__init__ returns a value", "Leave the return out"],
        ),
        (
            Problem("build", "bias must not be blue", "ValueError", line=7),
            ["Net() raises an error in line 7: ValueError: bias must not be blue."],
        ),
    ],
)
def test_a_net_that_cannot_be_built_fails_only_loads(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("trace", "finished"), build=replace(samples.BUILD, problem=problem, parameters=0))
    findings = findings_of(evidence)
    assert all(word in text_of(findings["loads"]) for word in words), text_of(findings["loads"])
    assert statuses(evidence) == {"loads": "failed"} | dict.fromkeys(set(PART2_TITLES) - {"loads"}, "skipped")


# ---- faults behind which nothing was assessed ------------------------------------------------------------------------


@pytest.mark.parametrize("problem", [Problem("syntax", "Line 3 is wrong", line=3), Problem("no-net", "No class Net")])
def test_code_with_a_network_that_does_not_load_waits_for_a_tutor(problem: Problem) -> None:
    evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=problem, has_network=True))
    found = findings_of(evidence)["loads"]
    assert (found.status, found.fraction) == (Status.NEEDS_REVIEW, Decimal(0))
    assert problem.message in found.message
    assert "a tutor looks at it" in found.message


def test_a_network_that_cannot_be_built_waits_for_a_tutor_unless_it_is_blank() -> None:
    evidence = replace(
        until("trace", "finished"),
        load=replace(samples.LOAD, has_network=True),
        build=replace(samples.BUILD, problem=Problem("build", "boom", "ValueError", line=4)),
    )
    assert findings_of(evidence)["loads"].status is Status.NEEDS_REVIEW
    other = replace(evidence, load=replace(samples.LOAD, has_network=True, is_blank=True))
    assert "holds another network" in findings_of(other)["loads"].message
    assert findings_of(other)["loads"].status is Status.NEEDS_REVIEW
    blank = replace(evidence, load=replace(samples.LOAD, has_network=False, is_blank=True))
    assert findings_of(blank)["loads"].status is Status.FAILED
    ended = replace(until("build", "deadline"), load=replace(samples.LOAD, has_network=True))
    assert findings_of(ended)["loads"].status is Status.NEEDS_REVIEW
    assert findings_of(until("build", "deadline"))["loads"].status is Status.FAILED


def test_a_package_that_net_needs_is_named_when_net_is_built() -> None:
    problem = Problem("missing-package", "Line 1 imports einops, which is neither installed nor submitted", line=1)
    evidence = replace(until("trace", "finished"), build=replace(samples.BUILD, problem=problem))
    found = findings_of(evidence)["loads"]
    assert found.message == f"{problem.message}."
    assert "without this package" in found.hint


# ---- repairs ---------------------------------------------------------------------------------------------------------

SYNTAX = Repair(
    "syntax",
    "",
    "Line 9 is wrong",
    assumed="line 9 were not there",
    problem=Problem("syntax", "Line 9 is wrong", line=9),
)
NEWER = Repair(
    "newer-python", "", "Line 3 needs Python 3.14", problem=Problem("newer-python", "Line 3 needs Python 3.14", line=3)
)
NO_SUPER = Repair(
    "super-init",
    "",
    "Net.__init__ does not call super().__init__()",
    problem=Problem("build", "cannot assign module before Module.__init__() call", "AttributeError", line=8),
)


@pytest.mark.parametrize("at", ["load", "build"])
@pytest.mark.parametrize(
    ("repair", "words"), [(SYNTAX, "Line 9 is wrong."), (NO_SUPER, "before it calls super().__init__()")]
)
def test_a_repaired_fault_costs_loads_alone(at: str, repair: Repair, words: str) -> None:
    record = replace(getattr(samples.HEALTHY, at), repairs=(NEWER, repair))
    evidence = replace(samples.HEALTHY, **{at: record})
    assert statuses(evidence) == {"loads": "failed"}
    assert words in findings_of(evidence)["loads"].message


def test_a_newer_python_waits_with_full_marks() -> None:
    evidence = replace(samples.HEALTHY, load=replace(samples.LOAD, repairs=(NEWER,)))
    assert statuses(evidence) == {"loads": "needs_review"}
    assert findings_of(evidence)["loads"].fraction == 1
    stopped = replace(until("build", "finished"), load=replace(samples.LOAD, problem=NEWER.problem))
    found = findings_of(stopped)["loads"]
    assert (found.status, found.fraction) == (Status.NEEDS_REVIEW, Decimal(1))


def test_a_notebook_is_not_run_with_python() -> None:
    for problem in (
        Problem("syntax", "Line 3 is wrong", cell=2, line=3),
        Problem("definition-error", "x", cell=2, line=3),
    ):
        evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=problem))
        assert "task1_cnn.py" not in text_of(findings_of(evidence)["loads"])
        assert "cell" in findings_of(evidence)["loads"].hint
