"""Written parts other than Lab 4's: a short key, its few samples, and documents that answer them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.answers.documents import read_document
from grader.answers.evaluation.tables import SETTLED
from grader.answers.finding.paper import LAB4, Paper, paper_of, paper_with
from grader.answers.finding.segmentation import CERTAIN, cut
from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.explanation import explain
from grader.answers.marker.key import IDEA_KEYS, NUMERIC_KEYS, PROSE_KEYS, AnswerKey, load_key
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.patterns import PatternFault, all_hits, from_example
from grader.answers.marker.tokens import read
from grader.model import Criterion, Status, Submission, UsageFault
from grader.pipeline.written_parts import paper, with_titles
from grader.rubric.loading import load_rubric
from tests.measure.few_samples import NUMBERS, TWO_QUESTIONS, key_with, marked
from tests.support.places import ROOT

QUESTIONS = {
    "1": "Why is a validation set used?",
    "2a": "What does the learning rate control?",
    "2b": "What happens if the learning rate is too large?",
    "10": "What is a confusion matrix?",
}
PAPER = paper_of(QUESTIONS)
ANSWERS = {
    "1": "To choose the hyperparameters.",
    "2a": "The size of a step.",
    "2b": "The loss jumps around.",
    "10": "A table of true and predicted classes, 3. and 4. are often confused.",
}
SHORT = """
format = 1
[parts.1]
question = "Why is a validation set used?"
full = "choosing and unseen"
half = "choosing or unseen"
[[parts.1.ideas]]
name = "choosing"
say = "it serves to choose hyperparameters"
examples = ["tune the hyperparameters"]
[[parts.1.ideas]]
name = "unseen"
say = "the model was not trained on it"
patterns = ["(unseen|unknown) .. data"]
"""


def key_of(text: str, folder: Path) -> AnswerKey:
    path = folder / "key.toml"
    path.write_text(text, encoding="utf-8")
    return load_key(path)


def found_in(text: str, folder: Path) -> Mapping[str, str]:
    path = folder / "answers.md"
    path.write_text(text, encoding="utf-8")
    return {part: answer.text for part, answer in cut(read_document(path), PAPER).items()}


# ---- documents -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head", ["{p}. ", "Question {p}: ", "### {p}\n\n", "Q{p}) {q}\n\n", "{q}\n\n", "<!-- q{p} -->\n"]
)
def test_the_parts_of_another_paper_are_found(head: str, tmp_path: Path) -> None:
    text = "\n\n".join(head.format(p=part, q=QUESTIONS[part]) + answer for part, answer in ANSWERS.items())
    assert found_in(text, tmp_path) == ANSWERS


TWO = paper_of({"1": QUESTIONS["1"], "2": QUESTIONS["2a"]})


def certain_in(text: str, folder: Path, name: str = "answers.md", parts: Paper = TWO) -> list[str]:
    """The answers to two questions that are certain, read from all documents in ``folder``."""
    (folder / name).write_text(text, encoding="utf-8")
    names = tuple(sorted(path.name for path in folder.iterdir()))
    documents = tuple(name for name in names if not name.endswith(".py"))
    submission = Submission("s", folder, script=None, files=names, digest="", documents=documents)
    return [answer.text for answer in read_sheet(submission, parts).answers if answer.confidence >= CERTAIN]


@pytest.mark.parametrize("head", ["{}) ", "{}. ", "({}) ", "**{}.** ", "# {}\n\n", "| {} | "])
def test_bare_numbers_through_a_paper_are_certain(head: str, tmp_path: Path) -> None:
    text = "\n\n".join(head.format(number) + ANSWERS[part] for number, part in ((1, "1"), (2, "2a")))
    assert certain_in("Jane Doe\n\n" + text, tmp_path) == [ANSWERS["1"], ANSWERS["2a"]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("It has two uses:\n\n1. To choose.\n\n2. To stop early.", "answers.md"),
        ("1. To choose.\n\n2. To stop early.\n\n3. To compare.", "answers.md"),
        ("# Validation\n\n1. To choose.\n2. To stop.\n\n# Learning rate\n\nThe step.", "answers.md"),
        ("1. To choose\n   1. a\n   2. b\n\n2. The step.", "answers.md"),
        ("Task 1: A network.\n\nTask 2: Trained it.", "answers.md"),
        ("1\nTo choose.\n\n2\nThe step.", "answers.md"),
        ("2. The step.", "answers.md"),
        ("# 1. Load the images of the training set\n# 2. Train the network for ten epochs and print\nx = 1\n", "a.py"),
    ],
)
def test_other_lists_of_bare_numbers_are_in_doubt(text: str, name: str, tmp_path: Path) -> None:
    assert certain_in(text, tmp_path, name) == []


def test_bare_numbers_are_in_doubt_in_one_of_two_documents_and_for_one_question(tmp_path: Path) -> None:
    (tmp_path / "second.md").write_text("The size of a step.")
    assert certain_in("1. To choose.\n\n2. To stop early.", tmp_path) == []
    (tmp_path / "second.md").unlink()
    assert certain_in("1. To choose.", tmp_path, parts=paper_of({"1": QUESTIONS["1"]})) == []


def test_parts_that_the_paper_lacks_start_no_answer(tmp_path: Path) -> None:
    text = "1. Two reasons:\n\n2a) The step.\n\n2b) Chaos.\n\n2c) Nothing.\n\n10. A table.\n\n11. More."
    assert found_in(text, tmp_path)["10"] == "A table.\n\n11. More."


def test_the_key_asks_lab_4s_questions_in_its_own_words_and_the_templates() -> None:
    key = load_key(ROOT / "solutions" / "key.toml")
    assert paper(load_rubric(), key) == LAB4
    assert with_titles(load_rubric(), key) == load_rubric()


def test_without_a_key_the_rubrics_parts_are_looked_for() -> None:
    rubric = load_rubric()
    other = replace(rubric, part1=tuple(Criterion(part, f"Question {part}", Decimal(1)) for part in QUESTIONS))
    assert paper(rubric, None) == paper(replace(rubric, part1=()), None) == LAB4
    assert paper(other, None) == paper_with(QUESTIONS) != PAPER
    assert PAPER.digest != paper_with(QUESTIONS).digest


def test_rubric_and_key_must_have_the_same_parts(tmp_path: Path) -> None:
    key = key_of(SHORT, tmp_path)
    one = Criterion("1", "Question 1", Decimal(1))
    short = replace(load_rubric(), part1=(one,))
    assert with_titles(short, key).part1[0].title == QUESTIONS["1"]
    assert with_titles(replace(short, part1=()), key).part1 == ()
    with pytest.raises(
        UsageFault, match=r"gives points for part 2, which the answer key does not have; it has part 1\."
    ):
        with_titles(replace(short, part1=(one, replace(one, id="2"))), key)
    with pytest.raises(UsageFault, match=r"the answer key asks for the parts 2, 3, .* gives no points; .* has part 1"):
        with_titles(short, replace(key, parts=dict.fromkeys(("1", "2", "3"), key.parts["1"])))


def test_a_run_with_another_labs_key_is_refused_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "key.toml").write_text(SHORT, encoding="utf-8")
    assert main(["grade", str(tmp_path), "--key", str(tmp_path / "key.toml"), "--out", str(tmp_path / "out")]) == 2
    assert "the rubric gives points for the parts 2, 3, 4, 5, 6a" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# ---- short keys ------------------------------------------------------------------------------------------------------


POLICY = """
[policies.choosing-alone]
part = "1"
ideas = ["choosing"]
samples = 0.5
mark = 1
"""


def test_a_policy_of_a_short_key_changes_a_proposal(tmp_path: Path) -> None:
    key = key_of(SHORT + POLICY, tmp_path)
    assert mark_answer(key, "1", "tuning hyperparameters").awarded == 1
    assert mark_answer(key, "1", "unknown data").awarded == Decimal("0.5")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SHORT + POLICY.replace('choosing"', 'chosing"'), 'there is no idea "chosing". Did you mean "choosing"?'),
        (SHORT + POLICY.replace('part = "1"', 'part = "2"'), '"2" is not a part in words'),
        (SHORT + POLICY.replace("mark = 1", "mark = 2"), "policies.choosing-alone.mark: should be 0, 0.5 or 1"),
        (SHORT + POLICY.replace('part = "1"', "costs = 0.5"), "or a part and its ideas"),
        (SHORT.replace("unseen|unknown", "(" * 30 + "a" + ")" * 30), "more than 20 brackets in one another"),
        (SHORT.replace('"choosing and unseen"', f'"{"not " * 3000}unseen"'), "nested too deeply"),
        (SHORT.replace("format = 1", f"format = {'1' * 6000}"), "a number in the answer key is too long"),
        ('format = 1\n[parts.1]\nquestion = "Which?"\nvalues = ["1", "2", "inf", "3"]', "should be numbers in quotes"),
        (
            'format = 1\n[parts.1]\nquestion = "Which?"\nvalues = ["1", "2", "3", "4"]\nother = ["1", "2", "3", "4"]\n'
            'other_part = "No."',
            "are the right numbers",
        ),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_with_the_reason(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=re.escape(reason)):
        key_of(text, tmp_path)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"part": 1, "answer": "a", "gold": 1}', '"part" should be in quotes'),
        (f'{{"part": "1", "answer": "a", "gold": {"1" * 6000}}}', "a number is too long"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_a_sample_that_cannot_be_read_is_refused_with_its_line(line: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(UsageFault, match=f"line 1: .*{reason}"):
        key_of(SHORT.replace("format = 1", 'format = 1\nsamples = "samples.jsonl"'), tmp_path)


def test_an_example_keeps_the_words_that_count() -> None:
    pattern = from_example("one value per position")
    assert all_hits([pattern], read("It gives one value per position."))
    assert not all_hits([pattern], read("It gives several values, many a position."))


def test_a_short_key_marks(tmp_path: Path) -> None:
    key = key_of(SHORT, tmp_path)
    full, half, nothing = (
        mark_answer(key, "1", answer)
        for answer in ("To tune the hyperparameters on unseen data.", "tuning hyperparameters", "It validates.")
    )
    assert {found.status for found in (full, half, nothing)} == {Status.NEEDS_REVIEW}, "there are no samples"
    assert (full.awarded, half.awarded) == (Decimal(1), Decimal("0.5"))
    assert "it serves to choose hyperparameters and the model was not trained on it." in full.message
    assert "This is a part of the answer to: " + QUESTIONS["1"] in half.message
    for found in (half, nothing):
        assert "trained" not in found.message  # what is missing is not given away


def test_words_of_right_samples_are_on_the_topic(tmp_path: Path) -> None:
    (tmp_path / "samples.jsonl").write_text(
        '{"part": "1", "answer": "cross-validation folds", "gold": 0.5}\n'
        '{"part": "1", "answer": "bananas", "gold": 0}\n'
    )
    asked = key_of('samples = "samples.jsonl"\n' + SHORT, tmp_path).parts["1"]
    assert isinstance(asked, ProsePart)
    assert {"fold", "hyperparamet", "unseen", "valid"} <= asked.vocabulary
    assert asked.vocabulary.isdisjoint({"banana", "is", "why", "the"})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[parts.1]", "[parts.one]", "parts.one: is no part; parts are called 1 to 99"),
        ("parts.1", "parts.1b", "parts.1b: the parts of question 1 should be called 1a"),
        ('["tune the hyperparameters"]', '["it is"]', r"examples\[1\]: .* only words that any answer may have"),
        ('examples = ["tune the hyperparameters"]', "", r"parts.1.ideas\[1\].patterns: is missing"),
        ('say = "it serves to choose hyperparameters"', "", r"parts.1.ideas\[1\].say: is missing"),
        ("format = 1", 'format = 1\nparts.2 = {question = "?", values = ["1"]}', "parts.2.values: should be 4 numbers"),
    ],
)
def test_a_faulty_short_key_is_refused(old: str, new: str, expected: str, tmp_path: Path) -> None:
    assert old in SHORT
    with pytest.raises(UsageFault, match=expected):
        key_of(SHORT.replace(old, new), tmp_path)


@pytest.mark.parametrize(
    ("answer", "is_found"),
    [
        ("We tune all of the hyperparameters.", True),
        ("the hyperparameters are tuned", True),
        ("To tune it. Hyperparameters are something else.", False),
        ("tune them, and later on, in another step, hyperparameters", False),
    ],
)
def test_an_example_is_found_in_other_sentences(answer: str, is_found: bool) -> None:
    assert bool(all_hits([from_example("to tune the hyperparameters")], read(answer))) is is_found


def test_ordinary_words_are_not_corrected_to_words_of_a_short_key(tmp_path: Path) -> None:
    key = key_of(SHORT.replace("tune the hyperparameters", "large steps"), tmp_path)
    assert [idea.words for idea in explain(key, "1", "a large setp").ideas] == ["large setp"]
    assert explain(key, "1", "a large one, then it stops").ideas == ()


def test_an_example_needs_a_word_with_a_meaning() -> None:
    with pytest.raises(PatternFault):
        from_example("it is for the")


# ---- few samples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("samples", [0, 10])
def test_with_few_samples_no_zero_is_settled_and_few_marks_are_wrong(samples: int, tmp_path: Path) -> None:
    found = marked(TWO_QUESTIONS, samples, tmp_path)
    assert len(found.rows) == 80
    assert found.zeroed == ()
    assert found.lists == ()  # the answers are plain sentences
    assert len(found.settled) >= (24 if samples else 0)
    assert found.exact >= len(found.settled) * 0.95


def test_more_samples_settle_more(tmp_path: Path) -> None:
    none, most = (marked(TWO_QUESTIONS, samples, tmp_path) for samples in (NUMBERS[0], NUMBERS[-1]))
    assert len(most.settled) > len(none.settled)
    assert most.full_zeroed == 0


def test_what_claims_nothing_is_a_settled_zero_without_samples(tmp_path: Path) -> None:
    key = key_with(TWO_QUESTIONS, 0, tmp_path)
    assert explain(key, "1", "no idea").finding.status is Status.FAILED


def test_none_may_be_the_right_answer(tmp_path: Path) -> None:
    key = key_of(SHORT.replace('patterns = ["', 'patterns = ["none", "'), tmp_path)
    assert explain(key, "1", "None.").finding.status is Status.NEEDS_REVIEW
    assert explain(key, "1", "N/A").finding.status is Status.FAILED


# ---- explain ---------------------------------------------------------------------------------------------------------


def test_explain_names_ideas_patterns_samples_and_rules(capsys: pytest.CaptureFixture[str]) -> None:
    key = TWO_QUESTIONS / "key.toml"
    answer = "It does not choose the hyperparameters, but it shows overfitting [a lot]."
    assert main(["explain", "--part", "1", answer, "--key", str(key)]) == 0
    shown = capsys.readouterr().out
    assert "choosing (denied): it serves to choose" in shown
    assert '"overfitting" by overfitting' in shown
    assert "marked 1" in shown
    assert 'full = "choosing or noticing" is fulfilled' in shown
    assert "Mark  1, confidence" in shown


def test_explain_says_that_the_samples_are_too_few(tmp_path: Path) -> None:
    explained = explain(key_with(TWO_QUESTIONS, 10, tmp_path), "2", "Bananas are a fruit.")
    assert explained.rules[-1] == "The part has only 10 samples; a zero needs 100, so a tutor decides."
    assert explained.finding.status is Status.NEEDS_REVIEW


def test_explain_of_numbers_and_of_an_unknown_part(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab").mkdir()
    grid = '[parts.1]\nquestion = "Which values?"\nvalues = ["1", "2", "3", "4"]\n'
    (tmp_path / "lab" / "key.toml").write_text(f"format = 1\n{grid}")
    monkeypatch.chdir(tmp_path)
    assert main(["explain", "--part", "1", "1 2 3 5"]) == 0
    assert "Mark  0.75" in capsys.readouterr().out
    assert main(["explain", "--part", "7", "x"]) == 2
    assert 'there is no part "7"' in capsys.readouterr().err
    monkeypatch.chdir(tmp_path / "lab" / "..")
    (tmp_path / "lab" / "key.toml").unlink()
    assert main(["explain", "--part", "1", "x"]) == 2
    assert "add --key FILE" in capsys.readouterr().err


# ---- docs/writing-a-key.md -------------------------------------------------------------------------------------------


def test_the_key_in_the_docs_finds_the_idea_that_the_docs_show(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "writing-a-key.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w*)\n(.*?)```", page, re.DOTALL)
    first, patterns, wrong = (text for kind, text in blocks if kind == "toml")
    (tmp_path / "samples.jsonl").write_text(next(text for kind, text in blocks if kind == "json"))
    shown = next(text for _, text in blocks if text.startswith("Part 1"))
    answer = re.search(r"^Answer +(.*)$", shown, re.MULTILINE)
    key = key_of(first + wrong, tmp_path)
    assert answer is not None
    found = explain(key, "1", answer[1])
    for idea in found.ideas:
        assert f"{idea.name} ({idea.effect}): {idea.say}\n" in shown
        assert f'"{idea.words}" by {idea.pattern}\n' in shown
    assert found.finding.awarded == 1
    assert len(key.samples["1"]) == 10
    longer = re.sub(r'examples = \["representative.*', lambda _: patterns, first)
    samples = [sample for sample in key.samples["1"] if sample.gold == 1]
    stated = [{idea.name for idea in explain(key_of(longer, tmp_path), "1", s.answer).ideas} for s in samples]
    assert sum("variety" in names for names in stated) >= 2


def test_the_docs_describe_each_name_in_a_key_and_name_the_columns_that_are_printed() -> None:
    page = (ROOT / "docs" / "writing-a-key.md").read_text(encoding="utf-8")
    names = re.findall(r"^\|[^|]*\|([^|]*)\|", page.partition("## All names in a key")[2], re.MULTILINE)
    described = set(re.findall(r"`(\w+)`", " ".join(names)))
    assert {*PROSE_KEYS, *IDEA_KEYS, *NUMERIC_KEYS, "costs"} - described == set()
    columns = re.search(r"Look at two columns: `([^`]+)`[^`]*`([^`]+)`", page)
    assert columns is not None
    assert set(columns.groups()) <= set(SETTLED)
