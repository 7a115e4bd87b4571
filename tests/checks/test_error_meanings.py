"""What an error of Python or torch means: the call and the line are named, the corrected code is only in the hint."""

from __future__ import annotations

import pytest

from grader.checks.error_meanings import meaning
from grader.model.evidence import Problem

FORWARD_IS_FIRST = "max_pool2d(): argument 'input' (position 1) must be Tensor, not "
MEANINGS = {
    "Conv2d.__init__() missing 1 required positional argument: 'kernel_size'": (
        "self.conv1 = nn.Conv2d(1, 10)",
        "nn.Conv2d in line 12 needs a kernel size: nn.Conv2d(1, 10) has only 2 of 3 arguments.",
        "nn.Conv2d(input channels, output channels, kernel size)",
    ),
    "Conv2d.__init__() missing 2 required positional arguments: 'out_channels' and 'kernel_size'": (
        "self.conv1 = nn.Conv2d(1, padding=2)",
        "nn.Conv2d in line 12 needs a number of output channels and a kernel size: "
        "nn.Conv2d(1, padding=2) does not give it.",
        "kernel size",
    ),
    "Linear.__init__() missing 1 required positional argument: 'out_features'": (
        "self.fc = nn.Sequential(nn.Linear(9, 3), nn.Linear(320))",
        "nn.Linear in line 12 needs a number of outputs: nn.Linear(320) has only 1 of 2 arguments.",
        "nn.Linear(inputs, outputs)",
    ),
    "_MaxPoolNd.__init__() missing 1 required positional argument: 'kernel_size'": (
        "self.pool = nn.MaxPool2d()",
        "nn.MaxPool2d in line 12 needs a kernel size, and nn.MaxPool2d() has no arguments.",
        "nn.MaxPool2d(size)",
    ),
    "Block.__init__() missing 1 required positional argument: 'width'": (
        "self.block = Block(",
        "Block in line 12 needs the argument width.",
        "Add what is missing",
    ),
    "Conv2d.forward() missing 1 required positional argument: 'input'": (
        "x = F.relu(self.conv1())",
        "self.conv1() in line 12 gets no tensor.",
        "self.conv1(x)",
    ),
    "Linear.__init__() takes from 3 to 6 positional arguments but 7 were given": (
        "self.fc1 = nn.Linear(400, 50, 3, 4, 5, 6)",
        "nn.Linear in line 12 takes at most 5 arguments, but nn.Linear(400, 50, 3, 4, 5, 6) has 6.",
        "nn.Linear(inputs, outputs)",
    ),
    "empty(): argument 'dtype' must be torch.dtype, not int": (
        "self.fc1 = nn.Linear(400, 50, 3, 4, 5)",
        "nn.Linear in line 12 takes 2 numbers, but nn.Linear(400, 50, 3, 4, 5) has 5 arguments.",
        "nn.Linear(inputs, outputs)",
    ),
    "empty(): argument 'size' (position 1) must be tuple of ints, but found element of type float at pos 0": (
        "self.fc1 = nn.Linear(320, 100 / 2)",
        "A layer in line 12 gets a number with a decimal point where a whole number belongs.",
        "//",
    ),
    "Linear.__init__() got an unexpected keyword argument 'activation'": (
        "self.fc1 = nn.Linear(320, 50, activation='relu')",
        "nn.Linear in line 12 has no argument called activation.",
        "nn.Linear(inputs, outputs)",
    ),
    "dropout(): argument 'train' (position 3) must be bool, not float": (
        "x = F.dropout(x, self.training, 0.5)",
        "A dropout in line 12 gets a number where it is told the mode: its arguments are swapped.",
        "training=self.training",
    ),
    f"{FORWARD_IS_FIRST}int": (
        "x = F.max_pool2d(2, x)",
        "F.max_pool2d in line 12 needs a tensor as its first argument, but gets a number.",
        "F.max_pool2d(x, size)",
    ),
    f"{FORWARD_IS_FIRST}Conv2d": (
        "x = F.max_pool2d(x, 2)",
        "max_pool2d in line 12 gets a layer (Conv2d): it is made, but not applied to a tensor.",
        "self.name(x), not self.name",
    ),
    f"{FORWARD_IS_FIRST}NoneType": (
        "x = F.max_pool2d(x, 2)",
        "F.max_pool2d in line 12 gets None instead of a tensor.",
        "without return",
    ),
    "'Linear' object has no attribute 'log_softmax'": (
        "return F.log_softmax(x, dim=1)",
        "log_softmax in line 12 gets a layer (Linear): it is made, but not applied to a tensor.",
        "self.name(x), not self.name",
    ),
    "conv2d() received an invalid combination of arguments - got (int, int, int), but expected one of: * (Tensor": (
        "self.conv1 = F.conv2d(1, 10, 5)",
        "F.conv2d in line 12 is applied to a tensor; it does not make a layer.",
        "nn.Conv2d(input channels",
    ),
    "'Net' object has no attribute 'conv1'": (
        "self.all = nn.Sequential(self.conv1)",
        "Net has no attribute conv1 yet in line 12.",
        "with self. before its name",
    ),
    "'Tensor' object has no attribute 'Relu'": ("x = x.Relu()", "A tensor has no Relu in line 12.", "F.relu(x)"),
    "module 'torch.nn' has no attribute 'conv2d'": (
        "self.conv1 = nn.conv2d(1, 10, 5)",
        "conv2d does not exist in torch.nn in line 12.",
        "nn.Conv2d",
    ),
    "name 'conv1' is not defined": ("x = conv1(x)", "conv1 is not defined in line 12.", "self.conv1"),
    "name 'slef' is not defined": ("slef.fc1 = nn.Linear(3, 4)", "slef is not defined in line 12.", "self"),
    "name 'Linear' is not defined": ("self.fc1 = Linear(3, 4)", "Linear is not defined in line 12.", "nn.Linear"),
    "name 'x' is not defined": ("self.c = nn.Conv2d(1, 2, 3)(x)", "x is not defined in line 12.", "in forward"),
    "name 'y' is not defined": ("x = y.view(-1, 320)", "y is not defined in line 12.", "Correct the name"),
    "descriptor '__init__' of 'super' object needs an argument": (
        "super.__init__()",
        "super has no brackets in line 12.",
        "super().__init__()",
    ),
    "dropout probability has to be between 0 and 1, but got 20": (
        "self.drop = nn.Dropout(20)",
        "A dropout in line 12 gets 20 as the share that is dropped, which is between 0 and 1.",
        "0.2",
    ),
}
"""By the text of the error: the line that raised it, the message, and words from the hint."""


