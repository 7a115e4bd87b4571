"""Grades Lab 4: the worker records a student's network, other processes measure it, and the parent computes marks.

This package file holds the version alone; it imports nothing, so that ``import grader`` costs nothing.
"""

__version__ = "0.1.0"
