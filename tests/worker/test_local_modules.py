"""The helper modules of a submission: how they are found and imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.loaded_scripts import NET, TORCH, bad, good, load, remarks

pytestmark = pytest.mark.usefixtures("process_kept")

HELPER = (
    TORCH + "print('training')\nimport not_there_at_all\n" + NET + "for i in range(3):\n    Net.broken\nNet().fit()\n"
)


@pytest.mark.parametrize(
    "script",
    [
        "from model import Net\n",
        "import model\nNet = model.Net\n",
        "import model\nnet = model.Net()\n",
        "from .model import Net\n",
        "from model import *\n",
        "import model as m\nclass Net(m.Net):\n    pass\n",
        "import importlib\nmodel = importlib.import_module('model')\nNet = model.Net\n",
    ],
)
def test_helper_modules(tmp_path: Path, script: str) -> None:
    loaded = load(tmp_path, script, model=HELPER)
    assert good(loaded).get_submodule("fc").out_features == 10
    assert not loaded.record.is_blank


def test_helper_modules_in_folders_and_under_other_names(tmp_path: Path) -> None:
    (tmp_path / "src" / "nets").mkdir(parents=True)
    (tmp_path / "src" / "nets" / "cnn.py").write_text("from ..base import *\n" + TORCH + NET)
    (tmp_path / "src" / "base.py").write_text("N = 10\n")
    (tmp_path / "src" / "My-Layers.py").write_text("def make(): return 10\n")
    text = "from src.nets.cnn import Net\nimport my_layers\nclass Net(Net):\n    n = my_layers.make()\n"
    loaded = load(tmp_path, text)
    good(loaded)
    assert "helper-module" in remarks(loaded)
    assert loaded.record.methods == ()
    good(load(tmp_path, "from cnn import Net\n", "second.py"))


def test_planted_modules_never_replace_real_ones(tmp_path: Path) -> None:
    planted = "raise SystemExit('planted')\n"
    loaded = load(
        tmp_path,
        "import random\nimport colorsys\nimport numpy\n"
        + TORCH
        + NET
        + "Net.n = colorsys.rgb_to_hsv(0, 0, random.randint(0, 1))\n",
        torch=planted,
        random=planted,
        numpy=planted,
        colorsys=planted,
    )
    good(loaded)
    assert str(tmp_path) not in str(sys.modules["colorsys"].__file__)


def test_a_helper_that_shares_its_name_with_the_standard_library(tmp_path: Path) -> None:
    good(load(tmp_path, "from code import Net\n", code=HELPER))


def test_a_broken_helper_is_reported_with_its_own_line(tmp_path: Path) -> None:
    loaded = load(tmp_path, "from model import Net\n", model=TORCH + NET.replace("784, 10", "784 10"))
    bad(loaded, "syntax")
    assert loaded.record.problem is not None
    assert (loaded.record.problem.file, loaded.record.problem.line) == ("model.py", 8)
    loaded = load(tmp_path, "from net2 import Net\n", net2=TORCH + NET.replace("nn.Module", "nn.Modul"))
    assert "line 5 of net2.py" in bad(loaded, "definition-error")
    loaded = load(
        tmp_path, "from net3 import Net\n", net3=TORCH + "import gone_\n" + NET.replace("nn.Module", "gone_.Base")
    )
    assert "gone_" in bad(loaded, "missing-package")


def test_a_helper_is_repaired_like_the_script(tmp_path: Path) -> None:
    loaded = load(tmp_path, "from model import Net\n", model="print 'x'\n" + NET)
    good(loaded)
    assert [(repair.kind, repair.problem and repair.problem.file) for repair in loaded.record.repairs] == [
        ("syntax", "model.py"),
        ("missing-import", "model.py"),
    ]
