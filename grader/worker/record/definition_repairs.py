"""Repair what a network lacks when forward asks for it: a layer in a tuple, an attribute or a name that do not exist.

A layer that does not exist gets a stand-in by its name (``drop``, ``fc2``) only if no layer with a similar name was
declared and left unused.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from types import FunctionType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from grader.model.evidence import Problem, Repair
from grader.model.images import CLASSES
from grader.worker.record.misspelt import repaired_spelling
from grader.worker.record.places import moved_to, tree_of

_LEAST_LIKENESS = 0.6
_STAND_INS: tuple[tuple[str, Callable[[], nn.Module], str], ...] = (
    (r"drop|^do?_?\d*$", nn.Dropout, "a dropout"),
    (r"relu|act", nn.ReLU, "a ReLU"),
    (r"pool|^mp", lambda: nn.MaxPool2d(2), "a max-pooling of 2"),
    (r"flat", nn.Flatten, "a flatten step"),
    (r"soft", lambda: nn.LogSoftmax(1), "a log-softmax"),
    (r"conv|^c_?\d", lambda: nn.LazyConv2d(16, 5), "a convolution"),
    (r"fc|lin|dense|full|out|^[fl]_?\d", lambda: nn.LazyLinear(CLASSES), "a fully connected layer"),
)
"""Stand-ins by what a layer's name contains, with the words for them; any other name gets one that does nothing."""


def repaired_definition(net: nn.Module, error: Exception, problem: Problem) -> Repair | None:
    """Repair ``net`` or its module after ``error`` in forward; the repair, or None if there is none.

    ``problem`` describes the error.
    """
    if isinstance(error, AttributeError) and isinstance(error.obj, nn.Module) and isinstance(error.name, str):
        return _missing_attribute(error.obj, error.name, error, problem)
    if isinstance(error, NameError) and isinstance(error.name, str):
        return _name(net, error, error.name)
    if isinstance(error, NotImplementedError):
        return _forward_name(net)
    if isinstance(error, TypeError) and "tuple" in str(error):
        if found := _layer_in_tuple(net):
            return found
        if _rewritten(net, _without_commas):
            message = "a comma at the end of a line makes a tuple"
            return Repair("comma", "", message, assumed="there were no comma there")
    created: list[int] = []
    if isinstance(error, (TypeError, AttributeError, RuntimeError)) and _rewritten(net, _with_calls, created):
        message = "a layer is created with its input, as in nn.ReLU(x), instead of being called with it"
        made = moved_to(problem, error, (vars(type(net))["forward"].__code__.co_filename, min(created)))
        return Repair("layer-call", "", message, assumed="each layer were called with its input", problem=made)
    return repaired_spelling(error, problem)


def _layer_in_tuple(net: nn.Module) -> Repair | None:
    """Take the layers out of tuples with one item: ``self.conv1 = nn.Conv2d(1, 10, 5),``."""
    found: list[str] = []
    for module in list(net.modules()):
        for name, value in list(vars(module).items()):
            if isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], nn.Module):
                delattr(module, name)
                setattr(module, name, value[0])
                found.append(name)
    if not found:
        return None
    names = " and ".join(found)
    message = f"{names} is a tuple with one layer, because of the comma after it"
    return Repair("comma", found[0], message, assumed=f"there were no comma after {names}")


def _rewritten(net: nn.Module, rewrite: Callable[[ast.AST], list[int]], lines: list[int] | None = None) -> bool:
    """From now on, run forward as ``rewrite`` changes its syntax tree; whether it changes anything.

    ``rewrite`` returns the lines that it changes; their numbers in the file are added to ``lines``.
    """
    owner = type(net)
    forward = vars(owner).get("forward")
    if not isinstance(forward, FunctionType) or forward.__closure__:
        return False
    tree = tree_of(forward)
    changed = rewrite(tree) if tree is not None else []
    if tree is None or not changed:
        return False
    if lines is not None:
        lines += changed
    ast.fix_missing_locations(tree)
    made: dict[str, Any] = {}
    exec(compile(tree, forward.__code__.co_filename, "exec", dont_inherit=True), forward.__globals__, made)
    owner.forward = made[forward.__code__.co_name]
    return True


def _local_assignment(owner: type, name: str) -> tuple[str, int] | None:
    """Where __init__, or a method that it calls, assigns a layer to the name without ``self.``: file and line."""
    methods = {key: value for key, value in vars(owner).items() if isinstance(value, FunctionType)}
    init = methods.get("__init__")
    called = [methods[key] for key in init.__code__.co_names if key in methods] if init is not None else []
    for method in filter(None, (init, *called)):
        for node in ast.walk(tree_of(method) or ast.Module([], [])):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
                continue
            target = node.targets[0]
            if isinstance(target, ast.Name) and target.id in {name, f"self{name}", f"self_{name}"}:
                return method.__code__.co_filename, node.lineno
    return None


