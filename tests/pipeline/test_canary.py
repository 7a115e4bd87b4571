"""The canary: which networks are trained, how their accuracies are judged, and what that means for evidence."""

from __future__ import annotations

import re
from dataclasses import replace
from statistics import NormalDist

import pytest

from grader.data import DataSet
from grader.data.bundled import bundled_data
from grader.model import UNKNOWN, TrainingPlan
from grader.model.evidence import Ending, Evidence, Problem
from grader.model.training import CANARY, remark_on
from grader.pipeline.canary import LIMIT, NOTHING_STORED, RUNS, CanaryRun, Stored, judged, stored_for, stored_text
from grader.rubric.loading import load_rubric
from grader.sandbox import Stopped
from tests.support.evidence_samples import HEALTHY, PLAN, training

STRONG = Stored("strong", (2, 4, 3, 3), 50, 0.8, 0.03)
WEAK = Stored("weak", (1, 2, 3, 3), 50, 0.5, 0.06)


def reaching(*accuracies: float) -> Evidence:
    return replace(HEALTHY, trainings=tuple(training(accuracy) for accuracy in accuracies))


def trained(*accuracies: float) -> CanaryRun:
    """A canary of one network that reached these accuracies, and has been started."""
    canary = CanaryRun(lambda script, plan: reaching(*accuracies), [STRONG], PLAN)
    canary.start()
    return canary


def test_usual_accuracies_are_within_the_range() -> None:
    found = judged([(STRONG, reaching(0.83, 0.76, 0.81)), (WEAK, reaching(0.4, 0.5, 0.6))])
    assert not found.is_outside
    assert found.text.startswith("within the stored range: the strong network reached 0.80 on average of 3 runs, 0.76")


@pytest.mark.parametrize("accuracies", [(0.1, 0.1, 0.1), (0.99, 0.99, 0.99), (0.3, 0.3, 0.38)])
def test_one_network_that_trains_unlike_before_is_enough_for_an_alarm(accuracies: tuple[float, ...]) -> None:
    found = judged([(STRONG, reaching(0.8, 0.8, 0.8)), (WEAK, reaching(*accuracies))])
    assert found.is_outside
    assert found.text.startswith("outside the stored range")


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (replace(reaching(), ending=Ending("deadline", "load")), "it did not finish within the time limit"),
        (
            replace(reaching(), ending=Ending("unmeasured", "train", "memory")),
            r"it could not be .+ completely \(memory\)",
        ),
        (reaching(0.8, 0.8), "2 of 3 runs were finished within the time limit"),
        (
            replace(HEALTHY, trainings=(training(0, problem=Problem("error", "no such operation")),)),
            "no such operation",
        ),
    ],
)
def test_a_network_that_could_not_be_trained_is_an_alarm_with_the_reason(evidence: Evidence, reason: str) -> None:
    found = judged([(STRONG, evidence)])
    assert found.is_outside
    assert re.search(f"the strong network could not be trained: {reason}", found.text)


def test_a_fault_of_the_grader_in_the_canary_makes_accuracies_wait_and_loses_nothing() -> None:
    def fail(script: str, plan: TrainingPlan) -> Evidence:
        raise OSError("no process could be started")

    canary = CanaryRun(fail, [STRONG], PLAN)
    canary.start()
    assert remark_on(canary.checked(HEALTHY).trainings, CANARY) is not None
    assert "no process could be started" in canary.result().text
    assert canary.so_far() == canary.result(), "the run's facts and pages say so"


def test_false_alarms_are_rarer_than_one_in_a_thousand() -> None:
    assert 2 * 2 * NormalDist().cdf(-LIMIT) < 1 / 1000


def test_each_run_of_a_network_is_alike() -> None:
    plan = STRONG.plan(PLAN)
    assert (plan.runs, plan.steps, plan.retry_steps) == (RUNS, 50, 50)
    assert plan.learning_rate == plan.retry_learning_rate == PLAN.learning_rate
    assert plan.stop_accuracy > 1
    assert plan.bands == (), "no run is good enough to be the last"


def test_evidence_gets_a_remark_only_from_a_canary_outside_the_range() -> None:
    assert trained(0.8, 0.8, 0.8).checked(HEALTHY) is HEALTHY
    marked = trained(0.1, 0.1, 0.1).checked(HEALTHY)
    remark = remark_on(marked.trainings, CANARY)
    assert remark is not None
    assert remark.message.startswith("outside the stored range")
    untrained = replace(HEALTHY, trainings=())
    assert trained(0.1, 0.1, 0.1).checked(untrained) is untrained


def test_the_canary_is_trained_once_and_only_when_something_is_trained() -> None:
    asked: list[str] = []

    def train(script: str, plan: TrainingPlan) -> Evidence:
        asked.append(script)
        return HEALTHY

    canary = CanaryRun(train, [STRONG, WEAK], PLAN)
    assert canary.so_far() is UNKNOWN
    canary.start()
    canary.start()
    canary.result()
    assert len(asked) == 2
    assert "Conv2d(1, 2, 3" in asked[0]


def test_without_a_stored_distribution_nothing_is_trained() -> None:
    canary = CanaryRun(lambda script, plan: pytest.fail("trained"), [], PLAN)
    canary.start()
    assert canary.result() is canary.so_far() is NOTHING_STORED
    assert canary.checked(HEALTHY) is HEALTHY


def test_the_end_of_the_run_reaches_those_who_wait_for_the_result() -> None:
    def train(script: str, plan: TrainingPlan) -> Evidence:
        raise Stopped

    canary = CanaryRun(train, [STRONG], PLAN)
    canary.start()
    with pytest.raises(Stopped):
        canary.checked(HEALTHY)
    assert canary.so_far() is UNKNOWN


def test_distributions_apply_to_their_images_and_plan_only() -> None:
    text = (
        f"{stored_text().splitlines()[0]}\n"
        f"abc,strong,2,4,3,3,50,{PLAN.batch_size},{PLAN.learning_rate},{PLAN.momentum},99,0.8,0.03\n"
    )
    data = replace(DataSet.unopened("own"), fingerprint="abc")
    assert stored_for(data, PLAN, text) == (STRONG,)
    assert stored_for(replace(data, fingerprint="abd"), PLAN, text) == ()
    assert stored_for(data, replace(PLAN, batch_size=PLAN.batch_size + 1), text) == ()
    assert stored_for(data, replace(PLAN, learning_rate=PLAN.learning_rate / 2), text) == ()


def test_the_stored_distributions_are_of_the_bundled_images_and_the_rubric() -> None:
    networks = stored_for(bundled_data(), load_rubric().training, stored_text())
    assert [stored.network for stored in networks] == ["reference", "weak"]
    assert all(0.2 < low < high < 0.95 for low, high in (stored.bounds for stored in networks))
