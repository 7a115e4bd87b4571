"""Faults of a script that are repaired, so that its network is assessed: each is named, with what was assumed."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.loaded_scripts import NET, TORCH, bad, built, load, notebook

pytestmark = pytest.mark.usefixtures("process_kept")

CNN = NET.replace("class Net", "class CNN")
FLATTEN = "class Flatten(nn.Module):\n    def forward(self, x):\n        return x.flatten(1)\n"

REPAIRED: dict[str, tuple[str, str, str]] = {
    # Python cannot read a part that the network does not need
    "notebook_command": ("syntax", f"!pip install torchinfo\n{TORCH}{NET}", "line 1 were not there"),
    "magic": ("syntax", f"%matplotlib inline\n{TORCH}%cd data\n{NET}", "lines 1 and 5 were not there"),
    "command_in_a_block": ("syntax", TORCH + NET + "if True:\n    !ls\n", "line 12 were not there"),
    "python2_print": ("syntax", TORCH + NET + "for e in x:\n    print 'e', e\n", "line 12 were written for Python 3"),
    "python2_in_net": (
        "syntax",
        TORCH + NET.replace("        return", "        print x.shape\n        return"),
        "line 10 were written for Python 3",
    ),
    "python2_except": (
        "syntax",
        TORCH + NET + "try:\n    pass\nexcept ValueError, e:\n    pass\n",
        "line 13 were written for Python 3",
    ),
    "tabs": ("syntax", TORCH + NET + "for e in x:\n    a = 1\n\tb = 2\n", "each tab were spaces"),
    "tabs_in_net": ("syntax", TORCH + NET.replace("        self", "\tself"), "each tab were spaces"),
    "cut_off": ("syntax", TORCH + NET + "for e in range(1, 11):\n", "line 11 were not there"),
    "cut_off_in_a_string": (
        "syntax",
        TORCH + NET + 'def train():\n    """Train the\n',
        "lines 11 to 12 were not there",
    ),
    "open_bracket": ("syntax", f"x = (1,\n{TORCH}{NET}", "line 1 were typed correctly"),
    "open_brackets": ("syntax", f"x = [(1, {{\n{TORCH}{NET}", "line 1 were not there"),
    "bracket_open_in_net": ("syntax", TORCH + NET.replace("784, 10)", "784, 10"), "line 8 were typed correctly"),
    "colon_missing_in_net": ("syntax", TORCH + NET.replace("(self):", "(self)"), "line 6 were typed correctly"),
    "curly_quotes": ("syntax", TORCH + NET + "print(“hi”)\n", "line 11 were typed correctly"),
    "space_of_a_word_processor": (
        "syntax",
        TORCH + NET.replace("    def forward", "\u00a0   def forward"),
        "line 9 were typed correctly",
    ),
    "open_quote": ("syntax", f"{TORCH}name = 'abc\n{NET}", "line 4 were not there"),
    "training_indented_wrongly": (
        "syntax",
        TORCH + NET + "def train():\n    a = 1\n      b = 2\n    return a\n",
        "lines 11 to 14 were not there",
    ),
    "statement_indented": ("syntax", TORCH + NET + "  epochs = 3\n", "line 11 were indented correctly"),
    "first_lines_indented": ("syntax", f" import os\n{TORCH}{NET}", "line 1 were indented correctly"),
    "method_indented_wrongly": (
        "syntax",
        TORCH + NET.replace("    def forward", "  def forward"),
        "line 9 were indented correctly",
    ),
    "stray_text": ("syntax", f"This is my lab 4\n{TORCH}{NET}and this is the end\n", "lines 1 and 12 were not there"),
    "stray_text_in_net": (
        "syntax",
        TORCH + NET.replace("    def forward", "my forward pass:\n    def forward"),
        "line 9 were not there",
    ),
    "missing_colon": ("syntax", TORCH + NET + "for e in range(3)\n    e = 1\n", "line 11 were typed correctly"),
    "stray_return": ("syntax", TORCH + NET + "return 5\n", "line 11 were not there"),
    "merge_conflict": (
        "syntax",
        TORCH + NET + "<<<<<<< HEAD\nlr = 1\n=======\nlr = 2\n>>>>>>> other\n",
        "lines 11 and 13 to 15 were not there",
    ),
    "merge_conflict_in_net": (
        "syntax",
        TORCH
        + NET.replace(
            "        self.fc",
            "<<<<<<< HEAD\n        self.n = 1\n=======\n        self.n = 2\n>>>>>>> other\n        self.fc",
        ),
        "lines 8 and 10 to 12 were not there",
    ),
    "inside_main": (
        "syntax",
        TORCH + NET + "if __name__ == '__main__':\n    net = Net()\n    print 'x'\n    for e in (1,:\n        pass\n",
        "lines 14 to 15 were not there and line 13 were written for Python 3",
    ),
    "late_future": ("syntax", TORCH + NET + "from __future__ import annotations\n", "the whole script could be read"),
    # the network has another name, or is not a class at the top level
    "other_name": ("other-name", TORCH + CNN + "net = CNN()\n", "CNN were called Net"),
    "lower_case": ("other-name", TORCH + NET.replace("class Net", "class net"), "net were called Net"),
    "numbered": ("other-name", TORCH + NET.replace("class Net", "class Net1"), "Net1 were called Net"),
    "cyrillic": ("other-name", TORCH + NET.replace("class Net", "class Nеt"), "Nеt were called Net"),
    "greek": ("other-name", TORCH + NET.replace("class Net", "class Νet"), "Νet were called Net"),
    "unusual": ("other-name", TORCH + NET.replace("class Net", "class Digits"), "Digits were called Net"),
    "with_helper_classes": (
        "other-name",
        TORCH + FLATTEN + CNN.replace("x.flatten(1)", "Flatten()(x)"),
        "CNN were called Net",
    ),
    "the_one_that_is_built": (
        "other-name",
        TORCH + NET.replace("class Net", "class Old") + CNN + "def main():\n    model = CNN().to('cpu')\n",
        "CNN were called Net",
    ),
    "like_net_and_another": (
        "other-name",
        TORCH + NET.replace("class Net", "class LeNet") + NET.replace("class Net", "class net"),
        "net were called Net",
    ),
    "own_base": (
        "other-name",
        TORCH + "class Base(nn.Module):\n    pass\n" + CNN.replace("nn.Module", "Base"),
        "CNN were called Net",
    ),
    "object": (
        "other-name",
        TORCH + "model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).to('cpu')\n",
        "model were called Net",
    ),
    "object_of_objects": (
        "other-name",
        TORCH + "head = nn.Sequential(nn.Linear(784, 10))\nmodel = nn.Sequential(nn.Flatten(), head)\n",
        "model were called Net",
    ),
    "made_by_a_function": (
        "other-name",
        TORCH + "def make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\nmodel = make()\n",
        "model were called Net",
    ),
    "in_function": (
        "other-name",
        TORCH
        + "def main():\n    n = 10\n"
        + textwrap.indent(NET.replace("784, 10", "784, n"), "    ")
        + "    net = Net()\n",
        "Net were defined at the top level",
    ),
    "in_function_with_a_default": (
        "other-name",
        TORCH + "def make(n=10):\n" + textwrap.indent(NET.replace("784, 10", "784, n"), "    ") + "    return Net()\n",
        "Net were defined at the top level",
    ),
    "other_name_in_function": (
        "other-name",
        TORCH + "def main():\n" + textwrap.indent(CNN, "    ") + "    net = CNN()\nmain()\n",
        "CNN were called Net",
    ),
    "object_in_function": (
        "other-name",
        TORCH
        + "def main():\n    n = 10\n    model = nn.Sequential(nn.Flatten(), nn.Linear(784, n))\n    train(model)\n",
        "model were called Net",
    ),
    "function_only": (
        "other-name",
        TORCH + "def make():\n    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\ntrain(make())\n",
        "make were called Net",
    ),
    "instance": ("instance", TORCH + CNN + "Net = CNN()\n", "Net were the class CNN"),
    "sequential": (
        "instance",
        TORCH + "Net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))\n",
        "Net were a class that builds this object",
    ),
    # something is missing
    "no_import_of_nn": (
        "missing-import",
        "import torch\nimport torch.nn.functional as F\n" + NET,
        "the script began with import torch.nn as nn",
    ),
    "no_import_of_functional": (
        "missing-import",
        "import torch\nimport torch.nn as nn\n" + NET,
        "the script began with import torch.nn.functional as F",
    ),
    "no_import_in_init": (
        "missing-import",
        TORCH + NET.replace("784, 10", "784, int(math.sqrt(100))"),
        "the script began with import math",
    ),
    "no_super": (
        "super-init",
        TORCH + NET.replace("        super().__init__()\n", ""),
        "__init__ began with super().__init__()",
    ),
    "late_super": (
        "super-init",
        TORCH
        + NET.replace("        super().__init__()\n", "").replace(
            "784, 10)\n", "784, 10)\n        super().__init__()\n"
        ),
        "__init__ began with super().__init__()",
    ),
    "old_super": (
        "super-init",
        TORCH + NET.replace("super()", "super(CNN, self)"),
        "line 7 called super().__init__()",
    ),
    "old_super_of_the_base": (
        "super-init",
        TORCH + NET.replace("super().__init__()", "Model.__init__(self)").replace("nn.Module", "nn.Module, object"),
        "line 7 called super().__init__()",
    ),
    "checkpoint": (
        "missing-checkpoint",
        TORCH + NET.replace("784, 10)\n", "784, 10)\n        self.load_state_dict(torch.load('net.pt'))\n"),
        "line 9 were not there",
    ),
    "checkpoint_at_the_top": (
        "missing-checkpoint",
        TORCH
        + "state = torch.load('a/net.pt')['model']\n"
        + NET.replace("784, 10)\n", "784, 10)\n        self.fc.load_state_dict(state)\n"),
        "line 4 were not there",
    ),
}


