"""The simulation of many machines: what must hold whatever is drawn."""

import math
import random

import pytest

from tests.measure.makespan import REQUEUED, Job, Machine, drawn, finish_times, machines, makespans, queued, sharded


def test_jobs_are_taken_in_turn_by_the_machine_that_is_free() -> None:
    jobs = [Job((4.0,)), Job((1.0,)), Job((1.0, 1.0)), Job((1.0,), ready=10.0)]
    assert finish_times(jobs, [Machine(), Machine()]) == [4, 1, 3, 11]
    assert finish_times(jobs, [Machine(speed=0.5)]) == [8, 10, 14, 16]
    assert finish_times([Job((1.0,), start=2.0)], [Machine(since=5.0)]) == [8]


def test_the_rest_of_a_lost_machines_job_is_done_by_another_and_what_is_finished_stays() -> None:
    lost, other = Machine(lost_at=2.5), Machine(since=1.0)
    assert finish_times([Job((1.0, 1.0, 1.0))], [lost, other]) == [2.5 + REQUEUED + 1]
    idle = Machine(lost_at=0.5)
    assert finish_times([Job((1.0,), ready=1.0)], [idle, other]) == [2], "lost before it had work"


def test_no_work_is_lost_and_no_machine_does_more_than_it_can() -> None:
    chance = random.Random(1)
    work = drawn(600, chance)
    own = sum(one.own for one in work)
    total = own + sum(one.measuring for one in work)
    shards = sharded(work, 8)
    assert math.isclose(sum(sum(job.tasks) for job in shards), total)
    pool = machines(8, 60.0, chance, slow=1, lost=2)
    assert max(finish_times(shards, pool)) > total / 8
    tasks = queued(work, [0.0] * len(work), 2)
    assert math.isclose(sum(sum(job.tasks) for job in tasks), total - own)
    assert max(job.ready for job in tasks) >= own / 2


@pytest.mark.parametrize("lost", [0, 1])
def test_small_pieces_suffer_less_from_a_slow_machine(lost: int) -> None:
    equal, slow = (makespans(600, 10, 1, slow=number, lost=lost) for number in (0, 1))
    assert equal == makespans(600, 10, 1, slow=0, lost=lost), "the same for the same seed"
    growth = {name: slow[name] / equal[name] for name in equal}
    assert max(growth["queue, 64 cores"], growth["4 shards each"]) < growth["a shard each"]
