"""Grades Lab 4: a worker observes what a student's network does, and the parent turns that evidence into marks.

This package file holds the version alone; it imports nothing, so that ``import grader`` costs nothing.
"""

__version__ = "0.1.0"
