"""Finds the answers in a document: where each part starts, and which text is its answer.

May import: ``answers.documents``, ``lab4``, ``model``, ``storage``.
"""
