"""The check of size and speed: the number of parameters, and the time of a forward pass."""

from __future__ import annotations

from grader.checks.case import Case, failed, passed, skipped
from grader.checks.endings import ended
from grader.model import Finding


def resources(case: Case) -> Finding:
    """Net has fewer parameters than the rubric's limit, and a forward pass takes less than its limit.

    The time limit is in seconds, for 64 images on the CPU after a warm-up.
    """
    build, measured = case.evidence.build, case.evidence.resources
    expected = (
        f"fewer than {case.max_parameters:,} parameters, and less than {case.max_forward_seconds:g} s for 64 images"
    )
    parameters = max(build.parameters if build is not None else 0, measured.parameters if measured is not None else 0)
    if parameters >= case.max_parameters:
        return failed(
            f"Net has too many parameters: {parameters:,}.",
            "Use fewer channels, pool earlier, or use a smaller first fully connected layer.",
            expected=expected,
            seen=f"{parameters:,} parameters",
        )
    if measured is None:
        return ended(case.evidence.ending, "Timing a forward pass", "resources")
    if measured.problem is not None:
        return skipped("forward.shape", "Not checked, because no forward pass could be timed.")
    seen = f"{measured.parameters:,} parameters, {measured.forward_seconds * 1000:.0f} ms"
    if measured.forward_seconds >= case.max_forward_seconds:
        return failed(
            "A forward pass of 64 images takes too long.",
            "Use fewer channels, and avoid Python loops over images or pixels.",
            expected=expected,
            seen=seen,
        )
    return passed("The network is small and fast enough.", expected=expected, seen=seen)
