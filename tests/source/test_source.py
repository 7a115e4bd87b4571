"""Tests of reading scripts without running them: names, slices, definitions, syntax errors."""

from __future__ import annotations

import ast
import textwrap

import pytest

from grader.source.bindings import changed_names, globals_set_by, names_of, reads_at_once
from grader.source.definitions import class_named, future_flags, imports, methods, only_what_runs, opened, parse
from grader.source.script import Script, SourceProblem
from grader.source.slicing import slice_for


def statements(text: str) -> list[ast.stmt]:
    return list(opened(parse(Script("task1_cnn.py", textwrap.dedent(text)))))


def kept(text: str, *names: str) -> str:
    """The slice as text."""
    return "\n".join(ast.unparse(node) for node in slice_for(statements(text), names or ("Net",)).statements)


def first(text: str) -> ast.stmt:
    return statements(text)[0]


@pytest.mark.parametrize(
    ("text", "binds", "reads"),
    [
        ("x = y", {"x"}, {"y"}),
        ("import a.b as c, d.e", {"c", "d"}, set()),
        ("from a import b as c", {"c"}, set()),
        ("def f(a=b) -> c:\n    return a + d + [e for e in g]", {"f"}, {"b", "c", "d", "g"}),
        (
            "class A(B, m=C):\n    k = k\n    def f(self):\n        z = 1\n        return z + q + k",
            {"A"},
            {"B", "C", "k", "q"},
        ),
        ("x: int = 3", {"x"}, {"int"}),
        ("f = lambda a, b=c: a + d", {"f"}, {"c", "d"}),
        ("print(n := 3)", {"n"}, {"print"}),
        ("[i for i in j]", set(), {"j"}),
        ("for i in r:\n    s = i", {"i", "s"}, {"r", "i"}),
        ("try:\n    pass\nexcept E as e:\n    pass", {"e"}, {"E"}),
        ("del x", set(), set()),
        ("def f():\n    import os\n    def g():\n        return os.path, h\n    return g", {"f"}, {"h"}),
        ("def f():\n    global g\n    g = 1", {"f"}, set()),
    ],
)
def test_names_of_a_statement(text: str, binds: set[str], reads: set[str]) -> None:
    assert names_of(first(text)) == (frozenset(binds), frozenset(reads))


def test_reads_at_once_and_globals_set_by_functions() -> None:
    assert globals_set_by(first("def f():\n    def g():\n        global h\n        h = 1")) == {"h"}
    assert reads_at_once(first("class A(B):\n    c = D\n    def f(self, x=E):\n        return F")) == {"B", "D", "E"}


@pytest.mark.parametrize(
    ("text", "stores", "calls"),
    [
        ("a.b.c = 1", {"a"}, set()),
        ("a['k'][0] += 1", {"a"}, set()),
        ("a.b(1).c(2)", set(), {"a"}),
        ("x = a.pop()", set(), {"a"}),
        ("x = a.count()", set(), set()),
        ("setattr(a, 'b', 1)", {"a"}, set()),
        ("model.train()", set(), set()),
        ("def f():\n    a.b = 1", set(), set()),
        ("for i in j:\n    a.append(i)\n    b[i] = 0", {"b"}, {"a"}),
    ],
)
def test_changed_names(text: str, stores: set[str], calls: set[str]) -> None:
    assert changed_names(first(text)) == (frozenset(stores), frozenset(calls))


def test_a_slice_keeps_only_what_net_needs() -> None:
    text = """
    import os, torch
    import matplotlib.pyplot as plt
    import torch.nn as nn
    SIZE = 10
    OTHER = download()
    def helper(x):
        return x * FACTOR
    FACTOR = 2
    class Net(nn.Module):
        def forward(self, x):
            return helper(x) + SIZE
    net = Net()
    for epoch in range(3):
        train(net)
    plt.show()
    """
    lines = [line for line in kept(text).split("\n") if line and not line.startswith(" ")]
    assert lines[0] == "import torch.nn as nn"
    assert [line.split()[0] for line in lines] == ["import", "SIZE", "def", "FACTOR", "class"]


def test_branches_keep_only_the_needed_statements() -> None:
    text = """
    if fast():
        print('fast')
        n = 1
    else:
        print('slow')
    try:
        import apex
        import torch
    except ImportError:
        sys.exit()
    with open('x') as f:
        n = f.read()
        print(n)
    if __name__ == '__main__':
        class Net(torch.nn.Module):
            size = n
        main()
    """
    result = kept(text)
    assert "print" not in result
    assert "apex" not in result
    assert "main()" not in result
    assert "if fast():\n    n = 1\nelse:\n    pass" in result
    assert "try:\n    import torch\nexcept ImportError:\n    pass" in result
    assert "with open('x') as f:\n    n = f.read()" in result