@pytest.mark.parametrize("text", MEANINGS)
def test_an_error_is_told_in_the_words_of_the_lab(text: str) -> None:
    code, message, words = MEANINGS[text]
    found = meaning(Problem("build", text, line=12, code=code), in_forward=False)
    assert found is not None
    assert found.message == message
    assert words in found.hint


@pytest.mark.parametrize(
    ("code", "written", "words"),
    [
        ("x = nn.ReLU(x)", "nn.ReLU(x)", "F.relu(x), or nn.ReLU()(x)"),
        ("x = F.relu(nn.MaxPool2d(self.conv1(x), 2))", "nn.MaxPool2d(self.conv1(x), 2)", "nn.MaxPool2d(2)(x)"),
        ("x = nn.Flatten(x)", "nn.Flatten(x)", "torch.flatten(x, 1)"),
        ("x = nn.Dropout(x)", "nn.Dropout(x)", "F.dropout(x, training=self.training)"),
        ("x = F.relu(nn.AvgPool2d(x))", "nn.AvgPool2d(x)", "Write F.avg_pool2d(x, 2)."),
        ("return nn.Softmax(x)", "nn.Softmax(x)", "Write F.softmax(x, dim=1)."),
        ("return nn.LogSoftmax(x)", "nn.LogSoftmax(x)", "Write F.log_softmax(x, dim=1)."),
        ("x = nn.Linear(x, 50, 10)", "nn.Linear(x, 50, 10)", "that __init__ creates"),
        ("x = torch.nn.Tanh(self.fc1(x))", "torch.nn.Tanh(self.fc1(x))", "torch.nn.Tanh()(x)"),
    ],
)
def test_a_layer_that_is_created_with_its_input(code: str, written: str, words: str) -> None:
    found = meaning(Problem("forward", "whatever torch says", line=25, code=code), in_forward=True)
    assert found is not None
    assert found.message == f"{written} in line 25 makes a layer and does not apply it."
    assert words in found.hint


@pytest.mark.parametrize(
    "code", ["x = nn.ReLU()(x)", "x = nn.Linear(320, 10)(x)", "x = self.fc1(x)", "x = nn.Linear(size, 9)(x)", "x = ("]
)
def test_a_layer_that_is_applied_is_not_blamed(code: str) -> None:
    assert meaning(Problem("forward", "whatever torch says", line=25, code=code), in_forward=True) is None


def test_an_error_without_a_line_is_not_about_a_call_of_the_student() -> None:
    text = "Net.__init__() missing 1 required positional argument: 'width'"
    assert meaning(Problem("build", text), in_forward=False) is None
