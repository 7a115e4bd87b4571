"""Cutting documents into the parts of Part 1, in the styles and orders that students use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.answers.documents import Block, Document, Kind, read_document
from grader.answers.finding.segmentation import cut
from grader.lab4.items import PART1_IDS
from tests.support.answer_tables import ANSWERS, QUESTIONS
from tests.support.document_samples import PART2, document, each, notebook, plainly, sheet, texts

ROMAN = {"a": "i", "b": "ii", "c": "iii", "d": "iv", "e": "v"}


def nested(head: str, item: str, between: str = "\n", roman: bool = False) -> str:
    """Numbers with letters below them: ``head`` takes ``{n}``, ``item`` takes ``{s}``."""
    pieces = []
    for part, answer in ANSWERS.items():
        number, letter = part[0], part[1:]
        if letter == "a":
            pieces.append(head.format(n=number))
        label = item.format(s=ROMAN[letter] if roman else letter) if letter else head.format(n=number)
        pieces.append(f"{label} {answer}")
    return between.join(pieces)


STYLES = {
    "6a)": each("{p}) "),
    "Q6a.": each("Q{p}. "),
    "q6a:": each("q{p}: "),
    "Question 6 (a):": each("Question {n}{b}: "),
    "Question 6a on a line": each("Question {p}\n", "\n\n"),
    "**6(a)**": each("**{n}{b}** "),
    "**6(a).**": each("**{p}.** ", "\n\n"),
    "### 6a": each("### {p}\n\n", "\n\n"),
    "## Question 6a": each("## Question {p}\n", "\n\n"),
    "# Answer 6a": each("# Answer {p}\n", "\n\n"),
    "Task 7 c -": each("Task {n} {s} - "),
    "Answer 3:": each("Answer {p}: "),
    "A3.": each("A{p}. "),
    "Answer to question 3:": each("Answer to question {p}: ", "\n\n"),
    "(7)(c)": each("({n}){b} "),
    "(7c)": each("({p}) "),
    "[7c]": each("[{p}] "),
    "7.c.": "\n".join(f"{p[0]}.{p[1:] + '.' if p[1:] else ''} {a}" for p, a in ANSWERS.items()),
    "7.3": "\n".join(f"{p[0]}{'.' + str(' abcde'.index(p[1])) if p[1:] else '.'} {a}" for p, a in ANSWERS.items()),
    "6. a)": nested("{n}.", "a)".replace("a", "{s}")),
    "6) (a)": nested("{n})", "({s})"),
    "6. i.": nested("{n}.", "   {s}.", roman=True),
    "6. (ii)": nested("{n}.", "({s})", roman=True),
    "Q6 - a.": nested("Question {n}:", "- {s}.", "\n\n"),
    "**6.** part a": nested("**{n}.**", "**Part {s}:**", "\n\n"),
    "6 a) Joined": "\n".join(f"{p[0]} {p[1:] + ')' if p[1:] else ''} {a}" for p, a in ANSWERS.items()),
    "7- a-": nested("{n}-", " {s}-"),
    "Question 6 Part a:": "\n".join(
        f"Question {p[0]}{' Part ' + p[1:] if p[1:] else ''}: {a}" for p, a in ANSWERS.items()
    ),
    "one line": nested("{n}.", "{s})", " "),
    "capital letters": nested("{n}.", "{s}.").replace("\na.", "\nA.").replace("\nb.", "\nB.").replace("\ne.", "\nE."),
    "6\\.a\\)": "\n".join(f"{p[0]}\\.{p[1:] + chr(92) + ')' if p[1:] else ''} {a}" for p, a in ANSWERS.items()),
    "> 6a)": each("> {p}) "),
    "- 6a:": each("- {p}: "),
    "1.6a capitals": each("Part 1 Q{p}) ").upper().replace("\n", "\n"),
    "anchors": each("<!-- part: {p} -->\n", "\n\n"),
    "lab4 anchors": each("<!-- lab4:q{p} -->\n", "\n\n"),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_numbering_style_gives_all_thirteen_answers(style: str) -> None:
    found = cut(document(STYLES[style] + PART2))
    expected = {part: answer.upper() for part, answer in ANSWERS.items()} if "capitals" in style else ANSWERS
    assert texts(found) == expected
    assert min(answer.confidence for answer in found.values()) >= (0.5 if style == "one line" else 0.7)
    assert not any(answer.is_untouched for answer in found.values())


@pytest.mark.parametrize(
    "text",
    [
        sheet(plainly),
        sheet(plainly, answer="Answer: "),
        sheet(plainly, answer="**Answer:** "),
        sheet(lambda part: f"**Question {part}.** "),
        sheet(lambda part: f"### {part}\n\n**", between="**\n\n").replace("network.\n\n###", "network.**\n\n###"),
        sheet(lambda part: f"{part}) ", between=" "),
        sheet(lambda part: "", between="\n"),
        sheet(lambda part: f"> {plainly(part)}", between="\n\n"),
    ],
    ids=["as the sheet", "Answer:", "bold Answer:", "bold question", "headings", "same line", "no numbers", "quoted"],
)
def test_the_question_repeated_before_the_answer_is_dropped(text: str) -> None:
    assert texts(cut(document("Lab 4\n\nPart 1: Deep Learning Basics\n\n1.1 General\n\n" + text + PART2))) == ANSWERS


def test_a_markdown_table_keeps_only_its_rows() -> None:
    text = each("{p}) ").replace("[4, 5, 1, 3]", "\n\n| 4 | 5 |\n|---|---|\n| 1 | 3 |\n")
    assert texts(cut(document(text))) == {**ANSWERS, "6a": "| 4 | 5 |\n| 1 | 3 |"}


def test_a_wrapped_question_is_dropped() -> None:
    text = (
        sheet(plainly)
        .replace("generation between Deep", "generation\nbetween Deep")
        .replace("of a neuron", "of a\nneuron")
    )
    assert texts(cut(document(text))) == ANSWERS


def test_a_statement_that_repeats_the_question_stays() -> None:
    said = "The purpose of a pooling layer in a convolutional neural network is to reduce size."
    assert cut(document(each("{p}) ").replace(ANSWERS["5"], said)))["5"].text == said


@pytest.mark.parametrize("part", ["1", "2", "3", "4", "5", "7a", "8"])
@pytest.mark.parametrize(
    "items", ["1. one\n2. two\n3. three", "   1. one\n   2. two", "a) one\nb) two", "1) one\n2) two"]
)
@pytest.mark.parametrize("label", ["{p}) ", "{p}. ", "Q{p}: ", "### {p}\n\n"])
def test_a_list_inside_an_answer_does_not_start_other_parts(part: str, items: str, label: str) -> None:
    answer = f"{ANSWERS[part]}\n{items}"
    text = each(label).replace(ANSWERS[part], answer) + PART2
    found = texts(cut(document(text)))
    assert found == {**ANSWERS, part: answer}


INNER = [
    "1. one\n2. two\n3. three",
    "- x\n- y",
    "a) one\nb) two",
    "i. one\nii. two",
    "1) p\n2) q\n3) r\n4) s",
    "(1) p\n(2) q",
]
INNER += ["For example:\n4 5\n1 3", "2 layers are needed\n3 more", "* 1. x\n* 2. y"]


@pytest.mark.parametrize("style", sorted({*STYLES} - {"one line", "1.6a capitals", "6 a) Joined"}))
def test_two_lists_inside_answers_start_no_parts_in_any_style(style: str) -> None:
    draw = random.Random(style)
    for _ in range(10):
        expected = dict(ANSWERS)
        text = STYLES[style]
        for part in draw.sample(["1", "2", "3", "4", "5", "7a", "7b", "7c", "7e", "8"], 2):
            expected[part] = f"{ANSWERS[part]}\n{draw.choice(INNER)}"
            text = text.replace(ANSWERS[part], expected[part])
        found = texts(cut(document(text + PART2)))
        assert {part: answer.split() for part, answer in found.items()} == {p: a.split() for p, a in expected.items()}


@pytest.mark.parametrize("missing", PART1_IDS)
@pytest.mark.parametrize("style", ["6a)", "Question 6 (a):", "### 6a", "6. a)"])
def test_a_missing_part_does_not_change_its_neighbours(style: str, missing: str) -> None:
    lines = {"6a)": "{p}) ", "Question 6 (a):": "Question {n}{b}: ", "### 6a": "### {p}\n\n"}
    if style in lines:
        label = lines[style]
        text = "\n".join(
            label.format(p=p, n=p[0], b=f" ({p[1:]})" if p[1:] else "") + a for p, a in ANSWERS.items() if p != missing
        )
    else:
        text = "\n".join(line for line in STYLES[style].split("\n") if not line.endswith(ANSWERS[missing]))
    assert texts(cut(document(text))) == {part: answer for part, answer in ANSWERS.items() if part != missing}


def test_parts_answered_together_share_the_text_with_lower_confidence() -> None:
    text = each("{p}) ").replace("6a) [4, 5, 1, 3]\n6b) [2.5", "6a and b) [4, 5, 1, 3] and [2.5")
    found = cut(document(text))
    assert found["6a"].text == found["6b"].text == "[4, 5, 1, 3] and [2.5, 2.5, 0.5, 2]"
    assert found["6a"].shared == ("6a", "6b")
    assert found["6a"].confidence < 0.6 < found["7a"].confidence


@pytest.mark.parametrize("label", ["Q{n}: ", "{n}. ", "### {n}\n\n", "**{n})** "])
@pytest.mark.parametrize("item", ["{s}) {a}", "({s}) {a}", "{s}. {a}"])
def test_letters_in_the_middle_of_a_line_are_certain_where_each_is_there_once(label: str, item: str) -> None:
    lines = [(n, [p for p in PART1_IDS if p[0] == n]) for n in "12345678"]
    text = "\n".join(
        label.format(n=n) + " ".join(item.format(s=p[1], a=ANSWERS[p]) if p[1:] else ANSWERS[p] for p in parts)
        for n, parts in lines
    )
    found = cut(document(text))
    assert texts(found) == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


@pytest.mark.parametrize("more", ["b) or so ", "as in a) above, "])
def test_letters_in_the_middle_of_a_line_are_in_doubt_where_one_is_there_twice(more: str) -> None:
    line = f"6. a) [4, 5, 1, 3] {more}b) [2.5, 2.5, 0.5, 2]"
    found = cut(document(each("{p}. ").replace("6a. [4, 5, 1, 3]\n6b. [2.5, 2.5, 0.5, 2]", line)))
    assert found["6a"].confidence < 0.7 < found["7a"].confidence


def test_a_paraphrased_question_in_bold_is_dropped() -> None:
    assert texts(cut(document(each("**{p}. So what is that?** ", "\n\n")))) == ANSWERS
    assert texts(cut(document(each("**{p}. Title:** ").replace("Title:", "")))) == ANSWERS


def test_a_question_answered_without_letters_is_shared_by_its_parts() -> None:
    text = "\n".join(f"{n}. {ANSWERS.get(n, 'All in one: ' + n)}" for n in "12345678")
    found = cut(document(text))
    assert found["6a"].text == found["6b"].text == "All in one: 6"
    assert found["7c"].text == "All in one: 7"
    assert found["7c"].confidence < 0.5


def test_pooling_results_are_distinguished_by_name() -> None:
    text = each("{p}) ").replace("6a) ", "6)\nMax pooling: ").replace("6b) ", "Average pooling: ")
    assert texts(cut(document(text))) == ANSWERS


POOLED = {
    "beside the number": ("{n}Max-pooling: {a}\nAverage pooling: {b}", 0.7, 1.0),
    "beside the number, alone": ("{n}Max-pooling\n{a}\n\nAverage pooling\n{b}", 0.7, 1.0),
    "bold": ("{n}\n\n**Max-pooling**\n\n{a}\n\n**Average pooling**\n\n{b}", 0.7, 1.0),
    "bold, with colons": ("{n}**Max-pooling:** {a}\n\n**Average pooling:** {b}", 0.7, 1.0),
    "arrows": ("{n}Max pooling -> {a}\nAvg pooling -> {b}", 0.7, 1.0),
    "in a list": ("{n}\n- Maximum pooling = {a}\n- Mean pooling = {b}", 0.7, 1.0),
    "in one line": ("{n}Max-pooling: {a} Average pooling: {b}", 0.5, 0.7),
    "without the number": ("Max-pooling: {a}\nAverage pooling: {b}", 0.6, 0.7),
    "without the number, on lines": ("Max-pooling\n\n{a}\n\nAverage pooling\n\n{b}", 0.6, 0.7),
}
"""Ways to name the parts of question 6 without letters, and the bounds of the confidence: at least, and below."""


@pytest.mark.parametrize("label", ["{n}. ", "Q{n}: ", "### Question {n}\n\n"])
@pytest.mark.parametrize("name", POOLED)
def test_names_of_pooling_identify_the_parts_of_question_6(name: str, label: str) -> None:
    shape, least, most = POOLED[name]
    six = shape.format(n=label.format(n=6), a=ANSWERS["6a"], b=ANSWERS["6b"])
    rest = {part: label.format(n=part) + answer for part, answer in ANSWERS.items() if part not in {"6a", "6b"}}
    found = cut(document("\n\n".join({**rest, "6a": six}[part] for part in PART1_IDS if part != "6b")))
    assert texts(found) == ANSWERS
    assert least <= min(found[part].confidence for part in ("6a", "6b")) < most


@pytest.mark.parametrize(
    "said",
    [
        "Max pooling: it keeps the strongest value.\nAverage pooling: it keeps the mean.",
        "Max-pooling: 2x2 windows are usual.\nAverage pooling: 3x3 windows, too.",
    ],
)
def test_kinds_of_pooling_in_the_answer_to_question_5_are_not_question_6(said: str) -> None:
    answers = {part: answer for part, answer in {**ANSWERS, "5": said}.items() if part not in {"6a", "6b"}}
    found = cut(document("\n\n".join(f"{part}. {answer}" for part, answer in answers.items())))
    assert texts(found) == answers


@pytest.mark.parametrize("left", ["", "YOUR ANSWER HERE", "*Write your answer here.*", "TODO", "_____", "..."])
def test_unchanged_template_text_is_untouched(left: str) -> None:
    found = cut(document("\n\n".join(f"### {part}\n\n{QUESTIONS[part]}\n\n{left}" for part in PART1_IDS)))
    assert set(found) == set(PART1_IDS)
    assert all(answer.is_untouched and answer.text == "" for answer in found.values())


@pytest.mark.parametrize(
    "text",
    [
        "\n\n".join(ANSWERS.values()),
        "I could not finish this lab because I was ill.",
        "import torch\n# 1. load\n# 2. train\n",
        "Learning rate 0.01\nEpoch 1: 90.1\nEpoch 2: 93.5\nEpoch 3: 95.0",
        "1. Install torch\n2. Run the script\n3. Look at the plot",
        "",
    ],
)
def test_text_without_labels_gives_no_certain_answer(text: str) -> None:
    found = cut(document(text))
    assert all(answer.confidence < 0.5 for answer in found.values())


def test_answers_after_a_copy_of_all_questions_are_found() -> None:
    questions = "\n".join(f"{plainly(part)}{text}" for part, text in QUESTIONS.items())
    assert texts(cut(document(f"{questions}\n\nAnswers\n\n{STYLES['6. a)']}"))) == ANSWERS


LAB_REPORT = "# Lab 4 report\n\n## Introduction\n\nThe aims are:\n\n1. to answer\n2. to build\n3. to test\n\n{}\n\n{}\n"
REFERENCES = "## References\n\n1. LeCun, 1998.\n2. Krizhevsky, 2012.\n3. Goodfellow, 2016.\n"
SHUFFLED = random.Random(3).sample(PART1_IDS, len(PART1_IDS))
TABLE = "| Question | Answer |\n|---|---|\n"


def in_order(parts: Sequence[str], label: str, between: str = "\n\n") -> str:
    return between.join(label.format(p=part, q=QUESTIONS[part]) + ANSWERS[part] for part in parts)


RIGHT = {
    "bold answers": sheet(plainly, answer="**").replace(".\n\n", ".**\n\n"),
    "coloured answers": sheet(plainly, answer='<span style="color:blue">').replace(".\n\n", ".</span>\n\n"),
    "arrows": sheet(plainly, answer="-> "),
    "backwards": in_order(PART1_IDS[::-1], "Question {p}: "),
    "backwards, plain": in_order(PART1_IDS[::-1], "{p}) ", "\n"),
    "backwards, headings": in_order(PART1_IDS[::-1], "### {p}\n\n"),
    "any order": in_order(SHUFFLED, "Q{p}. "),
    "two swapped": in_order(["1", "3", "2", *PART1_IDS[3:]], "Question {p}: "),
    "below Part 2": f"# Part 2\n\n{each('{p}) ')}\n\n# Code report\n\nI used three layers.\n\n1. conv\n2. pool",
    "after Part 2": f"# Part 2\n\n1. We loaded the data.\n2. We trained it.\n\n# Part 1\n\n{each('{p}) ')}",
    "lab report": LAB_REPORT.format(in_order(PART1_IDS, "## Question {p}\n\n"), REFERENCES),
    "report with a conclusion": each("{p}. ") + "\n\nConclusion\n\nWe learned a lot.\n",
    "report after it": each("{p}. ") + "\n\nReport\n\n1. Data\n2. Net\n3. Training\n",
    "table": TABLE + "\n".join(f"| {p} | {a} |" for p, a in ANSWERS.items()),
    "table with the questions": TABLE + in_order(PART1_IDS, "| {p}. {q} | ", " |\n") + " |",
    "Q and Ans": in_order(PART1_IDS, "Q{p} - {q}\nAns - "),
    "screenshots between": in_order(PART1_IDS, "![shot](s.png)\n\n**Q{p}** "),
    "sections": f"1.1 General\n\n{each('{p}. ')}".replace("\n3. ", "\n\n1.2 Convolutional Neural Networks\n\n3. "),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_mixed_document_is_cut_with_certainty(name: str) -> None:
    found = cut(document(RIGHT[name]))
    assert {part: answer.text.rstrip(" |") for part, answer in found.items()} == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


def test_some_answers_on_a_copied_sheet_are_found() -> None:
    some = {"1", "3", "6a", "7b", "8"}
    text = sheet(plainly)
    for part in set(PART1_IDS) - some:
        text = text.replace(ANSWERS[part], "")
    found = cut(document(text))
    assert texts(found) == {part: ANSWERS[part] if part in some else "" for part in PART1_IDS}
    assert {part for part, answer in found.items() if answer.is_untouched} == set(PART1_IDS) - some
    assert min(answer.confidence for answer in found.values()) >= 0.7


def test_questions_identify_parts_where_word_restarted_the_numbers() -> None:
    blocks: list[Block] = []
    for part, question in QUESTIONS.items():
        blocks.append(Block(question, Kind.ITEM, "", f"{part[1]}." if part[1:] else "1."))
        blocks += [Block(ANSWERS[part])] if part in ANSWERS else []
    found = cut(Document("answers.docx", tuple(blocks)))
    assert texts(found) == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


NUMERALS = {
    "I": ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII"],
    "cn": list("\u3007\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b"),
}


def counted(head: str, item: str) -> str:
    """The answers below labels: ``{n}`` is ``6``, ``{I}`` ``VI``, ``{cn}`` its Chinese numeral, ``{q}`` the sheet's
    section, ``{r}`` the number within it, ``{s}`` the letter; ``head`` also labels the questions with parts.
    """
    pieces = []
    for part, answer in ANSWERS.items():
        n = int(part[0])
        values: dict[str, object] = {name: signs[n] for name, signs in NUMERALS.items()}
        values |= {"n": n, "s": part[1:], "q": 1 if n < 3 else 2, "r": n if n < 3 else n - 2, "a": answer}
        if (
            part[1:] == "a"
            and "{a}" in item
            and not {"{n}", "{I}", "{r}"} & {item[i : i + 3] for i in range(len(item))}
        ):
            pieces.append(head.format(**{**values, "a": ""}).rstrip())
        pieces.append((item if part[1:] else head).format(**values))
    return "\n".join(pieces)


COUNTED = {
    "roman": ("{I}. {a}", "{s}) {a}"),
    "roman with letters": ("{I}. {a}", "{I}.{s} {a}"),
    "Question VI": ("Question {I}\n{a}", "({s}) {a}"),
    "sections": ("1.{q}.{n} {a}", "1.{q}.{n}.{s} {a}"),
    "sections in headings": ("### 1.{q}.{n}\n\n{a}", "### 1.{q}.{n}{s}\n\n{a}"),
    "sections, restarted": ("1.{q}.{r} {a}", "1.{q}.{r}.{s} {a}"),
    "question in Part 1": ("Q1.{n}: {a}", "Q1.{n}{s}: {a}"),
    "German": ("Frage {n}: {a}", "Frage {n}{s}: {a}"),
    "German, parts below": ("Aufgabe {n}. {a}", "{s}) {a}"),
    "Spanish": ("**Pregunta {n}.** {a}", "**Pregunta {n}{s}.** {a}"),
    "Dutch headings": ("## Vraag {n}\n\n{a}", "## Vraag {n} ({s})\n\n{a}"),
    "Russian": ("\u0412\u043e\u043f\u0440\u043e\u0441 {n}) {a}", "\u0412\u043e\u043f\u0440\u043e\u0441 {n}.{s}) {a}"),
    "Chinese": ("\u7b2c{n}\u9898\uff1a{a}", "\u7b2c{n}\u9898\uff08{s}\uff09{a}"),
    "Chinese numerals": ("\u7b2c{cn}\u9898\uff1a{a}", "\uff08{s}\uff09{a}"),
    "Chinese list": ("{cn}\u3001{a}", "({s}) {a}"),
    "wide digits": ("\uff0a{n}\uff0e{a}", "\uff0a{n}\uff08{s}\uff09{a}"),
    "our own word": ("My take on no. {n} >> {a}", "My take on no. {n}{s} >> {a}"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_anything_short_before_numbers_through_the_sheet_is_a_label(name: str) -> None:
    found = cut(document(counted(*COUNTED[name]) + PART2))
    assert texts(found) == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


@pytest.mark.parametrize("head", ["{n}. ", "**Question {n}**\n\n", "Q{n}: "])
def test_numbers_that_start_again_in_the_sheets_second_section_go_on(head: str) -> None:
    pieces = ["1.1 General", *(head.format(n=n) + ANSWERS[str(n)] for n in (1, 2)), "1.2 Convolutional Neural Networks"]
    for n in range(3, 9):
        letters = [f"{p[1]}) {ANSWERS[p]}" for p in PART1_IDS if p[0] == str(n) and p[1:]]
        pieces += [head.format(n=n - 2) + ("" if letters else ANSWERS[str(n)]), *letters]
    found = cut(document("\n\n".join(pieces)))
    assert texts(found) == ANSWERS
    assert min(answer.confidence for answer in found.values()) >= 0.7


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(f"Schritt {n}: {step}" for n, step in enumerate(["laden", "bauen", "ueben", "testen"] * 2, 1)),
        "\n".join(f"Week {n}: I read chapter {n} of the book." for n in range(1, 13)),
        "\n".join(f"Fig. {n} {word}" for n, word in enumerate(["loss", "accuracy", "net"], 1)),
        "\n".join(f"Epoch {n}: {90 + n}%" for n in range(1, 9)),
        counted("Frage {n}: {a}", "Frage {n}: {a}"),
        counted("Frage {n}: {a}", "Frage {n}{s}: {a}").replace("Frage 4", "Frage 9"),
        counted("Frage {n}: {a}", "Frage {n}{s}: {a}") * 2,
    ],
)
def test_words_before_other_numbers_are_no_certain_labels(text: str) -> None:
    assert all(answer.confidence < 0.7 for answer in cut(document(text)).values())


@pytest.mark.parametrize("between", ["\n\n", "\n", "\n\n- ", "\n\nAnswers\n\n"])
def test_thirteen_paragraphs_without_labels_are_proposed_in_order(between: str) -> None:
    text = between.join(ANSWERS.values()) if "A" not in between else "# Lab 4" + between + "\n\n".join(ANSWERS.values())
    found = cut(document(f"{'- ' if '-' in between else ''}{text}"))
    assert texts(found) == ANSWERS
    assert {(answer.how, answer.confidence) for answer in found.values()} == {("order", 0.3)}
    assert cut(document(text + "\n\nMore.")) == {}


OTHER = {part: f"Somebody else said this about {part}." for part in PART1_IDS}
DOUBTFUL = {
    "two students": f"Alice\n\n{each('{p}) ')}\n\nBob\n\n" + "\n".join(f"{p}) {a}" for p, a in OTHER.items()),
    "two students, headings": "\n\n".join(f"### Question {p}\n\n{a[p]}" for a in (ANSWERS, OTHER) for p in PART1_IDS),
    "draft": f"Draft\n\n{each('{p}. ')}\n\nFinal answers\n\n" + "\n".join(f"{p}. {a}" for p, a in OTHER.items()),
    "all below the sheet": "\n".join(f"{plainly(p)}{q}" for p, q in QUESTIONS.items())
    + "\n\n"
    + in_order(PART1_IDS, ""),
    "numbers started again": "1.1 General\n1. x\n2. y\n1.2 CNNs\n" + "\n".join(f"{n}. {n}" for n in range(1, 7)),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_an_ambiguous_document_is_in_doubt(name: str) -> None:
    found = cut(document(DOUBTFUL[name]))
    assert found
    assert max(answer.confidence for answer in found.values()) < 0.7


STEPS = ["imports", "load the data", "define the net", "loss", "train", "evaluate", "plot", "save the model"]
STRANGE = {
    "readme": "# Lab 4\n\n## Requirements\n\n1. Python\n2. PyTorch\n3. torchvision\n\n## How to run\n\n"
    "1. Install `torch`\n2. Run `python task1_cnn.py`\n3. Look at the plots\n4. Edit line 12\n5. See the results\n\n"
    "## Files\n\n- net.py",
    "steps": "\n".join(f"{n}. {step}" for n, step in enumerate(STEPS, 1)),
    "bold steps": "\n\n".join(f"**{n}. {step}**\n\nRun the command below." for n, step in enumerate(STEPS, 1)),
    "steps as headings": "\n\n".join(f"## {n}. {step}\n\nRun the cell below." for n, step in enumerate(STEPS, 1)),
    "named steps": "\n\n".join(f"### Step {n}: {step}\n\nRun it." for n, step in enumerate(STEPS, 1)),
    "results": "Experiments\n\n" + "\n".join(f"{n}) {step} gave 9{n}%" for n, step in enumerate(STEPS, 1)),
    "references": "\n".join(f"[{n}] Author {n}, Title, 20{n:02}." for n in range(1, 9)),
    "log": "\n".join(f"[{n}] loss 0.{n} acc 9{n}" for n in range(1, 9)),
    "requirements": "torch==2.1.0\ntorchvision==0.16.0\nnumpy>=1.24\n# 1. optional\nmatplotlib\n",
}


@pytest.mark.parametrize("name", STRANGE)
def test_other_documents_give_no_certain_answer(name: str) -> None:
    assert all(answer.confidence < 0.5 for answer in cut(document(STRANGE[name])).values())


def test_ordinary_comments_of_a_script_give_no_certain_answer(tmp_path: Path) -> None:
    path = tmp_path / "task1_cnn.py"
    path.write_text("".join(f"# {n}. {step}\nx = {n}\n\n" for n, step in enumerate(STEPS, 1)))
    assert all(answer.confidence < 0.5 for answer in cut(read_document(path)).values())


TUTORIAL = (
    "Load and normalize the training and test data",
    "Define a convolutional neural network",
    "Define a loss function and optimizer",
    "Train the network on the training data",
    "Test the network on the test data",
)
PASSAGES = {
    "one run": "".join(f"# {n}. {step}\n" for n, step in enumerate(TUTORIAL, 1)) + "print(1)\n",
    "a run and a gap": "".join(f"# {n}. {step}\n" for n, step in enumerate(TUTORIAL, 1)) + "\nimport torch\n",
    "a docstring": '"""\n' + "".join(f"{n}. {step}\n" for n, step in enumerate(TUTORIAL, 1)) + '"""\nimport torch\n',
    "between the code": "".join(f"# {n}) {step}\nx = {n}\n\n" for n, step in enumerate(TUTORIAL, 1)),
    "explained": "".join(
        f"# {n}. {step}\n# This is done because the lab sheet says so, and because I saw it in a book.\nx = {n}\n"
        for n, step in enumerate(TUTORIAL, 1)
    ),
    "ruled": "".join(f"{'#' * 70}\n# {n}. {step}\n# {'^' * 40}\n#\n\nx = {n}\n" for n, step in enumerate(TUTORIAL, 1)),
    "eight steps": "".join(f"# {n}. {step}\nx = {n}\n" for n, step in enumerate((*TUTORIAL, *TUTORIAL[:3]), 1)),
    "tasks": "".join(f"# Task {n}: {step}\nx = {n}\n" for n, step in enumerate(TUTORIAL, 1)),
    "steps": "".join(f"# Step {n}: {step}\nx = {n}\n" for n, step in enumerate(TUTORIAL, 1)),
}


@pytest.mark.parametrize("name", PASSAGES)
def test_numbered_comments_of_a_script_are_no_answers(tmp_path: Path, name: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(PASSAGES[name])
    assert cut(read_document(path)) == {}


COMMENTS = {
    "numbers and letters": "".join(f"# {part}. {text}\n" for part, text in ANSWERS.items()) + "import torch\n",
    "questions between the code": "".join(f"# Q{part}: {text}\nx = 1\n" for part, text in ANSWERS.items()),
    "answers": "".join(f"# Answer {part}: {text}\n" for part, text in ANSWERS.items()) + "\nimport torch\n",
}


@pytest.mark.parametrize("name", COMMENTS)
def test_answers_in_the_comments_of_a_script_are_found(tmp_path: Path, name: str) -> None:
    path = tmp_path / "train.py"
    path.write_text(COMMENTS[name])
    assert list(cut(read_document(path))) == list(PART1_IDS)


def test_a_few_numbered_sentences_in_a_script_are_still_shown(tmp_path: Path) -> None:
    path = tmp_path / "train.py"
    sentence = "A network whose hidden layers each find features of the layer before them, from edges to objects."
    path.write_text("".join(f"# {n}. {sentence}\n" for n in range(1, 6)) + "\nimport torch\n")
    assert list(cut(read_document(path))) == ["1", "2", "3", "4", "5"]


def cells_of(tmp_path: Path, cells: list[tuple[str, str]]) -> Document:
    return notebook(tmp_path, [{"cell_type": kind, "source": text} for kind, text in cells])


@pytest.mark.parametrize(
    "head", ["## {n}. {step}", "**{n}. {step}**", "{n}. {step}", "### {n}) {step}\n\nAs in the lecture."]
)
@pytest.mark.parametrize("has_contents", [False, True])
def test_headings_above_code_are_no_answers(tmp_path: Path, head: str, has_contents: bool) -> None:
    cells = [("markdown", "\n".join(f"{n}. {step}" for n, step in enumerate(TUTORIAL, 1)))] if has_contents else []
    for n, step in enumerate(TUTORIAL, 1):
        cells += [("markdown", head.format(n=n, step=step)), ("code", f"import torch\nx = {n}")]
    assert cut(cells_of(tmp_path, cells)) == {}


def test_answers_between_headings_above_code_are_found(tmp_path: Path) -> None:
    steps = [(kind, text) for n in "123" for kind, text in (("markdown", f"## {n}. Train"), ("code", "import torch"))]
    answers = "\n\n".join(f"{part}. {text}" for part, text in ANSWERS.items())
    read = cells_of(tmp_path, [("markdown", answers), ("markdown", "# Part 2"), *steps])
    assert texts(cut(read)) == ANSWERS


def test_a_heading_with_only_code_below_is_no_blank_answer() -> None:
    assert cut(document("# Task 1\n\n```python\nimport torch\nclass Net(nn.Module): ...\n```\n")) == {}


def test_a_capital_letter_that_only_looks_roman_is_no_number() -> None:
    assert cut(Document("a.md", (Block("\u0130\nI\n\u0131 x"),))) == {}
