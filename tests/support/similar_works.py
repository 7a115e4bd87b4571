"""Made cohorts for the comparison of works: honest ones with real variety, and pairs planted among them.

Nothing that a student was given is in the key with which the works are compared. Honest students share what the real
ones do: variations on one sentence (the key's samples have many), sentences of a lecture and of books, a network from
the web, a usual plan of experiments, and the accuracies that the same network and seed give.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.answers.marker.key import AnswerKey
from grader.model import AnswerSheet, Submission, WrittenAnswer
from grader.model.experiment import Experiment, Trial
from grader.model.submission import CodePiece
from grader.similarity.code_things import things_of_code
from grader.similarity.things import Kind, Thing
from grader.storage.records import EVIDENCE_FORMAT, StoredEvidence
from grader.submissions.script_text import code_pieces
from tests.support.places import ROOT, TESTS

KEY = ROOT / "solutions" / "key.toml"
HANDOUT = ROOT / "student_template"
RIGHT = {"6a": "[4, 5, 1, 3]", "6b": "[2.5, 2.5, 0.5, 2]"}
KINDS = ("renamed", "answers", "figures")
OF_A_LECTURE, OF_A_BOOK, BOOKS = 0.1, 3, 3
"""Share of the students who quote the lecture in a part, students who quote the same book, and books for a part."""
OF_THE_WEB = 0.05
"""Share of the students who paste the same script from the web."""
_WEB = TESTS / "submissions" / "valid-classic-2017" / "task1_cnn.py"
_USUAL = (
    "# convolution layers", "# first conv layer", "# second conv layer", "# fully connected layers", "# dropout",
    "# flatten", "# max pooling", "# output layer", "# 10 classes", "# apply relu", "# define layers",
    "# forward pass", "# 28x28 -> 24x24 -> 12x12", "# log softmax for nll loss", "# prevents overfitting",
)  # fmt: skip
_PLANS = (
    ((10, 20, 5, 5), (20, 40, 5, 5), (32, 64, 5, 5), (10, 20, 3, 3), (10, 20, 7, 5)),
    ((8, 16, 3, 3), (16, 32, 3, 3), (32, 64, 3, 3)),
    ((16, 32, 3, 3), (16, 32, 5, 5), (32, 64, 3, 3), (32, 64, 5, 5)),
)
"""Networks (channels, kernel sizes) that many students try together."""


@dataclass(frozen=True)
class MadeCohort:
    """Works as a run stores them, the pairs that were planted by kind, and the key without what anybody was given."""

    stored: tuple[StoredEvidence, ...]
    planted: Mapping[frozenset[str], str]
    key: AnswerKey


def made_cohort(
    students: int, *, key: AnswerKey, pairs: int = 0, seed: int = 0, written: Mapping[str, Sequence[str]] | None = None
) -> MadeCohort:
    """A cohort of ``students`` of whom the first ``pairs`` pairs share what the kinds of ``KINDS`` say, in turn.

    Answers are those in ``written``, by part, and the samples of ``key``, each given to one student at most.
    """
    draw = random.Random(seed)
    pools = _pools(key, written or {}, draw)
    answers = _answers(students, pools, draw)
    scripts = _scripts(students, draw)
    accuracies: dict[tuple[int, ...], float] = {}
    stored = [
        _stored(number, answers[number], scripts[number], _trials(draw, accuracies)) for number in range(students)
    ]
    planted = {}
    for number in range(pairs):
        first, second = 2 * number, 2 * number + 1
        kind = KINDS[number % len(KINDS)]
        stored[first], stored[second] = _planted(number, stored[first], stored[second], pools, draw)
        planted[frozenset({stored[first].student, stored[second].student})] = kind
    kept = {
        part: tuple(sample for sample in samples if sample.answer in pools[part].left)
        for part, samples in key.samples.items()
    }
    draw.shuffle(stored)
    return MadeCohort(tuple(stored), planted, replace(key, samples=kept))


class _Pool:
    """The answers to a part that are still to be given, in random order; ``wrong`` are those without any mark."""

    def __init__(self, answers: Iterable[str], wrong: Iterable[str], draw: random.Random) -> None:
        self.left = dict.fromkeys(answers)
        order = list(self.left)
        draw.shuffle(order)
        self.left = dict.fromkeys(order)
        self._wrong = frozenset(wrong)

    def answer(self) -> str:
        """Any answer."""
        return self._taken(next(iter(self.left)))

    def sentence(self, *, is_wrong: bool) -> str:
        """An answer of eight words or more, which is or is not wrong."""
        return self._taken(
            next(text for text in self.left if len(text.split()) > 7 and (text in self._wrong) is is_wrong)
        )

    def _taken(self, text: str) -> str:
        del self.left[text]
        return text


def _pools(key: AnswerKey, written: Mapping[str, Sequence[str]], draw: random.Random) -> dict[str, _Pool]:
    pools = {}
    for part, samples in key.samples.items():
        answers = [*written.get(part, ()), *(sample.answer for sample in samples)]
        pools[part] = _Pool(answers, (sample.answer for sample in samples if sample.gold == 0), draw)
    return pools


def _answers(students: int, pools: Mapping[str, _Pool], draw: random.Random) -> list[dict[str, str]]:
    found: list[dict[str, str]] = [{} for _ in range(students)]
    for part, pool in pools.items():
        quoted = {number: text for text, readers in _sources(students, pool, draw) for number in readers}
        for number, answers in enumerate(found):
            answers[part] = _edited(quoted[number], draw) if number in quoted else pool.answer()
    for answers in found:
        for part, right in RIGHT.items():
            answers[part] = right if draw.random() < 0.8 else str([draw.randint(0, 5) for _ in range(4)])
    return found


def _sources(students: int, pool: _Pool, draw: random.Random) -> list[tuple[str, list[int]]]:
    """Right sentences of a lecture and of books, with those who quote them."""
    sizes = [round(OF_A_LECTURE * students), *[min(OF_A_BOOK, students)] * BOOKS]
    return [(pool.sentence(is_wrong=False), draw.sample(range(students), size)) for size in sizes]


def _stored(number: int, answers: Mapping[str, str], code: str, trials: tuple[Trial, ...]) -> StoredEvidence:
    student = f"s{number:04}"
    sheet = AnswerSheet(tuple(WrittenAnswer(part, text, "a.md", 1.0) for part, text in answers.items()))
    submission = Submission(student, Path(student), "task1_cnn.py", (), "0" * 64, code=(CodePiece(code),))
    experiment = Experiment("experiments.csv", trials)
    return StoredEvidence(EVIDENCE_FORMAT, "", student, submission, None, sheet=sheet, experiment=experiment)


def _trials(draw: random.Random, accuracies: dict[tuple[int, ...], float]) -> tuple[Trial, ...]:
    """A table as students measure it: a usual plan or their own, with seconds that are whole in every third.

    Every second student keeps the template's seed, so that the same network gives the same accuracy; two in five sit at
    equal machines.
    """
    is_seeded, digits = draw.random() < 0.5, draw.choice((0, 1, 1))
    machine, spread = (20.0, 0.03) if draw.random() < 0.4 else (draw.uniform(8, 90), 0.1)
    networks: list[tuple[int, int, int, int]] = [*draw.choice(_PLANS)] if draw.random() < 0.4 else []
    while len(networks) < 3 or draw.random() < 0.4:
        channels = draw.choice((8, 10, 16, 20, 32)), draw.choice((16, 20, 32, 40, 64))
        networks.append((*channels, draw.choice((3, 5, 5, 7)), draw.choice((3, 5, 5))))
    made = []
    for line, network in enumerate(networks, start=2):
        accuracy = round(min(0.9945, draw.gauss(0.986, 0.005)), 4)
        accuracy = accuracies.setdefault(network, accuracy) if is_seeded else accuracy
        seconds = machine * (0.8 + sum(network) / 250) * draw.uniform(1 - spread, 1 + spread)
        made.append(Trial(*network, 3, accuracy, round(seconds, digits), line))
    return tuple(made)


def _own_scripts() -> list[str]:
    """Scripts of one hand each: those of two submissions that share a quarter of their code are one."""
    kept: list[tuple[str, frozenset[Thing]]] = []
    for path in sorted(TESTS.glob("submissions/valid-*/task1_cnn.py")):
        text = "\n".join(code_pieces(path))
        things = frozenset(thing for thing in things_of_code(text) if thing.kind is not Kind.NAME)
        if all(4 * len(things & others) < min(len(things), len(others)) for _, others in kept):
            kept.append((text, things))
    return [text for text, _ in kept]


def _scripts(students: int, draw: random.Random) -> list[str]:
    """Scripts of many hands: usual networks in the template, networks of one hand each, and one script from the web."""
    made = _own_scripts()[: students // 3]
    made += [_WEB.read_text(encoding="utf-8")] * round(OF_THE_WEB * students)
    made += [script(draw) for _ in range(students - len(made))]
    draw.shuffle(made)
    return made


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
    number: int, first: StoredEvidence, second: StoredEvidence, pools: Mapping[str, _Pool], draw: random.Random
) -> tuple[StoredEvidence, StoredEvidence]:
    kind = KINDS[number % len(KINDS)]
    if kind == "renamed":
        text = _odd_script(number)
        return _with_code(first, text), _with_code(second, renamed(text))
    if kind == "answers":
        shared = {part: pools[part].sentence(is_wrong=True) for part in draw.sample(sorted(pools), 3)}
        edited = {part: _edited(text, draw) for part, text in shared.items()}
        return _with_answers(first, shared), _with_answers(second, edited)
    assert first.experiment is not None
    assert second.experiment is not None
    kept = draw.sample(first.experiment.trials, 3)
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
