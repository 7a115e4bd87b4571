"""Loading Net from scripts and notebooks that were not written to be imported."""

from __future__ import annotations

import builtins
import json
import os
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from grader.worker.load import stand_ins
from grader.worker.load.net_loading import Loaded, problem_from, warm_up
from tests.support.loaded_scripts import NET, TORCH, bad, good, load, notebook, remarks

pytestmark = pytest.mark.usefixtures("process_kept")

LAB = """
from __future__ import print_function
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms
from torch.autograd import Variable
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description='PyTorch MNIST Example')
parser.add_argument('--batch-size', type=int, default=64, metavar='N', help='input batch size (default: 64)')
parser.add_argument('--hidden', type=int, default=50)
parser.add_argument('--no-cuda', action='store_true', default=False)
parser.add_argument('--seed', type=int, default=1)
args = parser.parse_args()
args.cuda = not args.no_cuda and torch.cuda.is_available()

torch.manual_seed(args.seed)
if args.cuda:
    torch.cuda.manual_seed(args.seed)

kwargs = {'num_workers': 1, 'pin_memory': True} if args.cuda else {}
train_loader = torch.utils.data.DataLoader(
    datasets.MNIST('../data', train=True, download=True,
                   transform=transforms.Compose([transforms.ToTensor()])), batch_size=args.batch_size, **kwargs)

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.fc = nn.Linear(784, args.hidden)
    def forward(self, x):
        x = Variable(x, volatile=True)
        return F.log_softmax(self.fc(x.view(-1, 784)))

model = Net()
if args.cuda:
    model.cuda()
optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)

def train(epoch):
    raise SystemExit('trained')

for epoch in range(1, 3):
    train(epoch)
plt.show()
exit(1)
"""


def test_the_lab_script_of_2017(tmp_path: Path) -> None:
    net = good(load(tmp_path, LAB))
    assert isinstance(net.fc, nn.Linear)
    assert net.fc.out_features == 50
    assert "torchvision.datasets.mnist" not in vars(sys.modules["submission_script"])
    assert "optimizer" not in vars(sys.modules["submission_script"])


