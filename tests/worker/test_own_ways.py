"""Scripts that build their network in their own way, which is no fault: the class and the arguments are theirs."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import pytest

from grader.sandbox.limits import STAGE_SECONDS
from grader.worker.load.guessed_arguments import guessed_arguments
from grader.worker.net_building import OWN_CALLS_SECONDS
from tests.support.loaded_scripts import NET, TORCH, bad, built, load, notebook

pytestmark = pytest.mark.usefixtures("process_kept")

SIZED = NET.replace("__init__(self)", "__init__(self, out)").replace("784, 10", "784, out")

OWN_CALLS: dict[str, str] = {
    "number": "net = Net(10)\n",
    "keyword": "net = Net(out=10).to('cpu')\n",
    "name": "WIDTH = 10\nnet = Net(WIDTH)\n",
    "configuration": "cfg = {'out': 10}\nnet = Net(**cfg)\n",
    "list": "sizes = [10]\nnet = Net(*sizes)\n",
    "main": "def main():\n    width = 5\n    width *= 2\n    net = Net(width)\n    train(net)\nmain()\n",
    "main_arguments": "import argparse\ndef main():\n    p = argparse.ArgumentParser()\n"
    "    p.add_argument('--k', type=int, default=10)\n    args = p.parse_args()\n    if args.k:\n"
    "        with open('x'):\n            pass\n        net = Net(args.k)\n",
    "main_default": "def main(width=10):\n    return Net(width)\n",
    "handed_on": "def build(width):\n    return Net(width)\ndef main():\n    size = 10\n    net = build(size)\n",
    "guard": "if __name__ == '__main__':\n    width = 10\n    net = Net(width)\n",
    "loop": "for width in (10, 20):\n    net = Net(width)\n    loss.backward()\n",
    "loop_in_main": "def main():\n    for width in [10, 20]:\n        net = Net(width)\n        loss.backward()\n",
    "several": "net = Net(not_there)\nnet = Net(20)\nnet = Net(10)\nnet = Net(not_there)\n",
    "method": "class Trainer:\n    def __init__(self, lr):\n        self.net = Net(10)\n",
    "method_argument": "class Trainer:\n    def __init__(self, n):\n        self.net = Net(n)\nt = Trainer(10)\n",
    "comprehension": "nets = [Net(width) for width in (10, 20)]\n",
    "lambda_call": "make = lambda width: Net(width)\nnet = make(10)\n",
    "data": "from torchvision import datasets\nd = datasets.MNIST('.', download=True)\nnet = Net(len(d.classes))\n",
    "in_a_call": "optimizer = SGD(Net(10).parameters())\n",
    "rebound": "Net = Net(10)\n",
    "rebound_parallel": "Net = nn.DataParallel(Net(10))\n",
    "partial": "import functools\nNet = functools.partial(Net, 10)\n",
    "lambda": "Big = Net\nNet = lambda: Big(10)\n",
}


@pytest.mark.parametrize("name", OWN_CALLS)
def test_the_scripts_own_call_gives_the_arguments(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + SIZED + OWN_CALLS[name])
    assert found.build.problem is None, found.build.problem
    assert found.repairs == {}
    assert found.build.parameters == 7850


def test_the_call_in_another_cell_or_with_another_name(tmp_path: Path) -> None:
    found = built(tmp_path, notebook(TORCH, SIZED, "net = Net(10)\nnet"), "lab4.ipynb")
    assert found.remarks == {"own-arguments"}
    assert found.build.parameters == 7850
    found = built(tmp_path, TORCH + SIZED.replace("class Net", "class CNN") + "net = CNN(10)\n")
    assert list(found.repairs) == ["other-name"]
    assert found.build.parameters == 7850
    found = built(tmp_path, "import model\nnet = model.Net(10)\n", model=TORCH + SIZED)
    assert found.build.parameters == 7850


@pytest.mark.parametrize(
    "call", ["", "net = Net()\n", "# net = Net(10)\n", "def build(width):\n    return Net(width)\n"]
)
def test_without_a_call_that_works_the_arguments_are_guessed(tmp_path: Path, call: str) -> None:
    found = built(tmp_path, TORCH + SIZED + call)
    assert found.build.problem is None
    assert found.repairs == {"arguments": "Net were built with out=10"}
    (repair,) = found.build.repairs
    assert repair.problem is not None
    assert "missing 1 required positional argument: 'out'" in repair.problem.message


def test_arguments_that_do_not_fit_are_no_repair(tmp_path: Path) -> None:
    picky = SIZED.replace("super().__init__()", "super().__init__()\n        out['size']")
    found = built(tmp_path, TORCH + picky)
    assert found.build.problem is not None


@pytest.mark.parametrize(
    ("names", "values"),
    [
        ("in_channels, kernel_size, padding, stride", (1, 5, 0, 1)),
        ("in_features, inner, num_classes", (784, 32, 10)),
        ("pool, pool_size, dropout, drop_rate, p, bias", (2, 2, 0.5, 0.5, 0.5, True)),
        ("hidden1, conv1_channels, l1, k, out_features, conv_padding", (32, 32, 32, 5, 10, 0)),
    ],
)
def test_arguments_are_guessed_from_the_names(names: str, values: tuple[object, ...]) -> None:
    namespace: dict[str, type] = {}
    exec(f"class Net:\n    def __init__(self, {names}): pass\n", namespace)
    guessed = guessed_arguments(namespace["Net"])
    assert guessed is not None
    assert tuple(guessed.values()) == values


@pytest.mark.parametrize(
    "name", ["activation", "block", "layer", "layers", "cls", "config", "features", "hidden_sizes", "x", "norm_layer"]
)
def test_what_is_no_number_is_not_guessed(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + SIZED.replace("out):", f"out, {name}):"))
    assert found.repairs == {}
    assert found.build.problem is not None
    assert "missing 2 required positional arguments" in found.build.problem.message


def test_a_guess_that_does_not_help_is_not_reported(tmp_path: Path) -> None:
    found = built(tmp_path, TORCH + SIZED.replace("super().__init__()", "super().__init__()\n        out['size']"))
    assert found.repairs == {}
    assert found.build.problem is not None
    assert "missing 1 required positional argument: 'out'" in found.build.problem.message


def test_own_calls_leave_time_for_the_rest_of_the_stage(tmp_path: Path) -> None:
    slow = "import time\n" + "".join(f"def wait{n}():\n    time.sleep(9)\n    return 10\n" for n in range(6))
    calls = "".join(f"net = Net(wait{n}())\n" for n in range(6))
    began = time.monotonic()
    found = built(tmp_path, TORCH + SIZED + slow + calls)
    assert time.monotonic() - began < OWN_CALLS_SECONDS + 1 < STAGE_SECONDS["build"]
    assert list(found.repairs) == ["arguments"]


REBOUND: dict[str, str] = {
    "instance": "Net = Net()\n",
    "on_a_device": "device = 'cpu'\nNet = Net().to(device)\n",
    "parallel": "Net = nn.DataParallel(Net())\n",
    "compiled": "Net = torch.compile(Net())\n",
    "compiled_later": "Net = Net()\nNet = torch.compile(Net)\n",
    "wrapper": "class Wrapper(nn.Module):\n    def __init__(self, inner):\n        super().__init__()\n"
    "        self.inner = inner\n    def forward(self, x):\n        return self.inner(x)\nNet = Wrapper(Net())\n",
    "trained": "def train(net):\n    for e in range(3):\n        loss.backward()\n    return net\nNet = train(Net())\n",
    "nothing": "def fit(net):\n    return None\nNet = fit(Net)\n",
    "number": "Net = sum(p.numel() for p in Net().parameters())\n",
    "scripted": "Net = torch.jit.script(Net())\n",
    "sequential": "Net = nn.Sequential(Net(), nn.Identity())\n",
    "in_the_guard": "if __name__ == '__main__':\n    Net = Net()\n    Net.train()\n",
    "deleted": "net = Net()\ndel Net\n",
}


@pytest.mark.parametrize("name", REBOUND)
def test_a_net_that_is_bound_again_is_still_the_class(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + NET.replace("super()", "super(Net, self)") + REBOUND[name])
    assert found.build.problem is None, found.build.problem
    assert found.repairs == {}
    assert type(found.net).__name__ == "Net"


BARE, FORWARD = NET.split("    def forward")[0], "def forward(self, x):\n    return self.fc(x.flatten(1))\n"
ADD = """
def add_to_class(cls):
    def wrap(function):
        setattr(cls, function.__name__, function)
        return function
    return wrap
