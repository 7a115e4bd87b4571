"""The data types of grading: submissions, criteria, results and reports, and the network as a graph.

They need only the standard library.

May import: nothing of ours.
"""

from grader.model.answers import AnswerSheet, MarkedAnswer, WrittenAnswer
from grader.model.criteria import TRAINING_CPU_SECONDS, Band, Criterion, Rubric, TrainingPlan
from grader.model.errors import GraderFault, UsageFault
from grader.model.finding import AnswerFinding, Finding, KnownFinding, KnownFindings, Status
from grader.model.lateness import Extension, Lateness, LatePolicy
from grader.model.origin import Attachment, Origin, Person
from grader.model.report import FLAG, PART1, Decision, Report, Result, flag_in
from grader.model.run import JSON, UNKNOWN, Canary, Run, device_text
from grader.model.shard import Shard, ShardOfRun
from grader.model.submission import DataFiles, Flag, Job, Submission

__all__ = [
    "FLAG",
    "JSON",
    "PART1",
    "TRAINING_CPU_SECONDS",
    "UNKNOWN",
    "AnswerFinding",
    "AnswerSheet",
    "Attachment",
    "Band",
    "Canary",
    "Criterion",
    "DataFiles",
    "Decision",
    "Extension",
    "Finding",
    "Flag",
    "GraderFault",
    "Job",
    "KnownFinding",
    "KnownFindings",
    "LatePolicy",
    "Lateness",
    "MarkedAnswer",
    "Origin",
    "Person",
    "Report",
    "Result",
    "Rubric",
    "Run",
    "Shard",
    "ShardOfRun",
    "Status",
    "Submission",
    "TrainingPlan",
    "UsageFault",
    "WrittenAnswer",
    "device_text",
    "flag_in",
]
