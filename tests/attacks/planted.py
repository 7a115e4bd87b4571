"""Planted beside the script: whoever imports this by accident leaves a mark."""
import os
import tempfile

for place in (tempfile.gettempdir(), "/tmp"):
    with open(os.path.join(place, "LAB4-ATTACK-planted"), "w") as stream:
        stream.write(__name__)