VALID: dict[str, str] = {
    "plain": NET,
    "main_guard": "if __name__ == '__main__':\n" + textwrap.indent(NET, "    ") + "    net = Net()\n    train()\n",
    "constants": "HIDDEN = 10\nSIZE = 28 * 28\n" + NET.replace("784, 10", "SIZE, HIDDEN"),
    "tuple_constants": "SIZE, (HIDDEN, *_) = 784, [10, 1]\n" + NET.replace("784, 10", "SIZE, HIDDEN"),
    "changed_constants": "C = {}\nC['in'] = 784\nC.update(out=10)\nC['out'] += 0\n"
    + NET.replace("784, 10", "C['in'], C['out']"),
    "helper_function": "def flat(x):\n    return x.flatten(START)\nSTART = 1\n"
    + NET.replace("x.flatten(1)", "flat(x)"),
    "base_chain": "class A(nn.Module):\n    pass\nclass B(A):\n    n = 10\n" + NET.replace("nn.Module", "B"),
    "mixin": "class Mixin:\n    def size(self): return 784\n" + NET.replace("nn.Module", "Mixin, nn.Module"),
    "conditional": "if torch.__version__ > '0.4':\n"
    + textwrap.indent(NET, "    ")
    + "else:\n    class Net(nn.Module):\n        pass\n",
    "try_import": "try:\n    import apex_not_there as apex\nexcept ImportError:\n    apex = None\n"
    "    print('no apex')\n" + NET,
    "unneeded_imports": "import wandb_not_there\nfrom seaborn_not_there import x\nimport matplotlib.pyplot as plt\n"
    + NET,
    "assigned": NET.replace("class Net", "class CNN") + "Net = CNN\n",
    "lambda": NET.replace("class Net", "class CNN") + "Net = lambda: CNN()\n",
    "function": NET.replace("class Net", "class CNN") + "def Net():\n    return CNN()\n",
    "partial": "from functools import partial\nconv = partial(nn.Conv2d, kernel_size=5)\n"
    + NET.replace("self.fc =", "self.c = conv(1, 10)\n        self.fc ="),
    "partial_class": "import functools\nclass CNN(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"
    "Net = functools.partial(CNN, 10)\n",
    "dataclass_config": "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\n"
    "class Config:\n"
    "    out: int = 10\nconfig = Config()\n" + NET.replace("784, 10", "784, config.out"),
    "future_annotations": "from __future__ import annotations\n" + NET.replace("x):", "x: NotThere) -> AlsoNot:"),
    "annotations": "from torch import Tensor\n" + NET.replace("x):", "x: Tensor) -> Tensor:"),
    "star_imports": "from torch.nn import *\nfrom torch.nn.functional import *\n"
    + NET.replace("nn.", "").replace("F.", ""),
    "walrus": "if (n := 10) > 3:\n    print(n)\n" + NET.replace("784, 10", "784, n"),
    "global": "def setup():\n    global N\n    N = 10\nsetup()\n" + NET.replace("784, 10", "784, N"),
    "nested_functions": "def outer():\n    k = 10\n    def inner():\n        return k\n    return inner\n"
    "size = outer()\n" + NET.replace("784, 10", "784, size()"),
    "class_constants": NET.replace("    def __init__", "    WIDTH = 784\n    def __init__", 1).replace(
        "784, 10", "self.WIDTH, 10"
    ),
    "loop_constants": "sizes = []\nfor i in range(3):\n    sizes.append(10)\n"
    + NET.replace("784, 10", "784, sizes[2]"),
    "global_class": "def make():\n    global Net\n" + textwrap.indent(NET, "    ") + "make()\n",
    "registry": "R = {}\ndef reg(c):\n    R[c.__name__] = c\n    return c\n@reg\n" + NET.strip() + "\nNet = R['Net']\n",
    "late_method": NET.split("    def forward")[0] + "def forward(self, x):\n    return x\nNet.forward = forward\n",
    "setattr_method": NET.split("    def forward")[0] + "def f(self, x):\n    return x\nsetattr(Net, 'forward', f)\n",
    "redefined": "class Net(nn.Module):\n    def __init__(self, needed):\n        pass\n" + NET,
    "rebound": NET + "Net = Net().cuda()\n",
    "decorated": "def same(cls):\n    return cls\n@same\n" + NET.strip(),
    "with_file": "with open('config.json') as f:\n    n = len(f.read())\n" + NET.replace("784, 10", "784, n"),
    "device": "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
    + NET.replace("x.flatten", "x.to(device).flatten"),
    "semicolons": "a = 5; b = 5; print(a)\n" + NET.replace("784, 10", "784, a + b"),
    "exits": "import sys\nsys.exit(0)\nquit()\n" + NET,
    "interrupts": "raise KeyboardInterrupt\n" + NET,
    "group": "import argparse\np = argparse.ArgumentParser()\ng = p.add_argument_group('x')\n"
    "g.add_argument('--k', type=int, default=10)\nargs, _ = p.parse_known_args()\n"
    + NET.replace("784, 10", "784, args.k"),
    "parser_in_function": "import argparse\ndef get():\n    p = argparse.ArgumentParser()\n"
    "    p.add_argument('--k', default=10)\n"
    "    return p.parse_args()\nargs = get()\n" + NET.replace("784, 10", "784, args.k"),
    "data_needed": "from torchvision import datasets\ntrain = datasets.MNIST('d', train=True, download=True)\n"
    "n = len(train.classes)\n" + NET.replace("784, 10", "784, n"),
    "fullwidth": NET.replace("class Net", "class Ｎｅｔ"),
    "argv": "import sys\nn = int(sys.argv[1]) if len(sys.argv) > 1 else 10\n" + NET.replace("784, 10", "784, n"),
    "old_names": "import numpy as np\nimport torch.nn.init as init\n"
    + NET.replace("784, 10)", "np.int(784), 10)\n        init.xavier_uniform(self.fc.weight)").replace(
        "F.log", "F.tanh(x); return F.log"
    ),
    "metaclass_super": "import abc\nclass Base(nn.Module, abc.ABC):\n    pass\n" + NET.replace("nn.Module", "Base"),
    "namedtuple": "from collections import namedtuple\nS = namedtuple('S', 'a b')\ns = S(784, 10)\n"
    + NET.replace("784, 10", "s.a, s.b"),
    "elif": "mode = 3\nif mode == 1:\n    n = 1\nelif mode == 2:\n    n = 2\nelse:\n    n = 10\n"
    + NET.replace("784, 10", "784, n"),
    "match": "match 3:\n    case 3:\n        n = 10\n    case _:\n        n = 1\n" + NET.replace("784, 10", "784, n"),
    "star_args": "cfg = dict(in_features=784, out_features=10)\n" + NET.replace("784, 10", "**cfg"),
    "formfeed_and_tabs": "\x0c\n" + NET.replace("    ", "\t"),
    "training_uses_the_same_names": "n = 10\n"
    + NET.replace("784, 10", "784, n")
    + "for epoch in range(3):\n    n = n + 1\n    loss.backward()\n",
}