@pytest.mark.parametrize("name", REPAIRED)
def test_a_fault_is_repaired_and_named(tmp_path: Path, name: str) -> None:
    kind, text, assumed = REPAIRED[name]
    found = built(tmp_path, text)
    assert found.build.problem is None, found.build.problem
    assert found.repairs == {kind: assumed}
    assert isinstance(found.net, nn.Module)
    assert found.build.parameters == 7850
    repair = (*found.load.repairs, *found.build.repairs)[0]
    assert repair.message
    assert repair.problem is not None
    assert repair.problem.file == "task1_cnn.py"
    assert repair.problem.line > 0


def test_several_faults_are_all_named(tmp_path: Path) -> None:
    text = f"!pip install x\n{CNN}net = CNN(\n".replace("        super().__init__()\n", "")
    found = built(tmp_path, text)
    assert list(found.repairs) == ["other-name", "syntax", "missing-import", "super-init"]
    assert found.build.parameters == 7850


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("syntax", NET.replace("784, 10", "784 10")),
        ("syntax", "size = = 10\n" + NET.replace("784, 10", "784, size")),
        ("syntax", "def flat(x:\n    return x.flatten(1)\n" + NET.replace("x.flatten(1)", "flat(x)")),
        ("syntax", CNN.replace("784, 10", "784 10")),
    ],
)
def test_what_the_network_needs_is_not_left_out(tmp_path: Path, kind: str, text: str) -> None:
    loaded = load(tmp_path, TORCH + text)
    bad(loaded, kind)
    assert loaded.record.has_network


