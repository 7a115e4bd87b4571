"""Turns an answer's text into tokens: stems with their offsets, after contractions, spelling and typing errors.

This is general English only; the key says which words an answer should contain.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property, lru_cache

import snowballstemmer
from rapidfuzz import process
from rapidfuzz.distance import OSA

STEMMER = snowballstemmer.stemmer("english")
STEMMING = threading.Lock()
"""The stemmer has state, and submissions are marked in several threads."""
BREAK = "."
"""The stem that stands for the end of a sentence, a line or a list item."""
PAUSE = ","
DROPPED = frozenset([
    "the", "a", "an", "of", "its", "their", "our", "this", "these", "those", "very", "really", "basically",
    "actually", "simply", "quite",
])  # fmt: skip
"""Words that do not change the meaning here; they are dropped from patterns too."""
TO_TEN = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
NUMBERS = {**{word: str(number) for number, word in enumerate(TO_TEN)}, "single": "1"}
CONTRACTED = {
    "cannot": ("can", "not"), "cant": ("can", "not"), "dont": ("do", "not"), "doesnt": ("do", "not"),
    "isnt": ("is", "not"), "arent": ("is", "not"), "didnt": ("do", "not"), "wont": ("will", "not"),
    "wouldnt": ("would", "not"), "shouldnt": ("should", "not"), "couldnt": ("could", "not"),
    "wasnt": ("is", "not"), "havent": ("have", "not"), "hasnt": ("have", "not"), "neednt": ("need", "not"),
    "em": ("them",), "dropouts": ("dropout",), "outputted": ("output",), "w": ("w",), "pics": ("picture",),
    "pic": ("picture",), "images": ("image",), "imgs": ("image",), "img": ("image",), "params": ("parameter",),
    "param": ("parameter",), "hyperparam": ("hyperparameter",), "hyperparams": ("hyperparameter",),
    "convnets": ("cnn",), "convnet": ("cnn",), "cnns": ("cnn",), "nets": ("network",), "net": ("network",),
    "nns": ("network",), "nn": ("network",), "dnn": ("network",), "chosen": ("choose",), "choosen": ("choose",),
    "chose": ("choose",),
    "made": ("make",), "learnt": ("learn",), "taught": ("teach",), "built": ("build",), "found": ("find",),
    "fed": ("feed",), "given": ("give",), "gave": ("give",), "saw": ("see",), "seen": ("see",),
    "are": ("is",), "was": ("is",), "were": ("is",), "be": ("is",), "been": ("is",), "being": ("is",),
    "has": ("have",), "had": ("have",), "does": ("do",), "did": ("do",), "done": ("do",),
    "written": ("write",), "wrote": ("write",), "shrunk": ("shrink",), "slid": ("slide",), "held": ("hold",),
    "multiple": ("several",),
    "kept": ("keep",), "went": ("go",), "goes": ("go",), "put": ("put",), "laid": ("lay",), "thrown": ("throw",),
}  # fmt: skip
"""Short and irregular forms, so that a pattern needs only the base form."""
SPELLING = ((re.compile(r"is(e|ed|es|er|ers|ing|ation|ations)$"), r"iz\1"), (re.compile(r"yse"), "yze"))
KEPT_IS = frozenset([
    "otherwise", "likewise", "noise", "raise", "wise", "rise", "precise", "exercise", "premise", "promise", "arise",
    "advise",
])  # fmt: skip
OUR = re.compile(r"^(col|neighb|behavi|fav)our")
MADE_SO = re.compile(r"(general|regular|normal|initial|memor)i[sz](?!e?m)")
"""Verbs that the stemmer would confuse with the adjective: "generalise" is not "general"."""
KINDS_OF_LEARNING = frozenset(("deep", "machin", "shallow", "tradit", "classic"))
"""Words after which "learning" is part of a name and not a verb."""
COMPOUND = {
    ("drop", "out"): "dropout", ("over", "fit"): "overfit", ("sub", "sampl"): "subsampl",
    ("down", "sampl"): "downsampl", ("down", "siz"): "downsiz", ("hyper", "paramet"): "hyperparamet",
    ("co", "adapt"): "coadapt", ("non", "linear"): "nonlinear", ("non", "linearity"): "nonlinear",
    ("multi", "layer"): "multilay", ("hand", "craft"): "handcraft", ("hand", "engin"): "handengin",
    ("hand", "made"): "handmad", ("hand", "make"): "handmad", ("hand", "design"): "handdesign",
    ("pre", "process"): "preprocess", ("data", "set"): "dataset", ("over", "fitting"): "overfit",
}  # fmt: skip
SIZE = "nxn"
"""The stem that stands for a size such as 5x5, so that its digits are not taken for a count."""
TOKEN = re.compile(
    r"(?P<size>(?<![\w.])\d+\s?(?:x|×|\*|by)\s?\d+(?:\s?[x×*]\s?\d+)?(?![\w]))|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)|(?P<number>\d+(?:[.,]\d+)*)|(?P<end>[.;!?\n•]|\\\\)|(?P<pause>[,:|])"
    r"|(?P<sign>[×*+=>/→-])"
)
ABBREVIATED = re.compile(r"\b(?:e\.g|i\.e|resp|vs|approx|incl|cf|etc(?=\.,?\s[a-z]))\.", re.IGNORECASE)
"""Abbreviations, whose full stop does not end a sentence."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
SIGNS = {"×": "times", "*": "*", "+": "plus", "=": "=", ">": ">", "/": "/", "→": ">", "-": ""}
CLAUSE_WORDS = frozenset([
    "but", "while", "wherea", "whilst", "unlik", "versus", "vs", "though", "although", "instead", "rather", "oppos",
    "contrast", "compar", "and", "which", "so", "becaus", "where", "that",
])  # fmt: skip
"""Words that start a clause."""
SHORT_WORD, LONG_WORD, LONGER_WORD = 3, 5, 9
"""Letters of the shortest word that is corrected for two swapped letters, for one wrong letter, and for two."""