def test_changes_to_needed_objects_are_kept_and_calls_on_modules_are_not() -> None:
    text = """
    import torch, argparse
    parser = argparse.ArgumentParser()
    group = parser.add_argument_group('g')
    group.add_argument('--k')
    parser.add_argument('--n')
    args = parser.parse_args()
    args.cuda = torch.cuda.is_available()
    torch.manual_seed(args.seed)
    other.append(args)
    class Net(torch.nn.Module):
        n = args.n
    """
    result = kept(text)
    for line in ("group.add_argument('--k')", "parser.add_argument('--n')", "args.cuda = torch.cuda.is_available()"):
        assert line in result
    assert "manual_seed" not in result
    assert "other" not in result


def test_training_loops_are_dropped_even_when_they_bind_a_needed_name() -> None:
    text = "x = 1\nfor x in data:\n    loss.backward()\nfor i in range(3):\n    x += i\nNet = x\n"
    assert kept(text) == "x = 1\nfor i in range(3):\n    x += i\nNet = x"


def test_star_imports_are_kept_if_a_name_is_bound_nowhere_else() -> None:
    assert kept("from a import *\nb = 1\nNet = b\n") == "b = 1\nNet = b"
    assert kept("from a import *\nb = 1\nNet = c\n") == "from a import *\nNet = c"


def test_statements_are_taken_from_functions() -> None:
    text = "def main():\n    args = get()\n    train(args)\n    q = 1\n"
    text += "class Net:\n    def f(self):\n        return args, q\n"
    found = slice_for(statements(text), {"Net"})
    assert found.usual == ("args",)
    assert [ast.unparse(node) for node in found.statements][-1] == "args = get()"
    text = "def main():\n    global q\n    q = 1\n    loss.backward()\nmain()\nclass Net:\n    k = q\n"
    found = slice_for(statements(text), {"Net"})
    assert found.usual == ()
    assert [type(node).__name__ for node in found.statements] == ["Assign", "ClassDef"]


def test_line_numbers_are_those_of_the_script() -> None:
    found = slice_for(statements("\n\nimport a\n\nif x:\n    b = 1\n    Net = a\n"), {"Net"})
    assert [node.lineno for node in found.statements] == [3, 5]


def test_classes_imports_and_flags() -> None:
    script = statements(
        """
        from __future__ import annotations
        import torch.nn as nn, os.path
        from .model import A as B
        class Net: pass
        if True:
            class Net(nn.Module):
                def __int__(self): self.helper()
                def forward(self, x): return self.used(x)
                def used(self, x): return x
                def unused(self): return pandas
        def f():
            class Net: pass
        """
    )
    net = class_named(script, "Net")
    assert net is not None
    assert methods(net) == ("__int__", "forward", "used", "unused")
    assert methods(only_what_runs(net)) == ("__int__", "forward", "used")
    found = imports(script)
    assert (found["nn"].module, found["os"].package, found["B"].module) == ("torch.nn", "os", ".model")
    assert future_flags(script)
    assert not future_flags(script[1:])


@pytest.mark.parametrize(
    ("text", "kind", "line"),
    [
        ("x = 1\nprint 'a'\n", "python2", 2),
        ("print x, y\n", "python2", 1),
        ("exec 'a'\n", "python2", 1),
        ("raise E, 'a'\n", "python2", 1),
        ("if 1 <> 2: pass\n", "python2", 1),
        ("x = 0777\n", "python2", 1),
        ("x = 10L\n", "python2", 1),
        ("x = `y`\n", "python2", 1),
        ("print ('a'\n", "syntax", 1),
        ("x = 'print `10L` <>' y\n", "syntax", 1),
        ("x = 1\n<<<<<<< HEAD\n", "syntax", 2),
        ("x = \u201ca\u201d\n", "syntax", 1),
        ("x = 1\n   y = 2\n", "indentation", 2),
        ("class Net:\n    def f(self):\n\n    def g(self):\n        pass\n", "blank-body", 2),
        ("class Net:\n    def f(self):\n", "blank-body", 2),
        ("class Net:\n\nx = 1\n", "indentation", 3),
        ("class Net:\n\ndef f(): pass\n", "blank-body", 1),
        ("nonlocal x\n", "syntax", 1),
        ("def f(a, a): pass\n", "syntax", 1),
    ],
)
def test_syntax_errors_have_a_kind_and_a_line(text: str, kind: str, line: int) -> None:
    with pytest.raises(SourceProblem) as refused:
        parse(Script("task1_cnn.py", text))
    problem = refused.value.problem
    assert (problem.kind, problem.line) == (kind, line)
    assert problem.code == text.split("\n")[line - 1].strip()


def test_warnings_in_a_students_script_are_ignored() -> None:
    assert parse(Script("task1_cnn.py", "x = '\\d'\nif x is 'a': pass\nassert (x, 'b')\n"))


def test_lines_of_a_notebook_have_cell_and_line_numbers() -> None:
    script = Script("n.ipynb", "a\nb\nc\nd", ((2, 1), (5, 3)))
    assert [script.place(line) for line in (1, 2, 3, 4)] == [(2, 1), (2, 2), (5, 1), (5, 2)]
    assert script.where(4) == "Line 2 of code cell 5"
    assert script.code(4) == "d"
    assert script.code(9) == ""
