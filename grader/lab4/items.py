"""The questions and checks of Lab 4 by id, with the titles in reports. The points are in ``rubric.toml``."""

from __future__ import annotations

PART1_TITLES: dict[str, str] = {
    "1": "What deep learning is",
    "2": "Where features come from in deep and shallow learning",
    "3": "Tasks that suit convolutional networks",
    "4": "Receptive fields within one activation map",
    "5": "What a pooling layer is for",
    "6a": "Max pooling by hand",
    "6b": "Average pooling by hand",
    "7a": "How many filters a layer has",
    "7b": "What a filter is convolved with, and how",
    "7c": "How often a filter is applied",
    "7d": "How many values each application gives",
    "7e": "Where the filter's output goes",
    "8": "What dropout is for",
}
"""The questions of Part 1 in the order of the lab sheet."""

PART2_TITLES: dict[str, str] = {
    "loads": "The script loads and Net() can be built",
    "structure.conv": "Two convolution layers",
    "structure.linear": "Two fully connected layers",
    "structure.dropout_conv": "Dropout after the convolutions",
    "structure.dropout_fc": "Dropout after the first fully connected layer",
    "structure.relu": "ReLU after each hidden layer",
    "structure.order": "Layers in the right order",
    "forward.shape": "Ten outputs for each image",
    "forward.batch": "Any batch size works, each image on its own",
    "output.log_softmax": "Log-softmax output",
    "behaviour.dropout_train_eval": "Dropout on in training, off in evaluation",
    "behaviour.gradients": "Every parameter gets a gradient",
    "training.accuracy": "The network learns to read digits",
    "resources": "Reasonable size and speed",
}
"""The checks of Part 2. Each check comes after the checks that it depends on."""

EXPERIMENT_TITLES: dict[str, str] = {
    "experiment.table": "Table of the networks that were tried",
    "experiment.varied": "Channels and kernel sizes both varied",
    "experiment.figures": "Plausible figures",
    "experiment.rerun": "One network of the table trained again",
    "experiment.observations": "A paragraph of observations",
}
"""The items of the experiment in Part 2. A rubric may give points for them."""

PART1_IDS: tuple[str, ...] = tuple(PART1_TITLES)