@dataclass(frozen=True)
class Token:
    """A stem and its characters [start, end) in the answer. ``is_guessed`` says that a typing error was corrected."""

    stem: str
    start: int
    end: int
    is_guessed: bool = False


@dataclass(frozen=True)
class Reading:
    """An answer as tokens. ``line`` has their stems, with a space after each; ``starts`` their offsets in ``line``."""

    tokens: tuple[Token, ...]
    line: str
    starts: tuple[int, ...]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The set of stems."""
        return frozenset(token.stem for token in self.tokens)

    def sentences(self) -> list[tuple[int, int]]:
        """The [start, end) of each sentence in ``line``, without its end."""
        found, begin = [], 0
        for token, start in zip(self.tokens, self.starts, strict=True):
            if token.stem == BREAK:
                if start > begin:
                    found.append((begin, start))
                begin = start + len(BREAK) + 1
        if begin < len(self.line):
            found.append((begin, len(self.line)))
        return found

    def clauses(self) -> list[tuple[int, int]]:
        """The token numbers [first, end) of each clause, including the word that starts it."""
        found, begin = [], 0
        for place, token in enumerate(self.tokens):
            if token.stem in CLAUSE_WORDS or token.stem in (BREAK, PAUSE):
                if place > begin:
                    found.append((begin, place))
                begin = place + (token.stem in (BREAK, PAUSE))
        if begin < len(self.tokens):
            found.append((begin, len(self.tokens)))
        return found


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The stem of one lower-case word in American spelling; numbers up to ten become digits."""
    if word in NUMBERS:
        return NUMBERS[word]
    if verb := MADE_SO.match(word):
        return f"{verb[1]}iz"
    if len(word) > LONG_WORD and word not in KEPT_IS:
        for pattern, replacement in SPELLING:
            word = pattern.sub(replacement, word)
    word = OUR.sub(r"\1or", word)
    with STEMMING:
        return str(STEMMER.stemWord(word))


