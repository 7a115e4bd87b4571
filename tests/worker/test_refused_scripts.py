"""Scripts that have no network, or do harm when they are loaded, are refused with a clear reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.worker.load.net_loading import load_net
from tests.support.loaded_scripts import NET, TORCH, bad, load

pytestmark = pytest.mark.usefixtures("process_kept")

BROKEN: dict[str, tuple[str, str, str]] = {
    "tabs": ("tabs", "if True:\n        x = 1\n\ty = 2\n", "tabs"),
    "blank": (
        "blank-body",
        "class Net(nn.Module):\n    def __init__(self):\n\n    def forward(self, x):\n\ndef train():\n    pass\n",
        "blank",
    ),
    "blank_comments": (
        "blank-body",
        "class Net(nn.Module):\n    def __init__(self):\n        # todo\n    def forward(self, x):\n        # todo\n",
        "blank",
    ),
    "not_indented": ("indentation", "def f(x):\nx = 1\n", "indented"),
    "async": ("syntax", "def f(x):\n    return x.cuda(async=True)\n", "non_blocking"),
    "missing_base": (
        "missing-package",
        "import lightning_not_there as L\n" + NET.replace("nn.Module", "L.Module"),
        "lightning_not_there",
    ),
    "missing_helper": ("missing-package", "from model_not_there import Net\n", "model_not_there"),
    "no_class": ("no-net", "x = 1\n", "no class called Net"),
    "commented_out": ("no-net", "# class Net(nn.Module):\n#     pass\n", "commented out"),
    "several": ("no-net", NET.replace("class Net", "class One") + NET.replace("class Net", "class Two"), "One, Two"),
    "not_callable": ("not-a-class", "Net = 5\n", "int"),
    "undefined_base": ("definition-error", NET.replace("nn.Module", "Modul"), "NameError"),
    "bad_body": ("definition-error", "class Net(nn.Module):\n    layers = [1][5]\n", "IndexError"),
    "root_cause": ("definition-error", "size = [1][5]\nclass Net(nn.Module):\n    layers = size\n", "line 4"),
    "exits_in_body": ("definition-error", "class Net(nn.Module):\n    raise SystemExit(3)\n", "SystemExit"),
    "rude_exception": (
        "definition-error",
        "class E(BaseException):\n    def __str__(self):\n        raise E\nclass Net(nn.Module):\n    raise E\n",
        "E",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_scripts_get_a_clear_message(tmp_path: Path, name: str) -> None:
    kind, text, message = BROKEN[name]
    loaded = load(tmp_path, TORCH + text)
    assert message in bad(loaded, kind)
    assert loaded.record.problem is not None
    if kind not in {"no-net"}:
        assert loaded.record.problem.line > 0
        assert loaded.record.problem.file == "task1_cnn.py"


HOSTILE = {
    "class_property": "class W:\n    @property\n    def __class__(self): raise SystemExit\nNet = W()\n",
    "metaclass": "class M(type):\n    def __getattribute__(c, n): raise SystemExit(n)\n"
    "class Net(metaclass=M):\n    pass\n",
    "cleared": "globals().clear()\nimport sys\nsys.modules.clear()\n" + NET,
    "recursion": "def f():\n    return f()\nclass Net:\n    x = f()\n",
    "memory": "class Net:\n    x = [0] * 10**18\n",
    "odd_module_error": "class Net:\n    raise ModuleNotFoundError(name=5)\n",
    "odd_syntax_error": "class Net:\n    raise SyntaxError('x', (__file__, 'q', 1, 't'))\n",
    "odd_name_error": "e = NameError('x')\ne.name = [1]\nclass Net:\n    raise e\n",
    "odd_attributes": "class E(Exception):\n    __class__ = property(lambda s: 1 / 0)\nclass Net:\n    raise E\n",
    "long_text": "E = type('E' * 5000, (Exception,), {})\nclass Net:\n    raise E('\\x00\\n' * 90000)\n",
    "group": "class Net:\n    raise ExceptionGroup('a', [ValueError(1)])\n",
    "elifs": "if 0: n = 0\n" + "elif 0: n = 1\n" * 1500 + "Net = n\n",
    "no_exit": "import os\nos._exit(3)\n" + NET,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_exceptions_in_a_script_do_not_escape(tmp_path: Path, name: str) -> None:
    loaded = load(tmp_path, TORCH + HOSTILE[name])
    assert (loaded.factory is None) == (loaded.record.problem is not None)
    if loaded.record.problem is not None:
        assert len(loaded.record.problem.message) <= 500
        assert len(loaded.record.problem.exception) <= 80


def test_hostile_nesting_is_too_complex(tmp_path: Path) -> None:
    for text in ("x = " + "(" * 5000 + ")" * 5000, "x = " + "-" * 50_000 + "1", "x = 1" + " + 1" * 50_000 + "\n" + NET):
        loaded = load(tmp_path, text + "\n")
        assert loaded.factory is None
        assert loaded.record.problem is not None
        assert loaded.record.problem.kind in {"too-complex", "syntax"}


def test_unusable_files(tmp_path: Path) -> None:
    assert "NUL" in bad(load(tmp_path, b"x = 1\n\0\0\0"), "null-bytes")
    for padding in ("", "#"):  # one NUL byte in a file of even or odd length is no UTF-16
        assert "NUL" in bad(load(tmp_path, f"{NET}{padding}\0".encode()), "null-bytes")
    assert "RTF" in bad(load(tmp_path, b"{\\rtf1 class Net"), "encoding")
    assert "too large" in bad(load(tmp_path, b"#" * 3_000_000), "too-large")
    bad(load_net(tmp_path, "absent.py"), "unreadable")
    bad(load_net(tmp_path, "."), "unreadable")


BLANKS = {
    "pass": ("    def __init__(self):\n        pass\n    def forward(self, x):\n        pass\n", True),
    "ellipsis": ("    def __init__(self): ...\n    def forward(self, x):\n        'todo'\n", True),
    "super": (
        "    def __init__(self):\n        super(Net, self).__init__()\n    def forward(self, x):\n        return x\n",
        True,
    ),
    "softmax": (
        "    def __init__(self):\n        super().__init__()\n"
        "    def forward(self, x):\n        return F.log_softmax(x)\n",
        True,
    ),
    "nothing": ("    pass\n", True),
    "layers": (
        "    def __init__(self):\n        super().__init__()\n        self.a = 1\n"
        "    def forward(self, x):\n        pass\n",
        False,
    ),
    "layer_used": ("    def forward(self, x):\n        return self.a(x)\n", False),
    "typo": ("    def __int__(self):\n        self.a = 1\n    def foward(self, x):\n        return x\n", False),
}


@pytest.mark.parametrize("name", BLANKS)
def test_blank_templates_are_detected(tmp_path: Path, name: str) -> None:
    body, is_blank = BLANKS[name]
    loaded = load(tmp_path, TORCH + "class Net(nn.Module):\n" + body)
    assert loaded.factory is not None
    assert loaded.record.is_blank is is_blank
    if name == "typo":
        assert loaded.record.methods == ("__int__", "foward")
