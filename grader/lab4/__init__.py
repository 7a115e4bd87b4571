"""What only Lab 4 knows: its marking scheme and the names of its parts and checks.

May import: nothing of ours.
"""
