"""Packages that are not installed: a stand-in that does nothing costs nothing, unless the network really needs them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.model.evidence import Problem
from grader.worker.load.missing_packages import PackageNeeded, StandIn, StandIns
from tests.support.loaded_scripts import NET, TORCH, bad, built, load

pytestmark = pytest.mark.usefixtures("process_kept")

INIT, RUN = "        self.fc =", "        return F"


def in_forward(line: str) -> str:
    return NET.replace(RUN, f"        {line}\n{RUN}")


def in_init(line: str) -> str:
    return NET.replace(INIT, f"        {line}\n{INIT}")


IDLE: dict[str, str] = {
    "plot": "import plots_gone.pyplot as plt\n" + in_forward("plt.imshow(x[0, 0].detach().cpu())"),
    "plot_guarded": "import plots_gone.pyplot as plt\n" + in_forward("if getattr(self, 'show', False): plt.show()"),
    "plot_in_training": "from plots_gone import pyplot as plt\n" + in_forward("if self.training: plt.plot([1, 2])"),
    "axes": "import plots_gone as plt\n" + in_init("self.figure, (self.a, self.b) = plt.subplots(1, 2)"),
    "writer": "from torch.utils.boards_gone import Writer\nwriter = Writer('runs')\n"
    + in_forward("writer.add_histogram('conv', x)"),
    "writer_in_init": "from boards_gone import Writer\n"
    + in_init("self.writer = Writer()").replace(
        RUN, "        if self.writer:\n            self.writer.add(x, n=1)\n" + RUN
    ),
    "imported_in_forward": in_forward("import wandb_gone as wandb; wandb.log({'mean': x.mean().item()})"),
    "imported_in_init": in_init("from summary_gone import summary").replace(
        INIT, f"        summary(self, (1, 28, 28))\n{INIT}"
    ),
    "imported_in_a_branch": in_forward("if self.training:\n            import boards_gone.writer"),
    "with": "import profile_gone\n" + in_forward("with profile_gone.record('forward'): y = x"),
    "print": "import colour_gone\n" + in_forward("print(f'{colour_gone.RED} {x.shape}')"),
    "decorator": "from types_gone import typed, checker\n@typed(checker=checker)\n"
    + NET.strip().replace("    def forward", "    @checker\n    def forward"),
    "annotations": "from shapes_gone import Float\n"
    + NET.replace("x):", "x: Float[torch.Tensor, 'n 1 28 28']) -> Float:"),
    "annotations_of_nothing": NET.replace("x):", "x: Float['n 1 28 28']) -> Images:"),
    "annotated_fields": NET.replace("    def __init__", "    fc: Layer | None\n    def __init__", 1),
    "class_configuration": "from cfg_gone import Box\ncfg = Box({'out': 10, 'a': {'in_': 784}})\n"
    + NET.replace("784, 10", "cfg.a.in_, cfg['out']"),
    "keyword_configuration": "import cfg_gone\ncfg = cfg_gone.Config(out=10)\n"
    + NET.replace("784, 10", "784, cfg.out"),
    "guarded": "try:\n    import plots_gone as plt\nexcept ImportError:\n    print('no plots')\n"
    + in_forward("if getattr(self, 'show', False): plt.show()"),
    "not_reached": "import plots_gone\n" + NET + "    def show(self):\n        return plots_gone.x + 1\n",
    "fallback": "try:\n    import apex_gone as apex\nexcept ImportError:\n    apex = None\n"
    + in_forward("assert apex is None"),
    "fallback_in_forward": in_forward(
        "try:\n            import apex_gone\n        except ImportError:\n            apex_gone = None"
    ).replace(RUN, "        assert apex_gone is None\n" + RUN),
}


@pytest.mark.parametrize("name", IDLE)
def test_a_package_that_does_nothing_for_the_network_costs_nothing(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + IDLE[name])
    assert found.build.problem is None, found.build.problem
    assert found.repairs == {}
    assert found.net is not None
    assert found.build.parameters == 7850
    assert found.net(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_an_exit_in_forward_is_not_a_fault_of_init(tmp_path: Path) -> None:
    found = built(tmp_path, TORCH + in_forward("import sys; sys.exit(1)"))
    assert found.build.problem is None
    assert found.net is not None


def test_a_stand_in_is_remarked(tmp_path: Path) -> None:
    found = built(tmp_path, TORCH + IDLE["plot"])
    assert [remark.message.split(" ", 1)[0] for remark in found.load.remarks if remark.id == "stand-in"] == [
        "plots_gone"
    ]


NEEDED: dict[str, str] = {
    "rearranged": "from ein_gone import rearrange\n"
    + NET.replace("x.flatten(1)", "rearrange(x, 'n c h w -> n (c h w)')"),
    "returned": "from ein_gone import rearrange\n" + in_forward("return rearrange(x)"),
    "layer": "import layers_gone\n" + NET.replace("nn.Linear(", "layers_gone.Linear("),
    "in_sequential": "import layers_gone\n" + NET.replace("nn.Linear(784, 10)", "nn.Sequential(layers_gone.Linear(3))"),
    "added": "import noise_gone\n" + in_forward("x = x + noise_gone.of(x)"),
    "added_left": "import noise_gone\n" + in_forward("x = noise_gone.scale * x"),
    "size": "import cfg_gone\ncfg = cfg_gone.load('a.yml')\n" + NET.replace("784, 10", "784, cfg.out"),
    "compared": "import cfg_gone\n" + in_forward("if cfg_gone.depth > 3: x = x + 1"),
    "flag": "import cfg_gone\n" + in_forward("if cfg_gone.is_deep(): x = x + 1"),
    "loop": "import cfg_gone\n" + in_init("for size in cfg_gone.sizes: self.a = size"),
    "caught": "import cfg_gone\n"
    + in_forward("try:\n            x = x + cfg_gone.a\n        except Exception:\n            pass"),
    "imported_in_forward": in_forward("from ein_gone import rearrange").replace("x.flatten(1)", "rearrange(x)"),
    "guarded": "try:\n    import ein_gone as e\nexcept ImportError:\n    print('x')\n"
    + NET.replace("x.flatten(1)", "e.rearrange(x)"),
    "in_training_only": "import noise_gone\n" + in_forward("if self.training: x = x + noise_gone.of(x)"),
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_package_that_the_network_calculates_with_is_named(tmp_path: Path, name: str) -> None:
    found = built(tmp_path, TORCH + NEEDED[name])
    problem = found.build.problem
    assert found.net is None
    assert problem is not None
    assert problem.kind == "missing-package"
    assert "_gone, which is neither installed nor" in problem.message
    assert "import" in problem.code


@pytest.mark.parametrize(
    "text",
    [
        "import light_gone as L\n" + NET.replace("nn.Module", "L.Module"),
        "from light_gone import Module\n" + NET.replace("nn.Module", "Module"),
        "from model_gone import Net\n",
        "from data_gone import SIZE\nwidth = SIZE * 10\n" + NET.replace("784, 10", "784, width"),
    ],
)
def test_a_package_that_the_definition_needs_is_named(tmp_path: Path, text: str) -> None:
    loaded = load(tmp_path, TORCH + text)
    if loaded.record.problem is None:
        found = built(tmp_path, TORCH + text)
        assert found.build.problem is not None
        assert found.build.problem.kind == "missing-package"
    else:
        assert "_gone" in bad(loaded, "missing-package")


def test_nothing_is_derived_from_a_stand_in() -> None:
    problem = Problem("missing-package", "Line 1 imports gone.")
    owner = StandIns(lambda error: problem, lambda name: False)
    gone: Any = owner.make(ModuleNotFoundError(name="gone.a"))
    assert list(owner.made) == ["gone"]
    assert copy.deepcopy(gone) is gone
    assert type(gone.a.b(1, x=2)[3]) is StandIn
    assert gone.f(torch.zeros(1)) is not None
    assert type(gone.f(torch.relu)) is StandIn
    for use in (
        lambda: gone + 1,
        lambda: 1 + gone,
        lambda: torch.zeros(1) * gone,
        lambda: torch.relu(gone),
        lambda: torch.cat([torch.zeros(1), gone]),
        lambda: int(gone),
        lambda: [*gone],
        lambda: gone == 3,
        lambda: len(gone),
        lambda: range(gone),
        lambda: bool(gone.f()),
        lambda: isinstance(1, gone),
    ):
        owner.needed = None
        with pytest.raises(PackageNeeded):
            use()
        assert owner.needed is problem
