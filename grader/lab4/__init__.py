"""What only Lab 4 knows: its marking scheme, parts, checks, questions, network and names of files.

May import: nothing of ours.
"""
