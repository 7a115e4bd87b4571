"""The questions of Part 1 by their key words, as the lab sheet asks them and as the notebook does. No answers here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Question:
    """``words`` are the question's content words in order; ``id`` is a part, or ``6`` and ``7`` for what heads them."""

    id: str
    words: str


QUESTIONS = (
    Question("1", "definition deep learning"),
    Question(
        "2", "differences feature generation between deep learning traditional shallow machine learning techniques"
    ),
    Question("3", "type tasks convolutional neural networks excel"),
    Question(
        "4", "convolutional neural network local receptive field neuron differ another neuron same activation map"
    ),
    Question("5", "purpose pooling layer convolutional neural network"),
    Question("6", "value output pooling layer input pooling functions assume size 2x2 stride 2"),
    Question("7", "questions refer filter kernel convolutional layer within convolutional neural network"),
    Question("7a", "many filters layer"),
    Question("7b", "data filter convolve computed"),
    Question("7c", "many times weights single filter applied input convolutional layer"),
    Question("7d", "many values output time applied"),
    Question("7e", "output stored"),
    Question("8", "purpose dropout convolutional neural network"),
)
WITH_HEAD = (
    Question("6a", "value output pooling layer input pooling functions max pooling"),
    Question("6b", "value output pooling layer input pooling functions average pooling"),
)
"""Parts that have only a name, with the question that heads them: as a key asks them."""
TEMPLATE = (
    Question("1", "deep learning say makes neural network deep one"),
    Question("2", "learning method works features data these features come about deep learning older shallow methods"),
    Question("3", "kinds problems suit convolutional neural networks particularly well"),
    Question("4", "pick two neurons one same activation map parts input see local receptive fields compare"),
    Question("5", "put pooling layer into convolutional neural network"),
    Question(
        "6a",
        "max pooling layer window 2 2 stride 2 given grid below values return keep places rows small table list "
        "brackets",
    ),
    Question("6b", "same grid goes through average pooling layer again window 2 2 stride 2 values come out time"),
    Question(
        "7a",
        "question next four about filters also called kernels one convolutional layer many such layer contain",
    ),
    Question("7b", "filter convolved calculation"),
    Question("7c", "while layer works through one input often use weights given filter"),
    Question("7d", "single time filter used many numbers come out"),
    Question("7e", "all values one filter produces end up"),
    Question("8", "add dropout convolutional neural network"),
)
"""The same as the handed-out notebook asks them: a page printed from it has neither names nor comments."""
