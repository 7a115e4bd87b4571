"""The names of the files that students are handed and hand in, and of the page that the self-check writes."""

from __future__ import annotations

SCRIPT = "task1_cnn.py"
"""Defines ``Net``."""
ANSWERS = "part1_answers.ipynb"
"""The written answers of Part 1."""
EXPERIMENTS = "experiments.csv"
"""The table of the experiment in Part 2."""

SELF_CHECK_PAGE = "report.html"
"""What a self-check found, as a page beside the work. It is nobody's answer, whatever its name is by then."""
SELF_CHECK_GENERATOR = "Lab 4 self-check"
"""How the page names its generator, by which it is recognised."""
