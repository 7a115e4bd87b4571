"""The public checks of Lab 4. Type ``pytest`` in this folder; ``pytest -v`` says more.

There is nothing to change here: the checks lie in the folder ``selfcheck``, and the script that they look at is
``task1_cnn.py`` beside this file. It is looked at once, before the first test.
"""

import pytest
from grader.selfcheck import STEPS


@pytest.mark.parametrize("step", [step.id for step in STEPS])
def test_net(step, self_check):
    """One step on the way from a script that loads to a network that reads digits."""
    self_check.tell(step)


def test_answers(written):
    """Whether there is an answer to every question of Part 1; not whether it is right."""
    if written.problem or written.missing:
        pytest.skip(written.problem or written.missing)