def _words(text: str) -> list[Token]:
    """The tokens, before compounds are joined and typing errors corrected."""
    tokens = []
    text = ABBREVIATED.sub(lambda short: short.group().replace(".", " "), text)
    for match in TOKEN.finditer(text):
        kind, raw = match.lastgroup, match.group()
        start, end = match.span()
        if kind == "end":
            tokens.append(Token(BREAK, start, end))
        elif kind == "pause":
            tokens.append(Token(PAUSE, start, end))
        elif kind == "sign":
            if SIGNS[raw]:
                tokens.append(Token(SIGNS[raw], start, end))
        elif kind == "size":
            tokens.append(Token("1" if set(re.findall(r"\d+", raw)) == {"1"} else SIZE, start, end))
        elif kind == "number":
            whole = re.sub(r"[.,]0+$", "", raw)
            tokens.append(Token(whole.replace(",", "").replace(".", "_"), start, end))
        else:
            begin = start
            for piece in CAMEL.split(raw):
                tokens += [Token(part, begin, begin + len(piece)) for part in _parts(piece)]
                begin += len(piece)
    return tokens


def _parts(piece: str) -> tuple[str, ...]:
    word = unicodedata.normalize("NFKC", piece).lower().replace("’", "'")
    if word.endswith("n't"):
        return (*_parts(word[:-3] if word != "can't" else "can"), "not")
    word = word.partition("'")[0] if word.endswith(("'s", "'re", "'ve", "'ll", "'d", "'m")) else word.replace("'", "")
    if word in CONTRACTED:
        return tuple(stem(part) for part in CONTRACTED[word])
    return () if word in DROPPED or not word else (stem(word),)


@lru_cache(maxsize=50_000)
def _corrected(word: str, root: str, vocabulary: frozenset[str]) -> str | None:
    """The stem of the vocabulary's word that a misspelt word probably means; None when there is none."""
    if root in vocabulary or word in vocabulary or len(word) < SHORT_WORD or not word.isalpha():
        return None
    near = sorted(known for known in vocabulary if known[:1] == word[:1] and abs(len(known) - len(word)) <= 2)
    if len(word) < LONG_WORD:  # two swapped letters, or a missing one
        meant = [known for known in near if sorted(known) == sorted(word)]
        if len(word) == LONG_WORD - 1:
            meant += [known for known in near if len(known) == LONG_WORD and OSA.distance(word, known) == 1]
        return _root(meant[0], vocabulary) if meant else None
    near = [known for known in near if len(known) >= LONG_WORD - 1]
    for form in (word, root):
        most = 2 if len(form) >= LONGER_WORD else 1
        found = process.extract(form, near, scorer=OSA.distance, score_cutoff=most, limit=None)
        if found and len(form) >= LONG_WORD:
            best = min(found, key=lambda hit: (hit[1], abs(len(hit[0]) - len(form)), hit[0][-1:] != form[-1:]))[0]
            return _root(best, vocabulary)
    return None


def _root(word: str, vocabulary: frozenset[str]) -> str:
    """The stem of a word of the vocabulary, which may itself be a stem."""
    parts = _parts(word)
    return parts[0] if len(parts) == 1 and parts[0] in vocabulary else word


def read(text: str, vocabulary: Collection[str] = ()) -> Reading:
    """The text as tokens; misspelt words of ``vocabulary`` (words and stems) are corrected and marked."""
    known = vocabulary if isinstance(vocabulary, frozenset) else frozenset(vocabulary)
    tokens: list[Token] = []
    for word in _words(text):
        corrected = _corrected(text[word.start : word.end].lower(), word.stem, known) if known else None
        token = Token(corrected, word.start, word.end, True) if corrected else word
        if tokens and (joined := COMPOUND.get((tokens[-1].stem, token.stem))):
            tokens[-1] = Token(joined, tokens[-1].start, token.end, tokens[-1].is_guessed)
            continue
        if tokens and tokens[-1].stem in KINDS_OF_LEARNING and text[token.start : token.end].lower() == "learning":
            tokens[-1] = Token(tokens[-1].stem, tokens[-1].start, token.end, tokens[-1].is_guessed)
            continue
        tokens.append(token)
    return assembled(tokens)


def assembled(tokens: Collection[Token]) -> Reading:
    """A reading made of these tokens."""
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token.stem) + 1
    return Reading(tuple(tokens), "".join(f"{token.stem} " for token in tokens), tuple(starts))
