"""The nouns of grading: submissions, criteria, results and reports, and the network as a graph.

It imports the standard library and the other nouns only.

May import: nothing of ours.
"""

from grader.model.core import (
    JSON,
    TRAINING_CPU_SECONDS,
    AnswerResult,
    AnswerSheet,
    Band,
    Criterion,
    DataFiles,
    Finding,
    Flag,
    GraderFault,
    ItemResult,
    Job,
    Override,
    Report,
    Rubric,
    Run,
    Status,
    Submission,
    TrainingPlan,
    UsageFault,
    WrittenAnswer,
)

__all__ = [
    "JSON",
    "TRAINING_CPU_SECONDS",
    "AnswerResult",
    "AnswerSheet",
    "Band",
    "Criterion",
    "DataFiles",
    "Finding",
    "Flag",
    "GraderFault",
    "ItemResult",
    "Job",
    "Override",
    "Report",
    "Rubric",
    "Run",
    "Status",
    "Submission",
    "TrainingPlan",
    "UsageFault",
    "WrittenAnswer",
]
