"""Shutting a child in before it meets student code, with what the kernel offers.

May import: nothing of ours.
"""
