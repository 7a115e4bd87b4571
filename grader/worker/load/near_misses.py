"""Find the class that a student probably meant if the script has no class ``Net``, and word the problem."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model.evidence import Problem
from grader.source.definitions import module_level
from grader.source.script import Script

_LOOK_ALIKES = str.maketrans("ΝƝꓠПеєёε℮тτţТΤ", "NNNNeeeeettttt")
_LIKELY = re.compile(r"net|cnn|model|lenet|convnet|network|mnist", re.IGNORECASE)
_CLOSE = re.compile(r"(my|the|our)?_?net_?\d*|nett|nets|ent|nte|neet|nnet")
_COMMENTED_OUT = re.compile(r"^\s*#\s*class\s+Net\b", re.MULTILINE)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class _Candidate:
    name: str
    line: int
    is_module: bool
    what: str


def missing_net(script: Script, statements: Sequence[ast.stmt]) -> tuple[Problem, tuple[str, ...]]:
    """The problem (kind near-miss or no-net), and names that may be a misspelt Net, the most likely first."""
    nested = _nested_net(statements)
    if nested is not None:
        outer, line = nested
        place = f"{script.where(line)} defines Net inside {outer}"
        message = f"{place}, where other code cannot use it; move it to the top level, without indentation."
        return script.problem("near-miss", message, line), ("Net",)
    candidates = _candidates(statements)
    alike = [candidate for candidate in candidates if _is_look_alike(candidate.name)]
    close = [candidate for candidate in candidates if candidate.is_module and _is_close(candidate.name)]
    likely = [candidate for candidate in candidates if candidate.is_module and _LIKELY.search(candidate.name)]
    modules = [candidate for candidate in candidates if candidate.is_module and candidate.what == "class"]
    near = tuple(dict.fromkeys(candidate.name[:80] for candidate in (*alike, *close, *likely, *modules)))[:10]
    if alike:
        return _look_alike_problem(script, alike[0]), near
    chosen = close[0] if close else modules[0] if len(modules) == 1 else likely[0] if len(likely) == 1 else None
    if chosen is not None:
        return _near_miss_problem(script, chosen), near
    if near:
        message = f"No class is called Net; the script defines {', '.join(near)}. Name the network's class Net."
    elif commented := _COMMENTED_OUT.search(script.text):
        line = script.text[: commented.end()].count("\n") + 1
        return script.problem("no-net", f"{script.where(line)} has class Net commented out; remove the #.", line), ()
    else:
        message = "The script has no class called Net and no class with a similar name."
    return script.problem("no-net", message), near


def skeleton(name: str) -> str:
    """The name with Greek, Cyrillic and accented letters replaced by the Latin letters that they resemble."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).translate(_LOOK_ALIKES))
    return "".join(letter for letter in plain.translate(_LOOK_ALIKES) if not unicodedata.combining(letter))


def _is_look_alike(name: str) -> bool:
    return name != "Net" and not name.isascii() and skeleton(name).casefold() == "net"


def _is_close(name: str) -> bool:
    return bool(_CLOSE.fullmatch(name.casefold().strip("_")))


def _look_alike_problem(script: Script, found: _Candidate) -> Problem:
    odd = next(letter for letter in found.name if not letter.isascii())
    letter = unicodedata.name(odd, "a letter outside ASCII").title()
    place = f"{script.where(found.line)} defines {found.name[:80]}"
    message = f"{place}, which only looks like Net: it contains a {letter}; type the name again."
    return script.problem("near-miss", message, found.line)


def _near_miss_problem(script: Script, found: _Candidate) -> Problem:
    where = script.where(found.line)
    verbs = {"class": "defines the class", "function": "defines the function", "import": "imports", "object": "makes"}
    verb = verbs[found.what]
    advice = "rename it to Net" if found.what != "object" else "write the network as a class called Net"
    message = f"{where} {verb} {found.name[:80]}, but the script has no Net; {advice}."
    return script.problem("near-miss", message, found.line)


def _nested_net(statements: Sequence[ast.stmt]) -> tuple[str, int] | None:
    for statement in module_level(statements):
        if not isinstance(statement, _SCOPES):
            continue
        for node in ast.walk(statement):
            if node is not statement and isinstance(node, ast.ClassDef) and node.name == "Net":
                what = "the class" if isinstance(statement, ast.ClassDef) else "the function"
                return f"{what} {statement.name[:80]}", node.lineno
    return None


def _candidates(statements: Sequence[ast.stmt]) -> list[_Candidate]:
    """Classes, functions, imported names and network objects at module level, in order; the last of each name."""
    found: dict[str, _Candidate] = {}
    modules: set[str] = set()
    for node in module_level(statements):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base).split(".")[-1] for base in node.bases}
            is_module = bool(bases & (modules | {"Module", "Sequential"})) or any(
                isinstance(statement, ast.FunctionDef) and statement.name == "forward" for statement in node.body
            )
            modules |= {node.name} if is_module else set()
            found[node.name] = _Candidate(node.name, node.lineno, is_module, "class")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.setdefault(node.name, _Candidate(node.name, node.lineno, False, "function"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in {"torch", "torchvision"}:
            for alias in node.names:
                name = alias.asname or alias.name
                is_likely = bool(_LIKELY.search(name)) and name[:1].isupper()
                found.setdefault(name, _Candidate(name, node.lineno, is_likely, "import"))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            builds = isinstance(node.value, ast.Call) and ast.unparse(node.value.func).split(".")[-1] == "Sequential"
            found.setdefault(name, _Candidate(name, node.lineno, builds, "object"))
    return list(found.values())
