"""Made cohorts for the comparison of works: honest ones with real variety, and pairs planted among them.

Answers are sample answers of the key, each given to one student at most. Networks, comments, names and figures are
drawn from what students write: many choices are usual, so that honest works share a lot.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.answers.marker.key import AnswerKey, load_key
from grader.model import AnswerSheet, Submission, WrittenAnswer
from grader.model.experiment import Experiment, Trial
from grader.model.submission import CodePiece
from grader.storage.records import EVIDENCE_FORMAT, StoredEvidence
from tests.support.places import ROOT

KEY = ROOT / "solutions" / "key.toml"
HANDOUT = ROOT / "student_template"
RIGHT = {"6a": "[4, 5, 1, 3]", "6b": "[2.5, 2.5, 0.5, 2]"}
KINDS = ("renamed", "answers", "figures")
_USUAL = (
    "# convolution layers", "# first conv layer", "# second conv layer", "# fully connected layers", "# dropout",
    "# flatten", "# max pooling", "# output layer", "# 10 classes", "# apply relu", "# define layers",
    "# forward pass", "# 28x28 -> 24x24 -> 12x12", "# log softmax for nll loss", "# prevents overfitting",
)  # fmt: skip


@dataclass(frozen=True)
class MadeCohort:
    """Works as a run stores them, the pairs that were planted by kind, and the sample answers that nobody was given."""

    stored: tuple[StoredEvidence, ...]
    planted: Mapping[frozenset[str], str]
    background: Mapping[str, Sequence[str]]


def made_cohort(students: int, *, pairs: int = 0, seed: int = 0, key: AnswerKey | None = None) -> MadeCohort:
    """A cohort of ``students`` of whom the first ``pairs`` pairs share what the kinds of ``KINDS`` say, in turn."""
    draw = random.Random(seed)
    answers, background = _answers(students, draw, key or load_key(KEY))
    stored = [_stored(number, answers[number], draw) for number in range(students)]
    planted = {}
    for number in range(pairs):
        first, second = 2 * number, 2 * number + 1
        kind = KINDS[number % len(KINDS)]
        stored[first], stored[second] = _planted(number, stored[first], stored[second], answers.wrong, draw)
        planted[frozenset({stored[first].student, stored[second].student})] = kind
    order = list(range(students))
    draw.shuffle(order)
    return MadeCohort(tuple(stored[at] for at in order), planted, background)


class _Answers(dict[int, dict[str, str]]):
    """The answers of each student by part; ``wrong`` are further wrong answers, by part."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: dict[str, list[str]] = {}


def _answers(students: int, draw: random.Random, key: AnswerKey) -> tuple[_Answers, dict[str, list[str]]]:
    found, background = _Answers(), {}
    for part, samples in key.samples.items():
        distinct = {sample.answer: sample for sample in samples}
        pool = list(distinct.values())
        draw.shuffle(pool)
        for number in range(students):
            found.setdefault(number, {})[part] = pool[number % len(pool)].answer
        rest = pool[students:]
        found.wrong[part] = [sample.answer for sample in rest if sample.gold == 0 and len(sample.answer.split()) > 7]
        background[part] = [sample.answer for sample in rest if sample.answer not in found.wrong[part]]
    for number in range(students):
        for part, right in RIGHT.items():
            found[number][part] = right if draw.random() < 0.8 else str([draw.randint(0, 5) for _ in range(4)])
    return found, background


def _stored(number: int, answers: Mapping[str, str], draw: random.Random) -> StoredEvidence:
    student = f"s{number:04}"
    sheet = AnswerSheet(tuple(WrittenAnswer(part, text, "a.md", 1.0) for part, text in answers.items()))
    submission = Submission(student, Path(student), "task1_cnn.py", (), "0" * 64, code=(CodePiece(script(draw)),))
    experiment = Experiment("experiments.csv", _trials(draw))
    return StoredEvidence(EVIDENCE_FORMAT, "", student, submission, None, sheet=sheet, experiment=experiment)


def _trials(draw: random.Random) -> tuple[Trial, ...]:
    """A table as students measure it: usual networks, four digits of the accuracy, seconds of one machine."""
    machine = draw.uniform(8, 90)
    made = []
    for row in range(draw.randint(3, 7)):
        first, second = draw.choice((8, 10, 16, 20, 32)), draw.choice((16, 20, 32, 40, 64))
        kernels = draw.choice((3, 5, 5, 7)), draw.choice((3, 5, 5))
        accuracy = round(min(0.9945, draw.gauss(0.986, 0.005)), 4)
        made.append(Trial(first, second, *kernels, 3, accuracy, round(machine * draw.uniform(0.8, 1.3), 1), row + 2))
    return tuple(made)


