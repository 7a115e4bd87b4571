"""What is noticed, and refused, while a submission runs; each snippet runs as a submission's file in a forked child."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from functools import cache
from pathlib import Path

import pytest

from grader.conduct import conduct
from grader.evidence import CurvePoint, Ending, Evidence, Loading, Modes, Notice, Operation, Reading, Tracing, Training

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

RUNNER = """
import json, os, sys
from grader.worker.seal import Seal
from grader.worker.watch import Watch
import torch.nn.functional, dataclasses, collections, logging, inspect, traceback, pickle, runpy, timeit, socket, gc
import ctypes, warnings, subprocess, marshal, types, numpy
seal = Seal()
for name in sorted(os.listdir(".")):
    if not name.startswith("case"):
        continue
    readable, writable = os.pipe()
    if os.fork() == 0:
        root = os.path.abspath(name)
        os.chdir(root)
        code = compile(open("task1_cnn.py").read(), os.path.join(root, "task1_cnn.py"), "exec")
        watch = Watch(root, trusted=[PROJECT])
        watch.stage = open("stage").read()
        watch.install(lambda: None, prepare=seal.put_back_builtins)
        outcome = "ran"
        try:
            exec(code, {"__name__": "__main__"})
        except BaseException as problem:
            outcome = type(problem).__name__
        patched = list(seal.broken())
        noticed = [[one.id, one.message, one.is_grave] for one in watch.take()]
        os.write(writable, json.dumps([outcome, noticed, patched]).encode())
        os._exit(0)
    os.close(writable)
    with open(readable) as answer:
        print(name, answer.read() or "null")
    os.wait()
