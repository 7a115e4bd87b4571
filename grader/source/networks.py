"""Find networks in a script: whether its text holds one, and which class is its network if none is called Net."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from grader.source.definitions import is_blank, module_level

SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LAYER = re.compile(r"(?:Lazy)?(?:Conv|Linear|Bilinear|RNN|LSTM|GRU|Transformer)\w*|Sequential|ModuleList")
_OPERATION = re.compile(r"conv\dd|linear|max_pool\dd")
_LOOK_ALIKES = str.maketrans("ΝƝꓠПеєёε℮тτţТΤ", "NNNNeeeeettttt")
_CLOSE = re.compile(r"(my|the|our)?_?net_?\d*|nett|nets|ent|nte|neet|nnet")
_TEXT = re.compile(
    r"#[^\n]*"
    r"|\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\"|\Z)"
    r"|'''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\Z)"
    r"|\"(?:[^\"\\\n]|\\.)*+\"?"
    r"|'(?:[^'\\\n]|\\.)*+'?",
    re.S,
)
"""Comments and strings; each alternative matches once it has started, so that no text is read twice."""
_LAYER_TEXT = re.compile(r"\b(?:(?:Lazy)?(?:Conv\dd|Linear)|Sequential)\s*\(|\bF\.(?:conv\dd|linear)\b")
_CLASS_TEXT = re.compile(r"\bclass\s+\w+\s*\([^)]{0,200}\bModule\b")
_PART_TEXT = re.compile(r"\bself\.\w+\s*[=(]")


def holds_network(statements: Iterable[ast.stmt]) -> bool:
    """Whether the statements define a network that is not blank, use a layer of torch, or have a function forward."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef) and statement.name == "forward":
            return True
        for node in ast.walk(statement):
            if isinstance(node, ast.ClassDef) and is_network(node) and not is_blank(node):
                return True
            if isinstance(node, ast.Call) and makes_layer(node):
                return True
    return False


def text_holds_network(text: str) -> bool:
    """The same for text that cannot be parsed: comments and strings do not count."""
    code = without_text(text)
    if _LAYER_TEXT.search(code):
        return True
    head = _CLASS_TEXT.search(code)
    return head is not None and _PART_TEXT.search(code, head.end()) is not None


def names_network_class(text: str) -> bool:
    """Whether the text has the head of a class that inherits from Module."""
    return _CLASS_TEXT.search(without_text(text)) is not None


def without_text(code: str) -> str:
    """``code`` without comments and strings; one that never ends is kept, because the mistake may be anywhere in it."""
    return _TEXT.sub(lambda found: "" if _is_closed(found[0]) else found[0], code)


def _is_closed(text: str) -> bool:
    for quote in ('"""', "'''"):
        if text.startswith(quote):
            return len(text) >= 6 and text.endswith(quote)
    return True


def makes_layer(call: ast.Call) -> bool:
    """Whether the call makes a layer, or runs an operation, with weights: ``nn.Conv2d(...)``, ``F.linear(...)``."""
    name = last_name(call.func)
    return bool(_LAYER.fullmatch(name) or _OPERATION.fullmatch(name))


def last_name(node: ast.expr) -> str:
    """``Linear`` for ``torch.nn.Linear``; empty for anything but a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_network(node: ast.ClassDef, known: Iterable[str] = ()) -> bool:
    """Whether the class inherits from Module, Sequential or a class in ``known``, has a forward, or makes layers."""
    if {last_name(base) for base in node.bases} & {"Module", "Sequential", *known}:
        return True
    has_forward = any(isinstance(part, ast.FunctionDef) and part.name == "forward" for part in node.body)
    return has_forward or _makes_layers(node)


def _makes_layers(node: ast.ClassDef) -> bool:
    return any(isinstance(inner, ast.Call) and makes_layer(inner) for inner in ast.walk(node))


def network_classes(statements: Sequence[ast.stmt]) -> dict[str, ast.ClassDef]:
    """The classes at module level that are networks or parts of one, by name; the last of each name."""
    found: dict[str, ast.ClassDef] = {}
    for node in module_level(statements):
        if isinstance(node, ast.ClassDef) and is_network(node, found):
            found[node.name] = node
    return found


def other_network(statements: Sequence[ast.stmt]) -> ast.ClassDef | None:
    """The class that must be the network of a script without Net; None if more than one may be meant.

    That is the one whose name resembles Net, or the only one that the script builds, or the only one with layers.
    Classes that another network uses or inherits from are its parts.
    """
    classes = {name: node for name, node in network_classes(statements).items() if not is_blank(node)}
    parts = {
        inner.id
        for name, node in classes.items()
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and inner.id in classes and inner.id != name
    }
    whole = {name: node for name, node in classes.items() if name not in parts}
    built = Counter(name for name in called_names(statements) if name in whole)
    choices: list[list[str]] = [
        [name for name in whole if resembles_net(name)],
        list(built),
        [name for name, node in whole.items() if _makes_layers(node)],
        list(whole),
    ]
    for names in choices:
        if len(names) == 1:
            return whole[names[0]]
        if names:
            both = [name for name in names if name in built]
            return whole[both[0]] if len(both) == 1 else None
    return None


def called_names(statements: Sequence[ast.stmt]) -> Iterator[str]:
    """The names of what the script calls outside its classes."""
    waiting: list[ast.AST] = list(statements)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.ClassDef):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        waiting += ast.iter_child_nodes(node)


def network_object(statements: Sequence[ast.stmt]) -> tuple[str, int] | None:
    """The name and the line of the only object that the statements build as their network without a class.

    Without such an object, the only function that returns one.
    """
    makers = {
        node.name: node.lineno
        for node in module_level(statements)
        if isinstance(node, ast.FunctionDef) and _returns_network(node)
    }
    found: dict[str, ast.Assign] = {}
    for node in module_level(statements):
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            continue
        call = node.value
        while (
            isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and isinstance(call.func.value, ast.Call)
        ):
            call = call.func.value  # nn.Sequential(...).to(device)
        if isinstance(call, ast.Call) and last_name(call.func) in {"Sequential", *makers}:
            found[node.targets[0].id] = node
    used = {
        inner.id
        for name, node in found.items()
        for inner in ast.walk(node.value)
        if isinstance(inner, ast.Name) and inner.id != name
    }
    whole = {name: node for name, node in found.items() if name not in used}
    objects = [(name, node.lineno) for name, node in whole.items()] or list(makers.items())
    return objects[0] if len(objects) == 1 else None


def _returns_network(function: ast.FunctionDef) -> bool:
    """Whether the function makes a Sequential and returns something."""
    inner = list(ast.walk(function))
    makes = any(isinstance(node, ast.Call) and last_name(node.func) == "Sequential" for node in inner)
    return makes and any(isinstance(node, ast.Return) and node.value is not None for node in inner)


def resembles_net(name: str) -> bool:
    """Whether the name is a misspelt Net, or looks like it in another alphabet."""
    return is_look_alike(name) or bool(_CLOSE.fullmatch(name.casefold().strip("_")))


def is_look_alike(name: str) -> bool:
    """Whether the name looks like Net but has letters of another alphabet."""
    return name != "Net" and not name.isascii() and skeleton(name).casefold() == "net"


def skeleton(name: str) -> str:
    """The name with Greek, Cyrillic and accented letters replaced by the Latin letters that they resemble."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", name).translate(_LOOK_ALIKES))
    return "".join(letter for letter in plain.translate(_LOOK_ALIKES) if not unicodedata.combining(letter))
