"""Finding the answers in a document: where each part begins, and which text is its answer.

May import: ``answers.documents``, ``lab4``, ``model``, ``storage``.
"""