BLANK = NET.replace("        self.fc = nn.Linear(784, 10)\n", "")
BLANK = BLANK[: BLANK.index("return")] + "pass\n"


@pytest.mark.parametrize("earlier", [BLANK, NET])
def test_an_earlier_net_does_not_replace_one_that_cannot_be_read(tmp_path: Path, earlier: str) -> None:
    broken = NET.replace("784, 10", "784 10")
    loaded = load(tmp_path, TORCH + earlier + broken)
    bad(loaded, "syntax")
    assert loaded.record.has_network
    assert not loaded.record.is_blank
    bad(load(tmp_path, "from model import Net\n", model=TORCH + earlier + broken), "syntax")


def test_a_blank_net_does_not_replace_a_network_that_cannot_be_read(tmp_path: Path) -> None:
    loaded = load(tmp_path, TORCH + BLANK + CNN.replace("784, 10", "784 10"))
    bad(loaded, "syntax")
    assert not loaded.record.is_blank


def test_an_earlier_helper_does_not_replace_one_that_cannot_be_read(tmp_path: Path) -> None:
    flat = "def flat(x):\n    return x\n"
    bad(load(tmp_path, f"{TORCH}{flat}{flat}    x = = 1\n" + NET.replace("x.flatten(1)", "flat(x)")), "syntax")


