"""What an error of Python or torch means for the line that raised it: one sentence, and what to try.

The sentence is in the words of the lab and shows no corrected code; the hint may. Without a meaning here, a check shows
the error itself.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.checks.case import listed
from grader.checks.problem_text import at
from grader.checks.written_calls import LONGEST_CALL, calls, calls_of, created_with_input, name_of, shown
from grader.model.evidence import Problem
from grader.model.quantities import quantity


@dataclass(frozen=True)
class Meaning:
    """What is wrong, as a sentence, and what to try; ``fault`` as in a finding."""

    message: str
    hint: str
    fault: str = ""


LAYER = "layer-call"
"""The fault that a layer stands where a tensor belongs, as the kind of its repair is called."""


def meaning(problem: Problem, *, in_forward: bool) -> Meaning | None:
    """What an error in a line of the student's code means; None if only its own text can be shown."""
    if not problem.line:
        return None
    call = created_with_input(problem.code) if in_forward and problem.exception != "NameError" else None
    if call is not None:
        return layer_created(call, problem)
    for pattern, explain in _MEANINGS:
        if found := pattern.search(problem.message):
            return explain(found, problem)
    return None


def layer_created(call: ast.Call, problem: Problem) -> Meaning:
    """The meaning of ``nn.ReLU(x)`` in forward."""
    layer = name_of(call)
    name = layer.rpartition(".")[2]
    rest = ", ".join(ast.unparse(part) for part in (*call.args[1:], *call.keywords))[:LONGEST_CALL]
    ways = [_FUNCTIONS[name]] if name in _FUNCTIONS else []
    if name in {"Linear", "Conv2d", "Dropout", "Dropout2d"}:
        ways.append(f"self.name(x) with a layer that __init__ creates: self.name = {layer}(...)")
    elif rest or name not in {"MaxPool2d", "AvgPool2d", "LogSoftmax", "Softmax"}:
        ways.append(f"{layer}({rest})(x): the first brackets make the layer, the second ones apply it")
    return Meaning(
        f"{shown(call)}{at(problem)} makes a layer and does not apply it.", f"Write {', or '.join(ways)}.", LAYER
    )


_FUNCTIONS = {
    "ReLU": "F.relu(x)",
    "MaxPool2d": "F.max_pool2d(x, 2)",
    "AvgPool2d": "F.avg_pool2d(x, 2)",
    "Flatten": "torch.flatten(x, 1)",
    "LogSoftmax": "F.log_softmax(x, dim=1)",
    "Softmax": "F.softmax(x, dim=1)",
    "Dropout": "F.dropout(x, training=self.training)",
    "Dropout2d": "F.dropout2d(x, training=self.training)",
}
LAYERS = (*_FUNCTIONS, "Linear", "Conv2d", "Sequential")
_ARGUMENTS = {
    "Conv2d": "nn.Conv2d(input channels, output channels, kernel size)",
    "Linear": "nn.Linear(inputs, outputs)",
    "MaxPool2d": "nn.MaxPool2d(size)",
    "AvgPool2d": "nn.AvgPool2d(size)",
    "Dropout": "nn.Dropout(share that is dropped)",
    "Dropout2d": "nn.Dropout2d(share that is dropped)",
    "max_pool2d": "F.max_pool2d(x, size)",
    "avg_pool2d": "F.avg_pool2d(x, size)",
    "relu": "F.relu(x)",
    "dropout": "F.dropout(x, training=self.training)",
    "log_softmax": "F.log_softmax(x, dim=1)",
    "flatten": "torch.flatten(x, 1)",
}
"""How a layer or a function is called; without the numbers of any solution."""
_MISSING_WORDS = {
    "kernel_size": "a kernel size",
    "in_features": "a number of inputs",
    "out_features": "a number of outputs",
    "in_channels": "a number of input channels",
    "out_channels": "a number of output channels",
    "input": "the tensor that it is applied to",
}


def _missing(found: re.Match[str], problem: Problem) -> Meaning:
    owner, method, names = found[1] or "", found[2], re.findall(r"'(\w+)'", found[3])[:6]
    words = listed([_MISSING_WORDS.get(name, f"the argument {name}") for name in names])
    if method == "forward":
        call = next((call for call in calls(problem.code) if not call.args and "self" in name_of(call)), None)
        what = shown(call) if call is not None else f"A layer ({owner})"
        hint = f"Apply it to a tensor: {name_of(call)}(x)." if call is not None else "Write the tensor in the brackets."
        return Meaning(f"{what}{at(problem)} gets no tensor.", hint)
    function = owner if method == "__init__" else method
    call = min(calls_of(problem.code, function), key=_count, default=None)
    hint = _how_to_call(call, function, "Add what is missing in that line.")
    if call is None:
        return Meaning(f"{function.strip('_')}{at(problem)} needs {words}.", hint)
    given = _count(call)
    total = "" if call.keywords else f" has only {given} of {given + len(names)} arguments"
    tail = f": {shown(call)}{total or ' does not give it'}" if given else f", and {shown(call)} has no arguments"
    return Meaning(f"{name_of(call)}{at(problem)} needs {words}{tail}.", hint)


