"""Takes the things of each work from what a run has stored, and those of what the students were given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from grader.answers.marker.key import AnswerKey
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.tokens import read, stem
from grader.lab4.files import ANSWERS, SCRIPT
from grader.model import UsageFault
from grader.model.experiment import Experiment
from grader.model.graph import Graph
from grader.safe_text import visible
from grader.similarity.code_things import things_of_code
from grader.similarity.things import (
    CODE,
    OPERATIONS_TOGETHER,
    Kind,
    Span,
    Thing,
    Things,
    Work,
    merged,
    phrases,
    pieces_of,
    words_of,
)
from grader.source.notebooks import read_notebook
from grader.storage.records import StoredEvidence
from grader.submissions.script_text import code_pieces

OBSERVATIONS, EXPERIMENT, NETWORK = "observations", "experiment", "network"
"""Places beside the parts of Part 1 and :data:`CODE`."""
COMMON = 0.05
"""Share of the works that have a word from which it is a word of this course, to which others may be misspelt."""
MOST_MISSPELT = 0.02
"""Share of the works that may have the same mistake; what more of them write, or the samples, is a word."""
SHORTEST_MISSPELT = 5
"""Letters; a shorter word may well be another word."""


def works_of(stored: Iterable[StoredEvidence], samples: Iterable[str] = ()) -> tuple[Work, ...]:
    """The works of a cohort, in its order; it and the ``samples`` say which words are spelling mistakes."""
    works = [_work(entry) for entry in stored]
    mistakes = _misspelt(works, samples)
    return tuple(_with_spelling(work, mistakes) for work in works)


def _work(stored: StoredEvidence) -> Work:
    texts: dict[str, str] = {}
    things: dict[Thing, Sequence[Span]] = {}
    if (sheet := stored.sheet) is not None:
        written = [*sheet.answers, *([sheet.observations] if sheet.observations else [])]
        texts |= {answer.part: answer.text for answer in written if not answer.is_blank}
        for part, text in texts.items():
            things |= phrases(text, part)
    if stored.submission is not None and stored.submission.code:
        texts[CODE] = "\n".join(piece.text for piece in stored.submission.code)
        things |= things_of_code(texts[CODE])
    if stored.experiment is not None and stored.experiment.trials:
        texts[EXPERIMENT], figures = _figures(stored.experiment)
        things |= figures
    if stored.evidence is not None and stored.evidence.graph is not None:
        texts[NETWORK], operations = _operations(stored.evidence.graph)
        things |= operations
    return Work(stored.student, texts, things)


def _figures(experiment: Experiment) -> tuple[str, Things]:
    """The table as text, a line for each trial, and its accuracies and seconds with all their digits."""
    text, things = "", []
    for trial in experiment.trials:
        network = "  ".join(map(str, trial.network))
        text += network + f"  {trial.epochs or '–'} epochs"
        for kind, told, value in (
            (Kind.ACCURACY, (network, "accuracy"), trial.accuracy),
            (Kind.SECONDS, ("seconds",), trial.seconds),
        ):
            if value is not None:
                text += f"  {told[-1]} "
                figure = f"{value:.10g}"
                things.append({Thing(kind, EXPERIMENT, (*told, figure)): [(len(text), len(text) + len(figure))]})
                text += figure
        text += "\n"
    return text, merged(things)


def _operations(graph: Graph) -> tuple[str, Things]:
    """The operations in training as text, and their pieces; what they are called with counts in the code."""
    text, words = "", []
    for node in graph.training.nodes:
        name = node.name or node.op
        words.append((name, (len(text), len(text) + len(name))))
        text += name + "\n"
    return text, pieces_of(words, NETWORK, Kind.NETWORK, OPERATIONS_TOGETHER)


def _misspelt(works: Sequence[Work], samples: Iterable[str]) -> frozenset[str]:
    """Words that are a typing error away from a common word, and that hardly anybody writes."""
    holders: Counter[str] = Counter()
    for work in works:
        holders.update({word for place in _prose(work) for word, _ in words_of(work.texts[place])})
    known = frozenset(
        form for word, count in holders.items() if count > COMMON * len(works) for form in (word, stem(word))
    )
    for answer in samples:
        holders.update({word for word, _ in words_of(answer)})
    most = max(MOST_MISSPELT * len(works), 2)
    rare = (word for word, count in holders.items() if count <= most and len(word) >= SHORTEST_MISSPELT)
    return frozenset(word for word in rare if any(token.is_guessed for token in read(word, known).tokens))


def _with_spelling(work: Work, mistakes: frozenset[str]) -> Work:
    """The work with its spelling mistakes as things."""
    found = [
        {Thing(Kind.SPELLING, place, (word,)): [span]}
        for place in _prose(work)
        for word, span in words_of(work.texts[place])
        if word in mistakes
    ]
    return Work(work.student, work.texts, {**work.things, **merged(found)})


def _prose(work: Work) -> Iterator[str]:
    return (place for place in work.texts if place not in (CODE, EXPERIMENT, NETWORK))


def handed_out(folder: Path) -> frozenset[tuple[str, ...]]:
    """The contents of the things in the script and the notebook that the students were given in ``folder``.

    Raises UsageFault if it has neither.
    """
    found: list[Things] = []
    for name in (SCRIPT, ANSWERS):
        path = folder / name
        if path.is_file():
            if name == SCRIPT:
                found.append(things_of_code("\n".join(code_pieces(path))))
            else:
                found += [phrases(cell.source, "") for cell in read_notebook(path.read_text(encoding="utf-8")).cells]
    if not found:
        raise UsageFault(f"{visible(str(folder))} has neither {SCRIPT} nor {ANSWERS}; name the folder for students.")
    return _contents(found)


def told_by(key: AnswerKey | None) -> frozenset[tuple[str, ...]]:
    """The contents of the phrases in the questions, the sentences of the key, and the samples with full marks."""
    if key is None:
        return frozenset()
    texts = [asked.question for asked in key.parts.values()]
    for asked in key.parts.values():
        if isinstance(asked, ProsePart):
            texts += [asked.right, asked.missing, asked.lacking, *(idea.say for idea in (*asked.ideas, *asked.wrong))]
    texts += [sample.answer for listed in key.samples.values() for sample in listed if sample.gold == 1]
    return _contents(phrases(text, "") for text in texts)


def _contents(found: Iterable[Things]) -> frozenset[tuple[str, ...]]:
    return frozenset(thing.content for things in found for thing in things)


def background_of(key: AnswerKey | None) -> Mapping[str, Sequence[str]]:
    """The sample answers of a key, by part."""
    if key is None:
        return {}
    return {part: [sample.answer for sample in listed] for part, listed in key.samples.items()}
