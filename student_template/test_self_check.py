"""The public checks of Lab 4. Type ``pytest`` in this folder; ``pytest --hint`` shows where to look for a fault.

Please do not change this file. The checks are in the folder ``selfcheck``. They check ``task1_cnn.py`` in this folder
once, before the first test. Your editor's Run button on this file does the same and then opens the page.
"""

import os
import runpy

try:
    runpy.run_path(os.path.join(os.path.dirname(__file__), "check.py"))  # finds the folder selfcheck
except SystemExit as problem:
    import pytest

    pytest.exit(str(problem), returncode=4)

import pytest
from grader.selfcheck import STEPS


@pytest.mark.parametrize("step", [step.id for step in STEPS])
def test_net(step, self_check):
    """One step of the self-check: the script, its network, or the training."""
    self_check.assert_passed(step)


def test_answers(written):
    """Every question of Part 1 has an answer. This test does not check whether it is right."""
    if written.problem or written.missing:
        pytest.skip(written.problem or written.missing)


if __name__ == "__main__":  # the Run button
    from grader.selfcheck.run_button import check_and_show

    raise SystemExit(check_and_show(__file__))