def _too_many(found: re.Match[str], problem: Problem) -> Meaning | None:
    owner, method, most, given = found[1] or "", found[2], int(found[3]), int(found[4])
    bound = 1 if owner else 0  # self is counted, too
    function = owner if method == "__init__" else method
    call = max(calls_of(problem.code, function), key=_count, default=None)
    if method == "forward":
        call = next((call for call in calls(problem.code) if _count(call) == given - bound), None)
    name = name_of(call) if call is not None else function.strip("_")
    takes = f"takes at most {quantity(most - bound, 'argument')}" if most > bound else "takes no arguments"
    written = f"{shown(call)} has {given - bound}" if call is not None else f"it gets {given - bound}"
    hint = _how_to_call(call, function, "Leave out what is too much in that line.")
    return Meaning(f"{name}{at(problem)} {takes}, but {written}.", hint)


def _unknown_keyword(found: re.Match[str], problem: Problem) -> Meaning:
    owner, method, word = found[1] or "", found[2], found[3]
    function = owner if method == "__init__" else method
    call = next((call for call in calls_of(problem.code, function)), None)
    name = name_of(call) if call is not None else function.strip("_")
    hint = _how_to_call(call, function, "Correct the name before the equals sign, or leave it out.")
    return Meaning(f"{name}{at(problem)} has no argument called {word}.", hint)


def _not_a_number(found: re.Match[str], problem: Problem) -> Meaning | None:
    if (too_many := _long_linear(problem)) is not None:
        return too_many
    kind = next((name for name in ("str", "float", "Tensor", "list") if name in found[0]), "")
    words = {"str": "a text", "float": "a number with a decimal point", "Tensor": "a tensor", "list": "a list"}
    if not kind:
        return None
    hints = {
        "str": "Write the number without quotation marks.",
        "float": "Write a whole number; a division that gives one is written with //.",
        "Tensor": "Give the layer numbers when it is created, and the tensor when it is applied in forward.",
    }
    return Meaning(
        f"A layer{at(problem)} gets {words[kind]} where a whole number belongs.",
        hints.get(kind, "Write a whole number there."),
    )


def _long_linear(problem: Problem) -> Meaning | None:
    """A fully connected layer with more numbers than it has sizes; torch takes the others for its data type."""
    call = next((call for call in calls_of(problem.code, "Linear") if len(call.args) > 3), None)
    if call is None:
        return None
    message = f"{name_of(call)}{at(problem)} takes 2 numbers, but {shown(call)} has {len(call.args)} arguments."
    return Meaning(message, _how_to_call(call, "Linear", ""))


def _not_a_tensor(found: re.Match[str], problem: Problem) -> Meaning | None:
    function, kind = found[1], found[2]
    if kind[:1].isupper() and kind not in {"NoneType", "Tensor"}:
        return _layer_as_tensor(f"{function}{at(problem)}", kind)
    call = next((call for call in calls_of(problem.code, function)), None)
    name = name_of(call) if call is not None else function
    if kind == "NoneType":
        return Meaning(
            f"{name}{at(problem)} gets None instead of a tensor.",
            "Look at where this value comes from: a function without return gives None.",
        )
    return Meaning(
        f"{name}{at(problem)} needs a tensor as its first argument, but gets {_a(kind)}.",
        _how_to_call(call, function, "Write the tensor first in the brackets."),
    )


def _layer_as_tensor(subject: str, kind: str) -> Meaning:
    return Meaning(
        f"{subject} gets a layer ({kind}): it is made, but not applied to a tensor.",
        "Apply the layer, there or in a line before: self.name(x), not self.name; and F.relu(x), not nn.ReLU(x).",
        LAYER,
    )


_IMPORTS = {"F": "import torch.nn.functional as F", "nn": "import torch.nn as nn", "torch": "import torch"}
_TYPING_SLIPS = dict.fromkeys(("slef", "sefl", "sel", "Self"), "self") | {"f": "F with a capital letter", "NN": "nn"}


def _undefined(found: re.Match[str], problem: Problem) -> Meaning:
    name = found[1]
    message = f"{name} is not defined{at(problem)}."
    if name in _TYPING_SLIPS:
        return Meaning(message, f"Write {_TYPING_SLIPS[name]}.")
    if name in _IMPORTS:
        return Meaning(message, f"Import it in the first lines: {_IMPORTS[name]}.")
    if name[:1].isupper():
        return Meaning(message, f"If it is a layer of torch, write nn.{name}; otherwise define it before that line.")
    if problem.kind == "build" and name in {"x", "input", "image", "images"}:
        return Meaning(message, "Create the layer here, and apply it to the images in forward, which gets them.")
    if any(name_of(call) == name for call in calls(problem.code)):
        hint = f"If it is a layer, it needs self. before its name, here and where __init__ creates it: self.{name}."
        return Meaning(message, hint)
    return Meaning(message, "Correct the name, or give it a value in a line before that one.")