def script(draw: random.Random) -> str:
    """The template with a network in it, in one of many usual ways."""
    pick = draw.choice
    first, second, hidden = pick((8, 10, 16, 20, 32)), pick((16, 20, 32, 50, 64)), pick((50, 64, 100, 128, 256))
    kernel = pick((3, 5, 5))
    side = {3: 5, 5: 4}[kernel]
    conv1, conv2 = pick((("conv1", "conv2"), ("conv1", "conv2"), ("conv_1", "conv_2"), ("c1", "c2")))
    fc1, fc2 = pick((("fc1", "fc2"), ("fc1", "fc2"), ("linear1", "linear2"), ("dense1", "out")))
    drop = pick(("dropout", "drop", "conv2_drop", "dropout1"))
    rate = pick((0.25, 0.5, 0.5, 0.3, 0.2))
    size = pick((f"kernel_size={kernel}", str(kernel), f"{kernel}, 1", f"kernel_size=({kernel}, {kernel})"))
    flat = pick((f"x = x.view(-1, {second * side * side})", "x = torch.flatten(x, 1)", "x = x.flatten(1)",
                 "x = x.view(x.size(0), -1)", f"x = x.reshape(-1, {second * side * side})"))  # fmt: skip
    relu = pick(("F.relu({})", "F.relu({})", "torch.relu({})"))
    pool = pick(("F.max_pool2d({}, 2)", "F.max_pool2d({}, 2)", "F.max_pool2d({}, kernel_size=2)"))
    is_chained = draw.random() < 0.5
    init = [
        f"self.{conv1} = nn.Conv2d(1, {first}, {size})",
        f"self.{conv2} = nn.Conv2d({first}, {second}, {size})",
        f"self.{drop} = nn.{pick(('Dropout2d', 'Dropout', 'Dropout'))}({pick(('', str(rate), f'p={rate}'))})",
        f"self.{fc1} = nn.Linear({second * side * side}, {hidden})",
        f"self.{fc2} = nn.Linear({hidden}, 10)",
    ]
    steps = [relu.format(f"self.{conv1}(x)"), pool.format("x"), relu.format(f"self.{conv2}(x)"), pool.format("x")]
    forward = [f"x = {step}" for step in steps]
    if is_chained:
        forward = [f"x = {relu.format(pool.format(f'self.{conv}(x)'))}" for conv in (conv1, conv2)]
    forward += [f"x = self.{drop}(x)", flat, f"x = {relu.format(f'self.{fc1}(x)')}"]
    forward += [pick((f"x = self.{drop}(x)", "x = F.dropout(x, training=self.training)")), f"x = self.{fc2}(x)"]
    forward += [pick(("return F.log_softmax(x, dim=1)", "return F.log_softmax(x, 1)", "x = F.log_softmax(x, dim=1)"))]
    forward += ["return x"] if not forward[-1].startswith("return") else []
    text = (HANDOUT / "task1_cnn.py").read_text(encoding="utf-8")
    body = "\n        ".join(["super().__init__()", *_commented(init, draw)])
    text = text.replace("# Create the layers here.\n        pass", body)
    applied = "\n        ".join(_commented(forward, draw))
    return text.replace("# Apply the layers to x here, and return the result.", applied)


def _commented(lines: Sequence[str], draw: random.Random) -> list[str]:
    made = []
    for line in lines:
        if draw.random() < 0.25:
            made.append(draw.choice(_USUAL))
        made.append(line)
    return made


def _odd_script(number: int) -> str:
    """A network in a way that is one student's own."""
    paths = sorted((ROOT / "tests" / "networks").glob("*.py"))
    return paths[number].read_text(encoding="utf-8")


def renamed(text: str) -> str:
    """The script with other names and without its comments, as somebody hides a copy."""
    tree = ast.parse(text)
    given = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    given |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} - {"self"}
    given |= {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    others = {name: f"my_{name[:2]}{number}" for number, name in enumerate(sorted(given))}
    return re.sub(r"\b\w+\b", lambda word: others.get(word[0], word[0]), ast.unparse(tree))


def _planted(
    number: int, first: StoredEvidence, second: StoredEvidence, wrong: Mapping[str, list[str]], draw: random.Random
) -> tuple[StoredEvidence, StoredEvidence]:
    kind = KINDS[number % len(KINDS)]
    if kind == "renamed":
        text = _odd_script(number)
        return _with_code(first, text), _with_code(second, renamed(text))
    if kind == "answers":
        parts = draw.sample(sorted(wrong), 3)
        shared = {part: wrong[part].pop() for part in parts}
        edited = {part: _edited(text, draw) for part, text in shared.items()}
        return _with_answers(first, shared), _with_answers(second, edited)
    assert first.experiment is not None
    assert second.experiment is not None
    kept = draw.sample(first.experiment.trials, min(3, len(first.experiment.trials)))
    return first, replace(second, experiment=replace(second.experiment, trials=(*kept, *second.experiment.trials[:2])))


def _edited(text: str, draw: random.Random) -> str:
    """The text with one word left out, as somebody changes what was copied."""
    words = text.split()
    del words[draw.randrange(len(words))]
    return " ".join(words)


def _with_code(stored: StoredEvidence, text: str) -> StoredEvidence:
    assert stored.submission is not None
    return replace(stored, submission=replace(stored.submission, code=(CodePiece(text),)))


def _with_answers(stored: StoredEvidence, texts: Mapping[str, str]) -> StoredEvidence:
    assert stored.sheet is not None
    answers = (replace(answer, text=texts.get(answer.part, answer.text)) for answer in stored.sheet.answers)
    return replace(stored, sheet=replace(stored.sheet, answers=tuple(answers)))