"""
ADDED: dict[str, str] = {
    "decorator": ADD + BARE + "@add_to_class(Net)\n" + FORWARD,
    "keyword": ADD + BARE + "@add_to_class(cls=Net)\n" + FORWARD,
    "helper_call": BARE + FORWARD + "def patch(net):\n    net.forward = forward\npatch(Net)\n",
    "helper_with_setattr": BARE + FORWARD + "def put(k, n, f):\n    setattr(k, n, f)\nput(Net, 'forward', forward)\n",
    "helper_result": BARE + FORWARD + "def patch(k):\n    k.forward = forward\n    return k\nNet = patch(Net)\n",
    "helper_keyword": BARE + FORWARD + "def patch(*, kind):\n    kind.forward = forward\n_ = patch(kind=Net)\n",
    "helper_of_a_helper": BARE
    + FORWARD
    + "def patch(k):\n    k.forward = forward\ndef all_of(n):\n    patch(n)\nall_of(Net)\n",
    "loop": BARE + FORWARD + "for f in (forward,):\n    setattr(Net, f.__name__, f)\n",
    "class_decorator": FORWARD + "def with_forward(k):\n    k.forward = forward\n    return k\n@with_forward" + BARE,
    "another_class": BARE.replace("class Net", "class Base")
    + FORWARD
    + ADD
    + "class Net(Base):\n    pass\n"
    + "@add_to_class(Base)\n"
    + FORWARD,
    "lambda": BARE + "Net.forward = lambda self, x: self.fc(x.flatten(1))\n",
    "type": BARE + FORWARD + "Net = type('Net', (Net,), {'forward': forward})\n",
}


@pytest.mark.parametrize("name", ADDED)
def test_methods_that_are_added_to_net_later(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + ADDED[name])
    assert found.repairs == {}
    assert found.net is not None
    assert "forward" in dir(type(found.net))
    assert type(found.net).forward.__qualname__ != "_forward_unimplemented"


@pytest.mark.parametrize(
    "cells",
    [
        (TORCH, "from __future__ import print_function\n" + NET),
        ("import os", f"from __future__ import annotations\n{TORCH}", NET),
        (f"%matplotlib inline\nfrom __future__ import annotations\n{TORCH}", NET),
        (f"%%time\n\nfrom __future__ import annotations\n{TORCH}", NET),
        (f"!pip install x\n# the imports\nfrom __future__ import division, print_function\n{TORCH}", NET),
        (f"import os\nfrom __future__ import annotations\n{TORCH}", NET.replace("x):", "x: NotThere):")),
        (TORCH, NET, "from __future__ import annotations\nnet = Net()"),
    ],
)
def test_future_imports_in_any_cell(tmp_path: Path, cells: tuple[str, ...]) -> None:
    found = built(tmp_path, notebook(*cells), "lab4.ipynb")
    assert found.repairs == {}
    assert "cell-skipped" not in found.remarks
    assert found.build.parameters == 7850


def test_a_cell_that_jupyter_cannot_read_either_is_the_cause(tmp_path: Path) -> None:
    loaded = load(tmp_path, notebook(TORCH + "x = = 3\n", NET.replace("784, 10", "784, x")), "lab4.ipynb")
    assert loaded.record.problem is not None or loaded.record.repairs


def test_training_functions_are_not_called_to_bind_net_again(tmp_path: Path) -> None:
    text = (
        TORCH
        + NET
        + textwrap.dedent("""
        def train(net):
            open('trained', 'w').close()
            for epoch in range(10):
                loss.backward()
            return net
        Net = train(Net())
        """)
    )
    assert built(tmp_path, text).build.parameters == 7850
    assert not (tmp_path / "trained").exists()
    bad(load(tmp_path, "Net = 3\n"), "not-a-class")