def _no_attribute(found: re.Match[str], problem: Problem) -> Meaning | None:
    name = found[2]
    if found[1] == "Tensor":
        hint = f"Look at its spelling and at its capital letters; a function of F is written F.{name.casefold()}(x)."
        return Meaning(f"A tensor has no {name}{at(problem)}.", hint)
    if problem.kind != "build" or name.startswith("_"):
        return None
    hint = f"Create it in a line before that one, with self. before its name: self.{name} = ...; or correct the name."
    if name in {"nn", "F", "torch"}:
        hint = f"{name} is a module and not a part of the network: write {name} without self."
    return Meaning(f"{found[1]} has no attribute {name} yet{at(problem)}.", hint)


def _no_function(found: re.Match[str], problem: Problem) -> Meaning:
    module, name = found[1], found[2]
    hint = f"Look at its spelling and at its capital letters: {module} has no {name}."
    if module == "torch.nn" and name[:1].islower():
        hint = f"Classes of nn begin with a capital letter: nn.{name[:1].upper()}{name[1:]}."
    return Meaning(f"{name} does not exist in {module}{at(problem)}.", hint)


def _wrong_kinds(found: re.Match[str], problem: Problem) -> Meaning:
    function = found[1]
    call = next((call for call in calls_of(problem.code, function)), None)
    name = name_of(call) if call is not None else function
    if problem.kind == "build" and function in {"conv2d", "linear", "max_pool2d"}:
        layer = {"conv2d": "Conv2d", "linear": "Linear", "max_pool2d": "MaxPool2d"}[function]
        message = f"{name}{at(problem)} is applied to a tensor; it does not make a layer."
        return Meaning(message, f"Create the layer with its class: {_ARGUMENTS[layer]}.")
    got = found[2][:80]
    hint = _how_to_call(call, function, "Look at what the function needs, and in which order.")
    return Meaning(f"{name}{at(problem)} gets arguments of the wrong kinds: {got}.", hint)


_BARE_SUPER = "Write super().__init__(), with both pairs of brackets."


def _bad_share(found: re.Match[str], problem: Problem) -> Meaning:
    message = f"A dropout{at(problem)} gets {found[1][:12]} as the share that is dropped, which is between 0 and 1."
    return Meaning(message, "Write the share as a number such as 0.2, which is 20 percent.")


def _training_is_a_number(found: re.Match[str], problem: Problem) -> Meaning:
    message = f"A dropout{at(problem)} gets {_a(found[1])} where it is told the mode: its arguments are swapped."
    return Meaning(message, "Give both arguments their names: F.dropout(x, p=..., training=self.training).")


def _how_to_call(call: ast.Call | None, function: str, otherwise: str) -> str:
    names = [name_of(call).rpartition(".")[2]] if call is not None else []
    known = next((_ARGUMENTS[name] for name in (*names, function.strip("_")) if name in _ARGUMENTS), "")
    return f"It is called like this: {known}." if known else otherwise


def _count(call: ast.Call) -> int:
    return len(call.args) + len(call.keywords)


def _a(kind: str) -> str:
    words = {"int": "a number", "float": "a number", "str": "a text", "bool": "True or False", "tuple": "a tuple"}
    return words.get(kind, f"{'an' if kind[:1] in 'aeiou' else 'a'} {kind}")


_CALLED = r"(?:(\w{1,80})\.)?(\w{1,80})\(\)"
_MEANINGS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], Problem], Meaning | None]], ...] = tuple(
    (re.compile(pattern), explain)
    for pattern, explain in (
        (rf"^{_CALLED} missing \d{{1,3}} required [a-z-]{{1,20}} arguments?: (.{{1,300}})", _missing),
        (rf"^{_CALLED} takes (?:from \d{{1,3}} to )?(\d{{1,3}}) positional arguments? but (\d{{1,3}}) w", _too_many),
        (rf"^{_CALLED} got an unexpected keyword argument '(\w{{1,80}})'", _unknown_keyword),
        (r"^empty\(\): argument '(?:size|dtype)'.{0,200}", _not_a_number),
        (r"^dropout\(\): argument 'train' \(position 3\) must be bool, not (\w{1,40})", _training_is_a_number),
        (r"^(\w{1,80})\(\): argument 'input' \(position 1\) must be Tensor, not (\w{1,80})", _not_a_tensor),
        (r"^(\w{1,80})\(\) received an invalid combination of arguments - got (\([^)]{0,200}\))", _wrong_kinds),
        (
            rf"^'({'|'.join(LAYERS)})' object has no attribute '([a-z]\w{{0,80}})'",
            lambda found, problem: _layer_as_tensor(f"{found[2]}{at(problem)}", found[1]),
        ),
        (r"^'(\w{1,80})' object has no attribute '(\w{1,80})'", _no_attribute),
        (r"^module '([\w.]{1,80})' has no attribute '(\w{1,80})'", _no_function),
        (r"^name '(\w{1,80})' is not defined", _undefined),
        (
            r"^descriptor '__init__' of 'super' object needs an argument",
            lambda _, problem: Meaning(f"super has no brackets{at(problem)}.", _BARE_SUPER),
        ),
        (r"^dropout probability has to be between 0 and 1, but got (.{1,40})", _bad_share),
    )
)
