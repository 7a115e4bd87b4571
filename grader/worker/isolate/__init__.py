"""Isolates a child process: namespaces, mounts, Landlock, seccomp and limits, set up before student code runs.

May import: nothing of ours.
"""
