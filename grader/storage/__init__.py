"""Files of a run: records as JSON, the folder of a run, digests of code.

May import: ``answers.marker``, ``model``, ``safe_text``, ``submissions``.
"""
