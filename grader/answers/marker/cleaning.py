"""Removes from an answer what is not an answer: instructions to the marker, and a copied question.

Removed text is overwritten with spaces, so offsets stay valid.
"""

from __future__ import annotations

import re

from rapidfuzz import fuzz

INSTRUCTION = re.compile(
    r"\b(?:(?:ignore|disregard|forget|override|bypass)\b.{0,60}\b(?:above|previous|prior|key|instruction|rubric|rule|"
    r"prompt|mistake|error|check|criteria|everything|answer|guideline|expected|values)"
    r"|(?:match(?:es|ing)?|equivalent to|same as) the (?:\w+ )?(?:key|sample|rubric|solution)\b|(?:sample|model|"
    r"reference) answer|teaching assistant|debug mode|begin (?:your|the) (?:reply|response|answer|output)"
    r"|\bI (?:\w+ ){0,3}(?:confirm|certify|declare|verify|approve)|(?:confirmed|verified|approved|reviewed) (?:as )?"
    r"(?:correct|right|by)|(?:record|treat|count|regard|consider) (?:this|it|my|the)\b.{0,30}\b(?:correct|right|as if)"
    r"|\bworth (?:1|full|100)|stop reading"
    r"|(?:full|max(?:imum)?|top|perfect|highest|all(?: the)?|complete|total) (?:\w+ )?(?:marks?|scores?|"
    r"credits?|grades?|points?)"
    r"|(?:full|maximum) credit|100 ?(?:%|percent|/ ?100|points|marks)"
    r"|(?:this|the|my) (?:answer|response|submission|part|question) (?:is|must|should|shall|has to|needs? to|"
    r"will|deserves?"
    r"|was|counts?) (?:\w+ )?(?:be |to |as |already )*(?:\w+ )?(?:correct|right|receive|receives?|get|gets|"
    r"marked|graded|awarded|scored|score|"
    r"accepted|given|pass|passed|approved|verified|treated|considered)"
    r"|(?:auto-?\s?)?(?:grader|marker|grading|marking|scoring|scorer)\b(?!.{0,10}\bof the network)"
    r"|(?:dear|hello|hi|hey|attention|note to|message (?:to|for)|to) (?:the )?(?:ai|llm|model|chat ?gpt|claude|"
    r"assistant|tutor|"
    r"examiner|professor|teacher|script|system|bot)\b"
    r"|as an ai\b|you are (?:now )?(?:an? )?(?:ai|llm|helpful|assistant|generous|kind)\b|language model"
    r"|system ?(?:prompt|message|override|note|:)|<\/?\s*(?:system|instruction|prompt|admin)"
    r"|(?:award|assign|grant|give|set|return|output|print|report) (?:\w+ ){0,4}(?:marks?|score|credit|grade|"
    r"points?|awarded|"
    r"confidence|1\.0|passed)\b|\b(?:awarded|score|mark|grade|gold|confidence|"
    r"status)[\"']?\s*[:=]\s*[\"']?(?:1\b|1\.0|100|full|max|pass)"
    r"|accept (?:whatever|any|anything|everything|this|all|it)\b|mark (?:this|it|me|my|as|everything|all)\b"
    r"|(?:instructor|lecturer|professor|tutor|convenor|teacher|staff) (?:\w+ )?(?:said|says|told|has|agreed|"
    r"approved|confirmed|allows?|wants?)"
    r"|please (?:be )?(?:give|award|pass|generous|lenient|kind|mark|accept|grade|don't deduct|do not deduct))",
    re.IGNORECASE,
)
SCORE = re.compile(
    r"\b(?:awarded|score|mark|grade|gold|confidence|status|result)[\"']?\s*[:=]\s*[\"']?(?:1(?:\.0+)?\b|100\b|full|max|pass)\w*",
    re.IGNORECASE,
)
"""A mark that the answer gives itself; it may contain a colon, which ends a piece."""
PIECES = re.compile(
    r"\([^()]*\)|\[[^\[\]]*\]|<!--(?:(?!<!--).)*?-->|(?:(?!\s--)(?:[^.!?;:\n()—]|(?<=\d)\.(?=\d)))+[.!?;:\n]*|\s--+|—|[()]"
)
"""Units that are removed with an instruction in them: a sentence, a clause after a colon or dash, a bracket."""
ALIKE = 90.0
"""Similarity to the question (rapidfuzz ratio, 0..100) from which a text counts as a copy of it."""
SHORTEST_QUESTION = 20


def without_instructions(text: str) -> tuple[str, bool]:
    """The text with every piece that addresses the marker overwritten, and whether there was one."""
    text, scores = SCORE.subn(lambda match: _blank(match.group()), text)
    found = scores > 0
    pieces = []
    end = 0
    for match in PIECES.finditer(text):
        pieces.append(text[end : match.start()])
        end = match.end()
        piece = match.group()
        if INSTRUCTION.search(piece):
            found = True
            piece = _blank(piece)
        pieces.append(piece)
    return "".join(pieces) + text[end:], found


def blank_out_question(text: str, question: str) -> str:
    """The text with a copy of the question overwritten, wherever it is; ``question`` is as the key has it."""
    asked = question.strip().lower().rstrip("?.: ")
    if len(asked) < SHORTEST_QUESTION or len(text) < len(asked) * 0.8:
        return text
    where = fuzz.partial_ratio_alignment(asked, text.lower(), score_cutoff=ALIKE)
    if where is None or len(text.lower()) != len(text) or where.dest_end - where.dest_start < len(asked) * 0.8:
        return text
    start, end = where.dest_start, where.dest_end
    while end < len(text) and text[end] in "?.: ":
        end += 1
    return text[:start] + _blank(text[start:end]) + text[end:]


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
