"""The check ``loads``: scripts without a network, and networks that cannot be built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from grader.lab4.items import PART2_TITLES
from grader.model import Status
from grader.model.evidence import Problem
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
def test_a_script_without_net_fails_only_loads(problem: Problem, words: list[str]) -> None:
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
            ["Net() raises an error in a.py, line 5: NameError: name 'F' is not defined.", "| self.act = F.relu"],
        ),
    ],
)
def test_a_net_that_cannot_be_built_fails_only_loads(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("trace", "finished"), build=replace(samples.BUILD, problem=problem, parameters=0))
    findings = findings_of(evidence)
    assert all(word in text_of(findings["loads"]) for word in words), text_of(findings["loads"])
    assert statuses(evidence) == {"loads": "failed"} | dict.fromkeys(set(PART2_TITLES) - {"loads"}, "skipped")