@pytest.mark.parametrize("name", VALID)
def test_valid_styles_load(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text("0123456789")
    head = "" if "from __future__" in VALID[name] else TORCH
    tail = TORCH if not head else ""
    text = VALID[name]
    if tail:
        first, rest = text.split("\n", 1)
        text = f"{first}\n{tail}{rest}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.filters", [("ignore", None, Warning, None, 0)])
        net = good(load(tmp_path, head + text))
    fc = getattr(net, "fc", None)
    assert fc is None or fc.out_features == 10


def test_args_set_in_main_only_are_taken_from_there(tmp_path: Path) -> None:
    main = """
    def main():
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument('--hidden', type=int, default=12)
        args = parser.parse_args()
        device = torch.device('cuda')
        train(args, device)
    if __name__ == '__main__':
        main()
    """
    text = TORCH + NET.replace("784, 10", "784, args.hidden") + textwrap.dedent(main)
    loaded = load(tmp_path, text)
    assert isinstance(net := good(loaded), nn.Module)
    assert net.get_submodule("fc").out_features == 12
    assert "args-defaults" in remarks(loaded)


def test_missing_args_get_the_labs_defaults(tmp_path: Path) -> None:
    text = TORCH + NET.replace("784, 10", "784, args.batch_size") + "def main():\n    args = not_there()\n"
    loaded = load(tmp_path, text)
    assert good(loaded).get_submodule("fc").out_features == 64
    assert "args-defaults" in remarks(loaded)


def test_a_global_set_in_main_is_taken_without_training(tmp_path: Path) -> None:
    text = TORCH + NET.replace("784, 10", "784, N")
    text += "def main():\n    global N\n    N = 11\n    loss.backward()\n    raise SystemExit\nmain()\n"
    assert good(load(tmp_path, text)).get_submodule("fc").out_features == 11


def test_required_arguments_do_not_end_the_script(tmp_path: Path) -> None:
    text = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--k', required=True)\n"
    text += "p.add_argument('--epochs', type=int, required=True)\np.add_argument('--n', type=int, default='9')\n"
    text += "args = p.parse_args()\n" + TORCH + NET.replace("784, 10", "784, args.epochs + args.n")
    loaded = load(tmp_path, text)
    assert good(loaded).get_submodule("fc").out_features == 19
    assert "args-defaults" in remarks(loaded)


def test_a_net_made_by_exec_needs_the_whole_script(tmp_path: Path) -> None:
    text = TORCH + f"source = {NET!r}\nraise SystemExit\nexec(source)\nwhile not False:\n    pass\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("grader.worker.load.strategies.STATEMENT_SECONDS", 0.1)
        loaded = load(tmp_path, text)
    good(loaded, "whole")
    assert "whole-run" in remarks(loaded)


