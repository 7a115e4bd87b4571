"""The nouns of grading: submissions, criteria, results and reports, and the network as a graph.

It imports the standard library and the other nouns only.

May import: nothing of ours.
"""

from grader.model.core import (
    JSON,
    PART1,
    TRAINING_CPU_SECONDS,
    AnswerSheet,
    Band,
    Criterion,
    DataFiles,
    Decision,
    Finding,
    Flag,
    GraderFault,
    Job,
    MarkedAnswer,
    Report,
    Result,
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
    "PART1",
    "TRAINING_CPU_SECONDS",
    "AnswerSheet",
    "Band",
    "Criterion",
    "DataFiles",
    "Decision",
    "Finding",
    "Flag",
    "GraderFault",
    "Job",
    "MarkedAnswer",
    "Report",
    "Result",
    "Rubric",
    "Run",
    "Status",
    "Submission",
    "TrainingPlan",
    "UsageFault",
    "WrittenAnswer",
]
