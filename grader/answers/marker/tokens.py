"""English as the marker sees it: an answer's text becomes stems with the place each came from.

What an answer should say is not here; that is the key's. Only general English lives here: contractions, spelling,
negation, hedging, and the marks of a bag of words.
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
"""The stemmer keeps the word that it works on in itself, and submissions are marked in several threads."""
BREAK = "."
"""The stem that stands for the end of a sentence, a line or a list item."""
PAUSE = ","
DROPPED = frozenset([
    "the", "a", "an", "of", "its", "their", "our", "this", "these", "those", "very", "really", "basically",
    "actually", "simply", "quite",
])  # fmt: skip
"""Words that never change what is meant here; patterns lose them as well."""
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
"""Short forms and irregular ones, so that a pattern needs only the plain word."""
SPELLING = ((re.compile(r"is(e|ed|es|er|ers|ing|ation|ations)$"), r"iz\1"), (re.compile(r"yse"), "yze"))
KEPT_IS = frozenset([
    "otherwise", "likewise", "noise", "raise", "wise", "rise", "precise", "exercise", "premise", "promise", "arise",
    "advise",
])  # fmt: skip
OUR = re.compile(r"^(col|neighb|behavi|fav)our")
MADE_SO = re.compile(r"(general|regular|normal|initial|memor)i[sz](?!e?m)")
"""Verbs that the stemmer would not tell from the plain word: "generalise" is not "general"."""
KINDS_OF_LEARNING = frozenset(("deep", "machin", "shallow", "tradit", "classic"))
"""What makes "learning" after it a name, and no verb."""
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
"""What ends with a full stop and ends no sentence."""
CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
SIGNS = {"×": "times", "*": "*", "+": "plus", "=": "=", ">": ">", "/": "/", "→": ">", "-": ""}
CONTRASTS = frozenset({
    ("rather", "than"), ("instead", ""), ("oppos", "to"), ("except", ""), ("unlik", ""), ("contrari", "to"),
    ("contrast", "to"), ("contrast", "with"), ("differ", "from"), ("other", "than"), ("compar", "to"),
    ("compar", "with"),
})  # fmt: skip
"""What follows one of these, up to the end of the clause, is said of something else."""
CLAUSE_WORDS = frozenset([
    "but", "while", "wherea", "whilst", "unlik", "versus", "vs", "though", "although", "instead", "rather", "oppos",
    "contrast", "compar", "and", "which", "so", "becaus", "where", "that",
])  # fmt: skip
"""Words that begin a clause."""
CONTRASTING = CLAUSE_WORDS - {"and", "so", "which", "where", "becaus", "that"}
"""Those that set one thing against another; the others are counted as function words."""
HEDGES = frozenset([
    "mayb", "perhap", "possibl", "either", "probabl", "unsur", "guess", "might", "or",
])  # fmt: skip
FUNCTION_WORDS = frozenset([
    "the", "a", "an", "of", "is", "are", "was", "be", "been", "it", "its", "this", "that", "these", "to", "in",
    "on", "by", "with", "from", "for", "and", "or", "as", "at", "not", "so", "than", "which", "who", "what", "when",
    "where", "how", "each", "every", "per", "into", "they", "them", "we", "you", "i", "there", "has", "have", "can",
    "will", "do", "does", "if", "but", "because", "their", "our", "us", "all", "more", "no", "any", "one", "=", ">",
    "/", "+", ",", ".", ":", ";", "-",
])  # fmt: skip
SHORT_WORD, LONG_WORD, LONGER_WORD = 3, 5, 9
"""From how many letters a word may have two letters swapped, be one letter away from a word of the key, and two."""


@dataclass(frozen=True)
class Token:
    """A stem and the characters [start, end) of the answer that it came from. ``is_guessed``: a typo was mended."""

    stem: str
    start: int
    end: int
    is_guessed: bool = False


@dataclass(frozen=True)
class Reading:
    """An answer as stems. ``line`` holds them with a space after each; ``starts`` where each begins in ``line``."""

    tokens: tuple[Token, ...]
    line: str
    starts: tuple[int, ...]

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems that there are, in no order."""
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
        """The token numbers [first, end) of each clause; a word that begins a clause belongs to it."""
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


# After stem, which it needs.
NEGATORS = frozenset(map(stem, [
    "not", "no", "never", "without", "neither", "nor", "hardly", "nobody", "none", "beyond", "exceed", "nothing",
    "lack", "fail", "unable",
]))  # fmt: skip


DENYING = NEGATORS | {"remov", "elimin", "avoid", "spare", "obviat"}
"""What denies a whole clause: "removes the need for", too."""