def test_a_whole_run_does_not_train_and_replaces_missing_packages(tmp_path: Path) -> None:
    text = """
import wandb_not_there as wandb
from tqdm_not_there import tqdm
from torchvision import datasets, transforms
from torch.utils.data import DataLoader
data = DataLoader(datasets.MNIST('d', transform=transforms.ToTensor()), batch_size=64, num_workers=4, shuffle=True)
net = nn.Linear(784, 10)
before = net.weight.clone()
steps = 0
optimizer = torch.optim.SGD(net.parameters(), lr=1e9)
for x, y in tqdm(data):
    loss = F.cross_entropy(net(x.flatten(1)), y)
    loss.backward()
    optimizer.step()
    wandb.log(dict(loss=loss))
    steps += 1
assert torch.equal(before, net.weight) and steps == 1
kind = type('Net', (nn.Linear,), dict(__init__=lambda self: nn.Linear.__init__(self, steps, 10)))
setattr(__import__('sys').modules[__name__], 'Ne' + 't', kind)
name = 'Net'
"""
    net = good(load(tmp_path, TORCH + text), "whole")
    assert isinstance(net, nn.Linear)
    assert net.in_features == 1
    assert "wandb_not_there" not in sys.modules


ENCODED: dict[str, tuple[bytes, str]] = {
    "bom": (b"\xef\xbb\xbf" + ("# caf\u00e9\n" + TORCH + NET).encode(), ""),
    "cookie": (("# -*- coding: latin-1 -*-\n# caf\u00e9\n" + TORCH + NET).encode("latin-1"), ""),
    "no_cookie": (("# caf\u00e9 \u2019\n" + TORCH + NET).encode("cp1252"), "decoded-cp1252"),
    "latin1": (b"# \x81 \xe9\n" + (TORCH + NET).encode(), "decoded-latin-1"),
    "wrong_cookie": (("# coding: klingon\n" + TORCH + NET).encode(), ""),
    "utf16": ((TORCH + NET).encode("utf-16"), "decoded-utf-16"),
    "crlf": ((TORCH + NET).replace("\n", "\r\n").encode(), ""),
    "cr": ((TORCH + NET).replace("\n", "\r").encode(), ""),
    "no_final_newline": ((TORCH + NET).rstrip().encode(), ""),
}


@pytest.mark.parametrize("name", ENCODED)
def test_encodings(tmp_path: Path, name: str) -> None:
    data, remark = ENCODED[name]
    loaded = load(tmp_path, data)
    good(loaded)
    assert {id for id in remarks(loaded) if id.startswith("decoded")} == ({remark} if remark else set())


def old_notebook(*cells: str) -> bytes:
    """The same in format 3."""
    first: dict[str, Any] = {"cell_type": "markdown", "source": ["# Lab 4"], "metadata": {}}
    code = [
        {"cell_type": "code", "input": cell, "language": "python", "outputs": [], "metadata": {}, "collapsed": False}
        for cell in cells
    ]
    sheets = [{"cells": [first, *code], "metadata": {}}]
    return json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}).encode()


@pytest.mark.parametrize("written", [old_notebook, notebook])
def test_notebooks(tmp_path: Path, written: Callable[..., bytes]) -> None:
    cells = (
        f"%matplotlib inline\n!pip install torch \\\n  torchvision\n{TORCH}",
        "files = !ls\n?torch\nnn.Module?\nif True:\n    %cd data\n",
        f"%%time\n{NET}",
        "%%bash\nls -l\n",
        "this isn't python\n",
        "net = Net()\nfor epoch in range(3):\n    train(epoch)\n",
    )
    loaded = load(tmp_path, written(*cells), "task1.ipynb")
    good(loaded)
    assert {"magic-stripped", "cell-skipped"} <= remarks(loaded)


