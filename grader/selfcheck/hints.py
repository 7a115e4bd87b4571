"""Hints on each step, which a student asks for one after the other: first where to look, then the pattern in code.

No hint contains a number of the student's network. A step that is not in the table has no hints of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from grader.lab4.files import SCRIPT
from grader.model import Finding
from grader.selfcheck.steps import OVERFITS, SHAPES

NONE, WHERE, PATTERN = range(3)
"""The rungs: only what is wrong; where to look; the pattern in code."""

OPTION: dict[str, Any] = {
    "nargs": "?",
    "type": int,
    "choices": (WHERE, PATTERN),
    "const": WHERE,
    "default": NONE,
    "help": "show where to look for each fault; --hint 2 also shows the pattern in code",
}
"""The option ``--hint``, as argparse and pytest take it."""


@dataclass(frozen=True)
class Hint:
    """``where`` are sentences on where to look; ``pattern`` are lines of code with words in place of the numbers."""

    where: tuple[str, ...]
    pattern: tuple[str, ...] = ()


_FULLY_CONNECTED = "self.fc1 = nn.Linear(channels * height * width, units)"
_DROPOUT = ("self.drop = nn.Dropout()    # in __init__", "x = self.drop(x)            # in forward")
_WHICH_COUNT = "Only layers that forward uses count, not layers that __init__ only creates."
_SIZES = (
    "Which size has an image before the line that fails? Put print(x.shape) between the lines of forward; the next "
    "self-check shows what it prints for one batch: (images, channels, height, width).",
    "A convolution without padding makes the image smaller by its kernel size minus 1; pooling by 2 halves it, rounded "
    "down.",
    "The first fully connected layer needs one input for each value of the feature maps: channels x height x width.",
)
HINTS = {
    "loads": Hint(
        (
            f"Python shows the same error for a mistake in the file: python {SCRIPT} --help",
            "Compare the line, and the line before it, with the template: brackets, commas, colons, indentation.",
        ),
        (
            "class Net(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            "        self.name = nn.SomeLayer(...)",
            "",
            "    def forward(self, x):",
            "        x = self.name(x)",
            "        return x",
        ),
    ),
    "forward.shape": Hint(_SIZES, ("x = torch.flatten(x, 1)    # keeps the images apart", _FULLY_CONNECTED)),
    SHAPES: Hint(_SIZES, (_FULLY_CONNECTED,)),
    "structure.conv": Hint(
        (
            _WHICH_COUNT,
            "An image has one channel; the second convolution gets the channels that the first one gives.",
        ),
        ("self.conv2 = nn.Conv2d(input_channels, output_channels, kernel_size)", "x = self.conv2(x)"),
    ),
    "structure.linear": Hint(
        (_WHICH_COUNT, "The last fully connected layer has one output for each digit."),
        ("self.fc2 = nn.Linear(inputs, outputs)", "x = self.fc2(x)"),
    ),
    "structure.dropout_conv": Hint(
        (_WHICH_COUNT, "Look between the second convolution and the first fully connected layer."), _DROPOUT
    ),
    "structure.dropout_fc": Hint((_WHICH_COUNT, "Look between the two fully connected layers."), _DROPOUT),
    "structure.relu": Hint(
        (
            "There are three hidden layers: both convolutions and the first fully connected layer. Look at what comes "
            "after each of them.",
            "The last layer gives scores, which may be negative.",
        ),
        ("x = F.relu(self.layer(x))",),
    ),
    "structure.order": Hint(
        ("Read forward from top to bottom: two convolutions, dropout, two fully connected layers, log-softmax.",),
        ("x = convolutions(x)", "x = dropout(x)", "x = fully_connected_layers(flattened(x))", "return log_softmax(x)"),
    ),
    "output.log_softmax": Hint(
        (
            "Look at the return line of forward. The script uses F.nll_loss, which expects log-probabilities: they are "
            "at most 0, and their exp adds up to 1 for each image.",
            "Along which dimension do they add up? Dimension 0 are the images, dimension 1 the ten digits.",
        ),
        ("return F.log_softmax(scores, dim=...)    # the dimension of the digits",),
    ),
    "behaviour.dropout_train_eval": Hint(
        (
            "Look at how forward calls dropout. net.train() and net.eval() set self.training.",
            "A layer nn.Dropout knows the mode; the function F.dropout does not, and is on if nobody tells it.",
        ),
        ("x = F.dropout(x, training=self.training)    # or a layer nn.Dropout",),
    ),
    "forward.batch": Hint(
        (
            "Look for a number of images in forward. The last batch of an epoch is often smaller than the others.",
            "Look for an operation that mixes the images of a batch: a view with the wrong sizes, a softmax over them.",
        ),
        ("x = x.view(x.size(0), -1)    # images in this batch; -1: torch calculates",),
    ),
    "behaviour.gradients": Hint(
        (
            "net.parameters() finds only layers that are attributes of Net. A plain Python list hides them.",
            "Gradients do not pass .data, .detach(), .numpy(), .item() or torch.no_grad(). Look for these in forward.",
        ),
        ("self.layer = nn.SomeLayer(...)              # in __init__", "self.layers = nn.ModuleList([...])"),
    ),
    OVERFITS: Hint(
        (
            "A network that is trained many times on the same few images should read nearly all of them correctly. "
            "Look for layers with very few channels or units, and for a missing ReLU.",
        ),
    ),
    "training.accuracy": Hint(
        (
            "Look at the other steps first: a fault in one of them often keeps a network from learning.",
            f"This step trains only for a short time; python {SCRIPT} trains longer and prints the test accuracy.",
        ),
    ),
    "resources": Hint(("The network of the lab has about 20,000 parameters. Look for the layer that has the most.",)),
}


def without_own_numbers(finding: Finding) -> str:
    """What the grader would tell the student to try, with dots in place of the numbers of the student's network."""
    own = {number for number in re.findall(r"\d+", f"{finding.expected} {finding.seen}") if int(number) > 10}
    return re.sub(r"\d+", lambda found: "..." if found[0] in own else found[0], finding.hint)