@pytest.mark.parametrize(
    "text",
    [
        CNN + NET.replace("class Net", "class MLP"),
        CNN + NET.replace("class Net", "class MLP") + "a, b = CNN(), MLP()\n",
        "a = nn.Sequential(nn.Linear(784, 10))\nb = nn.Sequential(nn.Linear(784, 20))\n",
    ],
)
def test_no_network_is_chosen_if_several_may_be_meant(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, TORCH + text)
    bad(loaded, "no-net")
    assert loaded.record.has_network


def test_a_missing_base_class_is_the_fault_and_not_the_name_of_a_helper(tmp_path: Path) -> None:
    text = "from bayes_not_there.nn import Bayesian\n" + FLATTEN
    text += CNN.replace("nn.Module", "Bayesian").replace("x.flatten(1)", "Flatten()(x)")
    assert "bayes_not_there" in bad(load(tmp_path, TORCH + text), "missing-package")


def test_a_network_is_imported_under_another_name(tmp_path: Path) -> None:
    found = built(
        tmp_path, "from model import LeNet\nnet = LeNet()\n", model=TORCH + NET.replace("class Net", "class LeNet")
    )
    assert found.repairs == {"other-name": "LeNet were called Net"}
    assert found.build.parameters == 7850


def test_super_may_use_the_name_that_is_assumed(tmp_path: Path) -> None:
    found = built(tmp_path, TORCH + CNN.replace("super()", "super(Net, self)"))
    assert found.repairs == {"other-name": "CNN were called Net"}
    assert found.build.parameters == 7850


def test_arguments_and_a_missing_super_together(tmp_path: Path) -> None:
    text = NET.replace("(self):", "(self, out):").replace("784, 10", "784, out").replace("super().__init__()", "pass")
    found = built(tmp_path, f"{TORCH}{text}net = Net(10)\n")
    assert list(found.repairs) == ["super-init"]
    assert found.build.parameters == 7850


@pytest.mark.parametrize("init", ["super().__init__()", "super(Net, self).__init__()", "pass"])
@pytest.mark.parametrize("call", ["net = Net(10)\n", "def build(n):\n    return Net(n)\nnet = build(10)\n"])
def test_arguments_and_a_missing_base_class_together(tmp_path: Path, init: str, call: str) -> None:
    text = NET.replace("(self):", "(self, out):").replace("784, 10", "784, out").replace("(nn.Module)", "")
    found = built(tmp_path, TORCH + text.replace("super().__init__()", init) + call)
    assert found.repairs == {"no-module": "Net inherited from nn.Module"}
    assert found.build.parameters == 7850


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("F.ReLu", "relu"),
        ("torch.ReLU", "relu"),
        ("F.log_softMax", "log_softmax"),
        ("F.relu1", "relu"),
        ("F.maxpool2d", "max_pool2d"),
        ("nn.Dropout1", "Dropout"),
        ("nn.Conv2D", "Conv2d"),
        ("nn.Linaer", "Linear"),
        ("F.max_pool2", "max_pool2d"),
    ],
)
def test_a_misspelt_name_means_the_nearest_one(tmp_path: Path, wrong: str, right: str) -> None:
    found = built(tmp_path, TORCH + NET.replace("784, 10)\n", f"784, 10)\n        self.chosen = {wrong}\n"))
    assert found.repairs == {"misspelt": f"{wrong.split('.')[1]} were spelt {right}"}
    module = {"F": torch.nn.functional, "nn": torch.nn, "torch": torch}[wrong.split(".")[0]]
    delattr(module, wrong.split(".")[1])


