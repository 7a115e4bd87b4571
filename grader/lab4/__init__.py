"""What is specific to Lab 4: its marking scheme and the titles of its questions and checks.

May import: nothing of ours.
"""
