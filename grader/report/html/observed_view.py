"""What a page shows of the evidence itself: the network that ran, its brief training, and what the script printed.

The values are those of ``network.html`` and ``training.html``, and of the output on tutors' pages and the self-check's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from grader.model import Band
from grader.model.evidence import Evidence
from grader.report.html.learning_chart import learning_chart
from grader.report.html.network_view import Comparison, State, compare
from grader.report.html.training_view import gallery, runs

_MOST_OUTPUT = 4000
"""Characters of a submission's printed output on a page, counted from its end."""


def observed(evidence: Evidence | None, lost: Collection[str], bands: Sequence[Band]) -> dict[str, Any]:
    """The network and its training; ``lost`` are the checks with a fault. Without ``bands``, no band is named."""
    trace = evidence.trace if evidence and evidence.trace and evidence.trace.operations else None
    trainings = evidence.trainings if evidence else ()
    return {
        "trace": trace,
        "network": compare(trace, lost) if trace else None,
        "trainings": runs(trainings, bands),
        "chart": learning_chart(trainings, bands),
        "gallery": gallery(trainings),
        "bands": sorted(bands, key=lambda band: band.accuracy),
    }


def unfinished(network: Comparison, summary: str) -> Comparison:
    """The comparison of a network that is still being written: what comes after its last layer is not left out."""
    last = max((at for at, row in enumerate(network.rows) if row.step is not None), default=-1)
    rows = (
        replace(row, state=State.UNREACHED) if at > last and row.state is State.OPEN else row
        for at, row in enumerate(network.rows)
    )
    return replace(network, rows=tuple(rows), summary=summary)


def printed(evidence: Evidence | None) -> dict[str, Any]:
    """The end of what the script printed."""
    output = evidence.output if evidence else ""
    return {"output": output[-_MOST_OUTPUT:], "is_output_cut": len(output) > _MOST_OUTPUT}