@pytest.mark.parametrize(
    ("cell", "kind", "assumed"),
    [
        (f"{TORCH}print 'imported'\n", "syntax", "line 4 of code cell 1 were written for Python 3"),
        (f"{TORCH}x = = 1\n", "syntax", "line 4 of code cell 1 were not there"),
    ],
)
def test_a_cell_that_the_network_needs_is_repaired(tmp_path: Path, cell: str, kind: str, assumed: str) -> None:
    found = built(tmp_path, notebook(cell, NET, "for e in\n"), "lab4.ipynb")
    assert found.repairs == {kind: assumed}
    assert found.build.parameters == 7850


def test_a_cell_that_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    found = built(tmp_path, notebook(TORCH, NET, "for e in range(3)\n    print(e)\n"), "lab4.ipynb")
    assert found.repairs == {}
    assert found.build.parameters == 7850


NEWER = {
    "type": "type Images = torch.Tensor\n" + NET.replace("x):", "x: Images) -> Images:"),
    "generic": "def first[T](values: list[T]) -> T:\n    return values[0]\n" + NET,
    "generic_net": NET.replace("class Net(", "class Net[T](").replace("x):", "x: T) -> T:"),
    "default": "class Box[T = int]:\n    pass\n" + NET,
    "quotes": NET + 'cfg = {}\nprint(f"lr {cfg["lr"]}")\n',
    "quotes_in_net": NET.replace("        return", '        print(f"{x.shape["0":]}")\n        return'),
    "backslash": NET + "print(f\"{'\\n'.join(names)}\")\n",
    "except": NET + "try:\n    net = Net()\nexcept ValueError, TypeError:\n    pass\n",
    "except_several": NET + "try:\n    net = Net()\nexcept OSError, socket.error, KeyError:\n    pass\n",
    "template": NET + 'name = t"{x}"\n',
    "lazy": "lazy import os\n" + NET,
}


@pytest.mark.parametrize("name", NEWER)
def test_a_newer_python_is_no_fault(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + NEWER[name])
    assert list(found.repairs) in (["newer-python"], [])  # the Python that runs this test may be new enough
    for repair in found.load.repairs:
        assert "needs Python 3.1" in repair.message
        assert repair.assumed.startswith("line ")
        assert repair.problem is not None
        assert repair.problem.kind == "newer-python"
    assert found.build.parameters == 7850


def test_a_fault_besides_a_newer_python_is_named_too(tmp_path: Path) -> None:
    found = built(tmp_path, TORCH + NET + "type X = int\nprint 'a'\n")
    assert {"syntax"} <= found.repairs.keys() <= {"syntax", "newer-python"}
    assert found.load.repairs[0].problem is not None
    assert found.load.repairs[0].problem.line == 12


@pytest.mark.parametrize(
    ("text", "has_network"),
    [
        ("", False),
        ("x = 1\n", False),
        ("# class Net(nn.Module): self.fc = nn.Linear(784, 10)\n'''nn.Linear(3, 4)'''\n", False),
        ("class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n", False),
        ("class Net(nn.Module):\n    def __init__(self):\n\n    def forward(self, x):\n\nx = 1\n", False),
        ("loss = nn.CrossEntropyLoss()\n", False),
        ("layers = [nn.Linear(784, 10)]\n", True),
        ("def forward(x):\n    return x @ w\n", True),
        ("x = (nn.Linear(784, 10)\n", True),
        ("class Any(nn.Module):\n    def __init__(self) -> None\n        self.x = other()\n", True),
    ],
)
def test_whether_the_code_holds_a_network(tmp_path: Path, text: str, has_network: bool) -> None:
    assert load(tmp_path, TORCH + text).record.has_network is has_network


def test_files_that_cannot_be_read_may_hold_a_network(tmp_path: Path) -> None:
    assert load(tmp_path, (TORCH + NET).encode() + b"\0").record.has_network
    assert not load(tmp_path, b"x = 1\n\0").record.has_network
    assert load(tmp_path, notebook(TORCH + NET)[:-30], "lab4.ipynb").record.has_network