def test_a_notebook_line_is_reported_with_its_cell(tmp_path: Path) -> None:
    loaded = load(tmp_path, notebook("# intro", "%time x = 1\n\nclass Net:\n    x = = (\n"), "task1.ipynb")
    assert "code cell 2" in bad(loaded, "syntax")
    problem = loaded.record.problem
    assert problem is not None
    assert (problem.cell, problem.line, problem.code) == (2, 4, "x = = (")


def test_a_net_defined_twice_in_a_notebook_is_the_last_one(tmp_path: Path) -> None:
    cells = (TORCH, NET, NET.replace("784, 10", "784, 7"), "class Net(nn.Module)\n")
    net = good(load(tmp_path, notebook(*cells), "task1.ipynb"))
    assert net.get_submodule("fc").out_features == 7


def test_a_module_written_by_a_notebook(tmp_path: Path) -> None:
    written = f"%%writefile model.py\n{TORCH}{NET}"
    good(load(tmp_path, notebook(written, "from model import Net\nnet = Net()"), "task1.ipynb"))
    good(load(tmp_path, notebook(written, "!python model.py"), "task2.ipynb"))


def test_invalid_notebooks(tmp_path: Path) -> None:
    for text in (
        b"",
        b"{",
        b"[]",
        b'{"cells": 5}',
        b'{"nbformat": 4, "nbformat_minor": 4, "cells": [{}]}',
        b"[" * 100_000,
    ):
        bad(load(tmp_path, text, "task1.ipynb"), "notebook")
    good(load(tmp_path, notebook(TORCH + NET), "task1_cnn.py"))


def test_exceptions_are_placed_at_the_students_line(tmp_path: Path) -> None:
    text = TORCH + "import gone_\nclass Net(nn.Module):\n    def forward(self, x):\n        return nn.Linear(3, 2)(x)\n"
    text += "    def other(self):\n        return gone_.x\n"
    loaded = load(tmp_path, text)
    net = good(loaded)
    with pytest.raises(RuntimeError) as failed:
        net(torch.zeros(1, 5))
    problem = loaded.explain("forward-error", failed.value)
    assert (problem.kind, problem.line, problem.exception) == ("forward-error", 7, "RuntimeError")
    assert problem.code == "return nn.Linear(3, 2)(x)"
    assert "5" in problem.message
    with pytest.raises(Exception, match="gone_") as missing:
        torch.zeros(1) + net.other()  # type: ignore[operator]
    assert loaded.explain("forward-error", missing.value).kind == "missing-package"
    assert problem_from("build", ValueError("a\nb" + "c" * 900), {}).message.startswith("a bc")
    assert len(problem_from("build", ValueError("c" * 9000), {}).message) == 500


def test_source_files_stay_visible_and_stand_ins_are_removed(tmp_path: Path) -> None:
    import inspect

    before = (builtins.input, torch.Tensor.backward, torch.optim.SGD.step, torch.cuda.is_available, os._exit)
    loaded = load(tmp_path, ("# -*- coding: latin-1 -*-\n# \u00e9\n" + TORCH + NET).encode("latin-1"))
    assert isinstance(loaded.factory, type)
    assert "log_softmax" in inspect.getsource(loaded.factory)
    assert "cuda" not in vars(torch.Tensor)
    assert before == (builtins.input, torch.Tensor.backward, torch.optim.SGD.step, torch.cuda.is_available, os._exit)
    with stand_ins.cpu_only():
        assert not torch.cuda.is_available()
        assert torch.cuda.device_count() == 0


def test_loading_works_off_the_main_thread(tmp_path: Path) -> None:
    found: list[Loaded] = []
    thread = threading.Thread(target=lambda: found.append(load(tmp_path, TORCH + f"exec({NET!r})\n")))
    thread.start()
    thread.join()
    good(found[0], "whole")


def test_warming_up_changes_nothing_that_a_submission_sees(tmp_path: Path) -> None:
    before = (sys.argv[:], Path.cwd(), sys.path[:])
    warm_up()
    assert before == (sys.argv, Path.cwd(), sys.path)
    good(load(tmp_path, TORCH + NET))
