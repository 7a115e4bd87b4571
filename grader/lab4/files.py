"""The names of the files that students are handed and hand in."""

from __future__ import annotations

SCRIPT = "task1_cnn.py"
"""Defines ``Net``."""
ANSWERS = "part1_answers.ipynb"
"""The written answers of Part 1."""
EXPERIMENTS = "experiments.csv"
"""The table of the experiment in Part 2."""
KIT = (
    "README.md",
    "check.py",
    "test_self_check.py",
    "conftest.py",
    "pytest.ini",
    ".github/workflows/self-check.yml",
)
"""The other files of the students' folder, which nobody hands in."""