_APPLIED = frozenset({"ReLU", "MaxPool2d", "AvgPool2d", "Dropout", "Dropout2d", "Flatten", "LogSoftmax", "Softmax"})
"""Layers without weights that take only numbers when they are created."""


def _with_calls(tree: ast.AST) -> list[int]:
    """Replace ``nn.ReLU(x)`` by ``nn.ReLU()(x)`` everywhere in the tree; the lines where there was one."""
    found = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _APPLIED
        and node.args
        and any(isinstance(part, (ast.Name, ast.Call)) for part in (node.args[0],))
    ]
    for node in found:
        made = ast.Call(node.func, node.args[1:], node.keywords)
        node.func, node.args, node.keywords = made, node.args[:1], []
    return [node.lineno for node in found]


def _without_commas(tree: ast.AST) -> list[int]:
    """Replace ``x = a,`` by ``x = a`` everywhere in the tree; the lines where there was one."""
    changed = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
            continue
        if isinstance(node.value, ast.Tuple) and len(node.value.elts) == 1:
            node.value = node.value.elts[0]
            changed.append(node.lineno)
    return changed


def _missing_attribute(owner: nn.Module, name: str, error: Exception, problem: Problem) -> Repair | None:
    """The repair of an attribute that ``owner`` lacks; its problem is at the line that makes only a local name."""
    if _is_use_as_tensor(owner, name, error):
        return None
    repair = _attribute(owner, name)
    assigned = _local_assignment(type(owner), name)
    return replace(repair, problem=moved_to(problem, error, assigned)) if repair and assigned else repair


_OF_TENSORS = frozenset({"view", "reshape", "size", "shape", "dim"})


def _is_use_as_tensor(owner: nn.Module, name: str, error: Exception) -> bool:
    """Whether a layer was used as a tensor, as in ``F.log_softmax(self.fc2)`` and ``x = self.conv2; x.view(-1)``."""
    trace, files = error.__traceback__, set()
    while trace is not None:
        files.add(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    is_torch_layer = type(owner).__module__.startswith("torch.") and hasattr(Tensor, name)
    return is_torch_layer and (functional.__file__ in files or (name in _OF_TENSORS and not owner._modules))


def _attribute(owner: nn.Module, name: str) -> Repair | None:
    """Give ``owner`` the attribute: an unused layer with a similar name, or a stand-in."""
    if not owner._modules and (typo := _near("__init__", owner)):
        vars(type(owner))[typo](owner)
        return Repair("init-name", typo, "should be called __init__", assumed=f"{typo} were called __init__")
    unused = [child for child, layer in owner.named_children() if child not in _names_used(owner) and layer is not None]
    close = get_close_matches(name, unused, n=1, cutoff=_LEAST_LIKENESS)
    if close:
        setattr(owner, name, getattr(owner, close[0]))
        message = f"is never created, but {close[0]} is"
        return Repair("attribute", name, message, assumed=f"self.{name} were self.{close[0]}")
    words = name.casefold()
    fitting = ((make, word) for pattern, make, word in _STAND_INS if re.search(pattern, words))
    make, word = next(fitting, (nn.Identity, "a layer that changes nothing"))
    setattr(owner, name, make().train(owner.training))
    return Repair("missing-layer", name, "is never created", assumed=f"{name} were {word}")


def _names_used(owner: nn.Module) -> set[str]:
    """The attributes that the methods of a network read."""
    codes = [value.__code__ for value in vars(type(owner)).values() if isinstance(value, FunctionType)]
    return {name for code in codes if code.co_name != "__init__" for name in code.co_names}


def _name(net: nn.Module, error: NameError, name: str) -> Repair | None:
    """Bind a name that forward reads: a layer without ``self.``, or a function of torch."""
    if hasattr(builtins, name):
        return None
    found = getattr(net, name, None)
    assumed = f"{name} were self.{name}"
    if found is None:
        found = getattr(functional, name, None) or getattr(torch, name, None)
        assumed = f"{name} were imported from torch"
    if not callable(found):
        return None
    frame = next(reversed(list(_frames(error))), None)
    if frame is None or name in frame:
        return None
    frame[name] = found
    return Repair("name", name, f"{name} is not defined", assumed=assumed)


def _frames(error: BaseException) -> Iterator[dict[str, Any]]:
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_globals
        trace = trace.tb_next


def _forward_name(net: nn.Module) -> Repair | None:
    """Use a method whose name is a misspelt ``forward``."""
    if type(net).forward is not nn.Module.forward or not (typo := _near("forward", net)):
        return None
    type(net).forward = vars(type(net))[typo]
    return Repair("forward-name", typo, "should be called forward", assumed=f"{typo} were called forward")


def _near(name: str, net: nn.Module) -> str:
    """The method of a network whose name looks like a misspelt ``name``; empty if there is none."""
    methods = [key for key, value in vars(type(net)).items() if isinstance(value, FunctionType) and key != name]
    close = get_close_matches(name.strip("_"), [method.strip("_") for method in methods], n=1, cutoff=0.7)
    return next((method for method in methods if close and method.strip("_") == close[0]), "")