def _words(text: str) -> list[Token]:
    """The tokens before compounds are joined and typos mended. NFKC changes letters one for one or is not applied."""
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
def _mended(word: str, root: str, vocabulary: frozenset[str]) -> str | None:
    """The stem of the word of the vocabulary that this one was probably meant to be; None when there is none."""
    if root in vocabulary or word in vocabulary or len(word) < SHORT_WORD or not word.isalpha():
        return None
    near = sorted(known for known in vocabulary if known[:1] == word[:1] and abs(len(known) - len(word)) <= 2)
    if len(word) < LONG_WORD:  # letters that changed places, or one that was left out
        meant = [known for known in near if sorted(known) == sorted(word)]
        if len(word) == LONG_WORD - 1:
            meant += [known for known in near if len(known) == LONG_WORD and OSA.distance(word, known) == 1]
        return _root(meant[0], vocabulary) if meant else None
    near = [known for known in near if len(known) >= LONG_WORD - 1]
    for form in (word, root):
        most = 2 if len(form) >= LONGER_WORD else 1
        found = process.extract(form, near, scorer=OSA.distance, score_cutoff=most, limit=None)
        if found and len(form) >= LONG_WORD:
            best = min(found, key=lambda one: (one[1], abs(len(one[0]) - len(form)), one[0][-1:] != form[-1:]))[0]
            return _root(best, vocabulary)
    return None


def _root(word: str, vocabulary: frozenset[str]) -> str:
    """The stem of a word of the vocabulary, which may be one already."""
    parts = _parts(word)
    return parts[0] if len(parts) == 1 and parts[0] in vocabulary else word


def read(text: str, vocabulary: Collection[str] = ()) -> Reading:
    """The text as stems; words that are nearly one of ``vocabulary`` (words and stems) are mended and marked."""
    known = vocabulary if isinstance(vocabulary, frozenset) else frozenset(vocabulary)
    tokens: list[Token] = []
    for word in _words(text):
        mended = _mended(text[word.start : word.end].lower(), word.stem, known) if known else None
        token = Token(mended, word.start, word.end, True) if mended else word
        if tokens and (joined := COMPOUND.get((tokens[-1].stem, token.stem))):
            tokens[-1] = Token(joined, tokens[-1].start, token.end, tokens[-1].is_guessed)
            continue
        if tokens and tokens[-1].stem in KINDS_OF_LEARNING and text[token.start : token.end].lower() == "learning":
            tokens[-1] = Token(tokens[-1].stem, tokens[-1].start, token.end, tokens[-1].is_guessed)
            continue
        tokens.append(token)
    return assembled(tokens)


def assembled(tokens: Collection[Token]) -> Reading:
    """A reading of these tokens."""
    starts, at = [], 0
    for token in tokens:
        starts.append(at)
        at += len(token.stem) + 1
    return Reading(tuple(tokens), "".join(f"{token.stem} " for token in tokens), tuple(starts))


CONTRAST_REACH = 8
"""How many words after "rather than", in the same clause, belong to it."""
NOT_ONLY = frozenset(["onli", "just", "mere", "matter", "doubt", "more", "less", "els"])
"""After "not", these turn it into praise: "not only X" says X."""


def is_denied(reading: Reading, first: int, *, reach: int = 4, unless_followed: frozenset[str] = NOT_ONLY) -> bool:
    """Whether a negation in the same clause stands before token number ``first``, at most ``reach`` words away."""
    stems = [token.stem for token in reading.tokens]
    if stems[first] == "but":
        return False
    for place in range(first - 1, max(-1, first - 1 - CONTRAST_REACH), -1):
        word = stems[place]
        if word in (BREAK, PAUSE, "but", "=", ">"):
            return False
        after = stems[place + 1] if place + 1 < len(stems) else ""
        if word in NEGATORS and after not in unless_followed and first - place <= reach:
            return True
        if is_contrast(word, after):
            return True
    return False


def is_contrast(word: str, after: str) -> bool:
    """Whether these two words begin what is said of something else, as in "unlike" and "rather than"."""
    return (word, after) in CONTRASTS or (word, "") in CONTRASTS


def has_hedge(reading: Reading) -> bool:
    """Whether the writer leaves several things open."""
    return any(token.stem in HEDGES for token in reading.tokens)


def leaves_open(reading: Reading) -> bool:
    """Whether the writer offers alternatives and does not choose: two hedging words, one of them more than "or"."""
    hedges = [token.stem for token in reading.tokens if token.stem in HEDGES]
    return len(hedges) > 1 and any(hedge in ("mayb", "perhap", "possibl", "either") for hedge in hedges)


def is_bag_of_words(text: str, reading: Reading) -> bool:
    """Whether the text lists words and says nothing with them: eight or more, hardly one that joins others."""
    words = re.findall(r"[^\W_]+(?:['-][^\W_]+)*", text.lower())
    if sum(len(word) > 1 for word in words) < 8:  # a formula is no list of words
        return False
    joining = sum(word in FUNCTION_WORDS for word in words)
    joining += sum(token.stem in CONTRASTING for token in reading.tokens)
    pieces = [piece.split() for piece in re.split(r"[,;\n/|•]", text) if piece.strip()]
    longest = max((len(piece) for piece in pieces), default=0)
    is_list = len(pieces) >= 7 and longest <= 2
    is_sentence = text.rstrip().endswith(".") and joining > 0
    is_run = joining <= len(words) // 10 and not is_sentence and not re.search(r"[.:=>]\s|->", text) and longest >= 7
    is_run = is_run and sum(len(piece) > 3 for piece in pieces) == 1  # a second piece is a second clause
    return is_list or is_run
