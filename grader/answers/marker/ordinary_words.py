"""Ordinary English words, which are never corrected as misspellings of a word in a key's patterns.

They are those that differ in one or two letters from words that keys are likely to have: ``stops`` is not ``steps``.
"""

from __future__ import annotations

import re

ORDINARY_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    about above account actual after again always amount annual another attract batter because before being
    below better between capture catch certain cheaper choose class clean clear clone close collect combine
    common compare compose compress compute connect contain control convert correct could count cover define
    different disks during early easier eight every example factual faster fatter files first focal former forms
    found future games general glass grade great harder height however instead items large later latter lean
    learn least lesson letter level light lines local location lower match matter member memory might mixture
    mode mount mutual names natural nature nearly neutral never night object often other parts person place
    point ports position power produce random rather reason reduce region remain remove repeat report require
    respect respond result right rules scale season select shape share should sight similar simple since slower
    small sometimes sorts space specific speed spend stage stale start state step still stop store stream string
    strong structure student subject tasks terms tests their theory there these thing think those though three
    through tiles times total tower trade under until useful using usual usually valid value various vocal watch
    where whereas which while whole width within without words works would write
        """,
    )
)
