"""The texts of the hints, by fault, by step, or by the layer that comes next in an unfinished forward.

A fault has the name that its finding has, which is a kind of repair (docs/marking-policy.md) or a word of the check. A
step's own hints serve its other faults.
"""

from __future__ import annotations

from dataclasses import dataclass

from grader.lab4.files import SCRIPT
from grader.selfcheck.steps import OVERFITS


@dataclass(frozen=True)
class Hint:
    """``where`` are sentences on where to look; ``pattern`` are lines of code with words in place of the numbers.

    If ``needs_sizes``, the sizes of the layers that ran help too.
    """

    where: tuple[str, ...]
    pattern: tuple[str, ...] = ()
    needs_sizes: bool = False


_PRINT = (
    "Which size has an image before the line that fails? Put print(x.shape) between the lines of forward; the next "
    "self-check shows what it prints for one batch: (images, channels, height, width)."
)
_SMALLER = (
    "A convolution without padding makes the image smaller by its kernel size minus 1; pooling by 2 halves it, rounded "
    "down."
)
_VALUES = "The first fully connected layer needs one input for each value of a feature map: channels x height x width."
_IMAGES = "Dimension 0 counts the images of a batch. A flatten step keeps it, and joins only the dimensions after it."
_USED = "Only layers that forward uses count, not layers that __init__ only creates."
_FC1 = "self.fc1 = nn.Linear(channels * height * width, units)"
_CONV2 = "self.conv2 = nn.Conv2d(channels_of_conv1, channels, kernel_size)"
_DROPOUT = ("self.drop = nn.Dropout()    # in __init__", "x = self.drop(x)            # in forward")
_FLATTEN = "x = torch.flatten(x, 1)    # all dimensions from 1 on; or x.view(x.size(0), -1)"
_LAYER = ("self.name = nn.SomeLayer(...)    # in __init__", "x = self.name(x)                 # in forward")
_CLASS = (
    "class Net(nn.Module):",
    "    def __init__(self):",
    "        super().__init__()",
    "        self.name = nn.SomeLayer(...)",
    "",
    "    def forward(self, x):",
    "        x = self.name(x)",
    "        return x",
)
_LOADS = Hint(
    (
        f"Python shows the same error for a mistake in the file: python {SCRIPT} --help",
        "Compare the line, and the line before it, with the template: brackets, commas, colons, indentation.",
    ),
    _CLASS,
)
_BUILD = Hint(
    (
        f"Python shows the same error when the script makes the network: python {SCRIPT}",
        "Look at the line of __init__: self. before the name, capital letters, and what is in the brackets.",
    ),
    ("super().__init__()               # first in __init__", *_LAYER),
)
_RETURNS = Hint(
    ("Look at the return line, the last one of forward: what it returns is what the loss gets, for each image.",),
    ("return F.log_softmax(x, dim=...)    # x: the scores of the last layer",),
)
_RESHAPED = Hint((_IMAGES, _PRINT), (_FLATTEN, _FC1), needs_sizes=True)
_LOG_SOFTMAX = Hint(
    (
        "Look at the return line of forward. The script uses F.nll_loss, which expects log-probabilities: they are "
        "at most 0, and their exp adds up to 1 for each image.",
        "Along which dimension do they add up? Dimension 0 are the images, dimension 1 the ten digits.",
    ),
    ("return F.log_softmax(scores, dim=...)    # the dimension of the digits",),
)
_ORDER = Hint(
    ("Read forward from top to bottom: two convolutions, dropout, two fully connected layers, log-softmax.",),
    ("x = convolutions(x)", "x = dropout(x)", "x = fully_connected_layers(flattened(x))", "return log_softmax(x)"),
)

