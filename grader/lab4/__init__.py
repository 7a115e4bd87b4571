"""What is specific to Lab 4: its marking scheme, items, questions, network and file names.

May import: nothing of ours.
"""