"""

REACHING = {
    "frames": "import sys\nsys._getframe(1)",
    "inspect": "import inspect\ninspect.stack()",
    "traceback": "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    error.__traceback__.tb_frame",
    "generator": "def g():\n    yield 1\nnext(one := g())\none.gi_frame",
    "objects": "import gc\ngc.get_objects()",
    "referents": "import gc\ngc.get_referents({})",
    "trace": "import sys\nsys.settrace(lambda *a: None)",
    "profile": "import sys\nsys.setprofile(lambda *a: None)",
    "hook": "import sys\nsys.addaudithook(lambda *a: None)",
    "memory": "import ctypes\nctypes.string_at(id(1), 8)",
    "library": "import ctypes\nctypes.CDLL(None)",
    "code": "def f(): pass\nf.__code__ = (lambda: 1).__code__",
    "new code": "def f(): pass\nf.__code__.replace(co_filename='x')",
    "bytes as code": "import marshal\nmarshal.loads(b'N')",
    "descriptors": "import os\nos.listdir('/proc/self/fd')",
    "own memory": "open('/proc/self/mem', 'rb')",
    "made of text": "exec('import sys\\n' + 'x = 1\\n' * 9 + chr(115) + 'ys._getframe()')",
    "a library's name": "import torch\nexec(compile('1', torch.__file__, 'exec'))",
    "run as a file": "import runpy\nopen('notes.txt', 'w').write('import sys' + chr(10) + 'sys._getframe()')\n"
    "runpy.run_path('notes.txt')",
    "pickle": "import pickle\npickle.loads(b'cbuiltins\\nexec\\n(S\"1\"\\ntR.')",
}
NOTING = {
    "network": ("import socket\nsocket.create_connection(('127.0.0.1', 9), 1)", "load", "network"),
    "names": ("import socket\nsocket.getaddrinfo('localhost', 80)", "load", "network"),
    "programs": ("import subprocess\nsubprocess.run(['true'])", "load", "starts-programs"),
    "fork": ("import os\nif os.fork() == 0:\n    os._exit(0)", "load", "starts-programs"),
    "passwords": ("open('/etc/passwd')", "load", "reads-files"),
    "neighbours": ("import os\nos.listdir('..')", "load", "reads-files"),
    "keys": ("import os\nopen(os.path.expanduser('~/.ssh/id_rsa'))", "load", "reads-files"),
    "results": ("open('results.json', 'w')", "load", "reads-files"),
    "labels": ("open('data/t10k-labels-idx1-ubyte')", "trace", "reads-files"),
    "weights": ("open('net.pth', 'rb')", "build", "loads-weights"),
}
HONEST = {
    "named tuple": "from collections import namedtuple\nPoint = namedtuple('Point', 'x y')\nPoint(1, 2)",
    "data class": "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\nA()",
    "enum": "import enum\nclass E(enum.Enum):\n    A = 1",
    "logging": "import logging\nlogging.basicConfig()\nlogging.warning('x')",
    "warning": "import warnings\nwarnings.warn('x')",
    "printed traceback": "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()",
    "collect": "import gc\ngc.collect()",
    "source": "import inspect\nclass Net: pass\ninspect.signature(print)\ninspect.isclass(Net)",
    "evaluated": "eval('1 + 1')\nexec('y = 2')",
    "own text": "TEXT = '''\na = 1\nb = 2\n'''\nexec(TEXT)",
    "own files": "import os\nopen('log.txt', 'w').write('x')\nos.makedirs('data', exist_ok=True)\nos.listdir('.')",
    "other machines": "import os\nos.path.exists('/content/drive')\ntry:\n    open('/content/drive/x')\n"
    "except OSError:\n    pass",
    "checkpoint in main": "open('net.pth', 'wb').write(b'')",
    "processor": "open('/proc/cpuinfo').read(10)",
    "arrays": "import numpy as np\nnp.zeros(3).tobytes()",
    "pickle": "import pickle\npickle.loads(pickle.dumps({'a': [1, 2.0, (3,)], 'b': {4}}))",
    "import": "import colorsys, wave",
    "forward": "import torch\nfrom torch import nn\nnet = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Dropout())\n"
    "net(torch.zeros(1, 1, 8, 8)).sum().backward()",
}
PATCHING = {
    "function": ("import torch\ntorch.allclose = lambda *a, **k: True", "torch.allclose"),
    "functional": ("import torch.nn.functional as F\nF.log_softmax = F.softmax", "torch.nn.functional.log_softmax"),
    "method": ("import torch\ntorch.Tensor.argmax = lambda *a: 1", ".Tensor.argmax"),
    "call": ("from torch import nn\nnn.Module.__call__ = lambda *a: 1", "torch.nn.modules.module.Module.__call__"),
    "builtin": ("import builtins\nbuiltins.isinstance = lambda *a: True", "builtins.isinstance"),
    "builtin and reaching": (
        "import builtins, gc\nbuiltins.isinstance = lambda *a: False\nbuiltins.str = int\n"
        "try:\n    gc.get_objects()\nexcept PermissionError:\n    pass\nelse:\n    1 / 0",
        "builtins.isinstance",
    ),
    "clock": ("import time\ntime.perf_counter = lambda: 0", "time.perf_counter"),
    "writing": ("import os\nos.write = lambda *a: 1", "os.write"),
    "ours": ("[c for c in object.__subclasses__() if c.__name__ == 'Watch'][0].take = lambda self: []", "Watch.take"),
}
UNPATCHED = {
    "addition": "import torch\ntorch.my_helper = lambda: 1\ntorch.Tensor.my_method = lambda self: 1",
    "wrapped load": "import functools, torch\ntorch.load = functools.partial(torch.load, weights_only=False)",
    "settings": "import torch\ntorch.backends.cudnn.deterministic = True\ntorch.manual_seed(1)",
    "warnings": "import warnings\nwarnings.warn = lambda *a, **k: None",
}


def cases() -> dict[str, tuple[str, str]]:
    """By name: a snippet and the stage that it runs in."""
    found = {f"reaching {name}": (code, "load") for name, code in REACHING.items()}
    found |= {f"noting {name}": (code, stage) for name, (code, stage, _) in NOTING.items()}
    found |= {f"honest {name}": (code, "load") for name, code in HONEST.items()}
    found |= {f"patching {name}": (code, "load") for name, (code, _) in PATCHING.items()}
    return found | {f"unpatched {name}": (code, "load") for name, code in UNPATCHED.items()}


@cache
def outcomes(folder: Path) -> dict[str, list[object]]:
    """Run all snippets, one after the other, in one process that imports torch once."""
    names = list(cases())
    for number, (code, stage) in enumerate(cases().values()):
        place = folder / f"case{number:03}"
        place.mkdir()
        (place / "task1_cnn.py").write_text(textwrap.dedent(code) + "\n", encoding="utf-8")
        (place / "stage").write_text(stage, encoding="utf-8")
    runner = RUNNER.replace("PROJECT", repr(str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{runner}"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    lines = [line.partition(" ") for line in done.stdout.splitlines() if line.startswith("case")]
    return {names[int(name.removeprefix("case"))]: json.loads(answer) for name, _, answer in lines}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("watch")


@pytest.mark.parametrize("name", REACHING)
def test_reaching_in_is_refused_and_grave(name: str, folder: Path) -> None:
    outcome, noticed, _ = outcomes(folder)[f"reaching {name}"]
    assert outcome == ("ran" if name == "hook" else "PermissionError"), "a hook that is refused is left out in silence"
    assert [(id, is_grave) for id, _, is_grave in noticed][:1] == [("reaches-in", True)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NOTING)
def test_the_rest_is_noted_only(name: str, folder: Path) -> None:
    outcome, noticed, _ = outcomes(folder)[f"noting {name}"]
    assert outcome != "PermissionError"
    assert {(id, is_grave) for id, _, is_grave in noticed} == {(NOTING[name][2], False)}  # type: ignore[attr-defined]
    assert "Line " in str(noticed)


@pytest.mark.parametrize("name", HONEST)
def test_what_honest_scripts_do_is_no_news(name: str, folder: Path) -> None:
    assert outcomes(folder)[f"honest {name}"] == ["ran", [], []]


@pytest.mark.parametrize("name", PATCHING)
def test_what_is_replaced_is_put_back_and_told(name: str, folder: Path) -> None:
    outcome, noticed, patched = outcomes(folder)[f"patching {name}"]
    assert (outcome, [one[0] for one in noticed]) == ("ran", ["reaches-in"] if "reaching" in name else [])  # type: ignore[attr-defined]
    assert any(one.endswith(PATCHING[name][1]) for one in patched)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", UNPATCHED)
def test_additions_and_settings_are_free(name: str, folder: Path) -> None:
    assert outcomes(folder)[f"unpatched {name}"] == ["ran", [], []]


# ---- what conduct means for marks ------------------------------------------------------------------------------------

CONV, FC = "conv conv1 10 24 24", "linear fc2 10"
LOADED = Loading(None, how="slice", script="task1_cnn.py")


def seen(**changes: object) -> Evidence:
    return Evidence(Ending("finished"), load=LOADED, **changes)  # type: ignore[arg-type]


def flags_and_holds(evidence: Evidence) -> tuple[list[str], list[str]]:
    found = conduct(evidence)
    return [flag.id for flag in found.flags], [hold.check for hold in found.holds]


def test_good_conduct_has_no_flag() -> None:
    run = Training(None, 1, correct=1900, total=2000, curve=(CurvePoint(100, 0.93, 0.2),), untrained_total=250)
    modes = Modes(None, train_path=(CONV, FC), eval_path=(CONV, FC))
    assert flags_and_holds(seen(modes=modes, trainings=(run,))) == ([], [])


def test_a_notice_is_a_flag_and_a_grave_one_holds_everything() -> None:
    mild, grave = Notice("network", "a"), Notice("reaches-in", "b", is_grave=True)
    assert flags_and_holds(seen(notices=(mild,))) == (["network"], [])
    assert flags_and_holds(seen(notices=(mild, grave))) == (["reaches-in", "network"], [""])
    assert flags_and_holds(seen(reading=Reading(notices=(grave,)))) == (["reaches-in"], [""])


def test_reaching_in_outside_of_net_counts_when_everything_was_run() -> None:
    outside = Reading(notices=(Notice("reaches-in", "b"),))
    assert flags_and_holds(seen(reading=outside)) == (["reaches-in"], [])
    whole = Evidence(Ending("finished"), load=Loading(None, how="whole"), reading=outside)
    assert flags_and_holds(whole) == (["reaches-in"], [""])


def test_other_layers_in_another_mode_or_later_hold_everything() -> None:
    two_faced = Modes(None, train_path=(CONV, FC), eval_path=(FC,))
    assert flags_and_holds(seen(modes=two_faced)) == (["modes-differ"], [""])
    honest = Modes(None, train_path=(CONV, FC), eval_path=(CONV, FC))
    later = Training(None, 1, train_path=(FC,), eval_path=(CONV, FC))
    assert flags_and_holds(seen(modes=honest, trainings=(later,))) == (["shifts"], [""])
    watched = Modes(None, train_path=(CONV,), eval_path=(CONV,), traced_difference=0.5)
    assert flags_and_holds(seen(modes=watched)) == (["shifts"], [""])
    restless = Modes(None, eval_difference=0.4, train_path=(CONV,), eval_path=(CONV,), traced_difference=0.5)
    assert flags_and_holds(seen(modes=restless)) == ([], []), "dropout left on is another fault"


def test_knowing_the_digits_too_early_or_too_well_holds_the_accuracy() -> None:
    early = Training(None, 1, untrained_correct=200, untrained_total=250)
    assert flags_and_holds(seen(trainings=(early,))) == (["trained-before"], ["training.accuracy"])
    told = Training(None, 1, correct=1990, total=2000, curve=(CurvePoint(100, 0.3, 2.0),))
    assert flags_and_holds(seen(trainings=(told,))) == (["knows-heldout"], ["training.accuracy"])


def test_a_trace_without_words_in_the_text_is_flagged() -> None:
    trace = Tracing(None, 4, (Operation(0, "conv", "conv2d", inputs=(-1,)),), 0)
    assert flags_and_holds(seen(trace=trace, reading=Reading(kinds=("linear",)))) == (["text-differs"], [])
    assert flags_and_holds(seen(trace=trace, reading=Reading(kinds=("conv",)))) == ([], [])