_OF_FAULTS: dict[tuple[str, ...], Hint] = {
    ("build", "not-a-module", "super-init"): _BUILD,
    ("no-net", "near-miss", "not-a-class", "instance"): Hint(
        ("Look at the line that begins with class, and at its capital letters.",), _CLASS
    ),
    ("linear-size",): Hint((_PRINT, _SMALLER, _VALUES), (_FC1,), needs_sizes=True),
    ("conv-channels",): Hint(
        ("Compare the two convolutions in __init__: the second one takes as many channels as the first one gives.",),
        ("self.conv1 = nn.Conv2d(1, channels_of_conv1, kernel_size)", _CONV2),
        needs_sizes=True,
    ),
    ("map-too-small",): Hint((_PRINT, _SMALLER), needs_sizes=True),
    ("flatten-missing", "flatten-batch", "reshape-size", "reshape-rows", "reshape-layout", "extra-dimensions"): (
        _RESHAPED
    ),
    ("input-shape",): Hint((_PRINT,), ("x = self.conv1(x)    # first, with x as forward gets it",), needs_sizes=True),
    ("class-count",): Hint(
        ("Look at the last layer in __init__: it gives one score for each digit.",),
        ("self.fc2 = nn.Linear(units, digits)",),
    ),
    ("return-missing", "returned-container", "class-numbers", "transposed"): _RETURNS,
    ("softmax-dim",): _LOG_SOFTMAX,
    ("attribute", "missing-layer", "name", "init-name"): Hint(
        ("Compare the name in forward with the line of __init__ that creates the layer; self. belongs before both.",),
        _LAYER,
    ),
    ("layer-call",): Hint(
        (
            "A layer is made once, in __init__, and applied to x in forward. A function of F is only applied. Does the "
            "line, or one before it, do something to x, or does it only make a layer?",
        ),
        (*_LAYER, "x = F.relu(x)                    # a function, without a layer"),
    ),
    ("comma",): Hint(("Look at the end of the line that makes the value, in __init__ or in forward.",)),
    ("forward-name",): Hint(
        ("Look at the line that begins with def: the name, self, and the same indentation as __init__.",), _CLASS
    ),
    ("unfinished",): _ORDER,
    ("device", "dtype"): Hint(
        ("Look in Net for .cuda(), .to(...), .double() and .half(). The script moves what has to move.",)
    ),
    ("extra-activation",): Hint(
        ("The last layer gives scores, which may be negative. Look at what comes after it in forward.",),
        ("x = self.last_layer(x)", "return F.log_softmax(x, dim=...)"),
    ),
    ("unused-result",): Hint(
        ("Look for a line of forward that calls a function and does not give its result a name.",),
        ("x = function(x)    # not only function(x)",),
    ),
    ("too-many-layers",): Hint(("Count the layers that forward applies. One that is applied twice counts twice.",)),
    ("dropout-share",): Hint(
        ("Look at what the dropout gets in its brackets: the share that is dropped, and for F.dropout the mode.",),
        ("self.drop = nn.Dropout(p=share)", "x = F.dropout(x, p=share, training=self.training)"),
    ),
    ("unregistered",): Hint(
        ("net.parameters() finds only layers that are attributes of Net. A plain Python list hides them.",),
        ("self.layer = nn.SomeLayer(...)              # in __init__", "self.layers = nn.ModuleList([...])"),
    ),
    ("cut-gradients",): Hint(
        ("Gradients do not pass .data, .detach(), .numpy(), .item() or torch.no_grad(). Look for these in forward.",)
    ),
    ("in-place",): Hint(("Look in forward for +=, and for inplace=True.",), ("x = x + y    # not x += y",)),
}

_OF_STEPS = {
    "loads": _LOADS,
    "forward.shape": Hint(
        (
            "Read the line, and the lines before it that make what it uses: names, capital letters, brackets, self.",
            _PRINT,
        ),
        _LAYER,
    ),
    "structure.conv": Hint(
        (_USED, "An image has one channel; the second convolution gets the channels that the first one gives."),
        (_CONV2, "x = self.conv2(x)"),
    ),
    "structure.linear": Hint(
        (_USED, "The last fully connected layer has one output for each digit."),
        ("self.fc2 = nn.Linear(inputs, outputs)", "x = self.fc2(x)"),
    ),
    "structure.dropout_conv": Hint(
        (_USED, "Look between the second convolution and the first fully connected layer."), _DROPOUT
    ),
    "structure.dropout_fc": Hint((_USED, "Look between the two fully connected layers."), _DROPOUT),
    "structure.relu": Hint(
        (
            "There are three hidden layers: both convolutions and the first fully connected layer. Look at what comes "
            "after each of them.",
        ),
        ("x = F.relu(self.layer(x))",),
    ),
    "structure.order": _ORDER,
    "output.log_softmax": _LOG_SOFTMAX,
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
        ("Look at the lines that make or change a weight, and at a ReLU or a constant that blocks every value.",)
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

_OF_LAYERS = {
    "conv1": Hint(
        (
            "__init__ creates each layer, with self. before its name; forward applies it. An image has one channel.",
            "A ReLU and pooling are functions of F, or layers that __init__ creates too.",
        ),
        (
            "super().__init__()                                  # first in __init__",
            "self.conv1 = nn.Conv2d(1, channels, kernel_size)    # in __init__",
            "x = F.relu(F.max_pool2d(self.conv1(x), size))       # in forward",
            "return x",
        ),
    ),
    "conv2": Hint(
        (
            "The second convolution takes as many channels as the first one gives.",
            "The dropout comes somewhere after it, before or after the ReLU and pooling.",
        ),
        (_CONV2, "self.drop = nn.Dropout()", "x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), size))"),
    ),
    "flatten": Hint(
        ("A fully connected layer takes the values of each image in one row.", _IMAGES),
        (_FLATTEN,),
    ),
    "fc1": Hint(
        (_VALUES, "The list of steps above shows how many values an image has after the flatten step."),
        (_FC1, "x = F.relu(self.fc1(x))", "x = F.dropout(x, training=self.training)"),
    ),
    "fc2": Hint(
        ("It takes as many values as the first one gives, and gives one score for each digit. No ReLU follows it.",),
        ("self.fc2 = nn.Linear(units_of_fc1, digits)", "x = self.fc2(x)"),
    ),
    "log-softmax": _LOG_SOFTMAX,
}
"""By the layer that comes next."""

HINTS: dict[str, Hint] = {
    **{fault: hint for faults, hint in _OF_FAULTS.items() for fault in faults},
    **_OF_STEPS,
    **_OF_LAYERS,
}
