"""Guess the arguments of a Net that its script never builds, from the names of its parameters."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping

from grader.model.images import SIDE
from grader.worker.load.stand_ins import LAB_DEFAULTS, usual_value

_UNITS = r"(?:_?(?:size|dims?|units?|features?|channels?|nodes?|neurons?|num|count|width))?"
_CHANNELS = r"_?(?:channels?|chan|ch|c|planes)"
_OF = r"(?:.*_)?"
"""What comes before the words that matter: ``conv1_kernel``, ``fc_dropout``."""
USUAL_SIZE = 32
_GUESSES: tuple[tuple[str, object], ...] = (
    (rf"{_OF}(?:(?:drop|dropout|keep)(?:_?(?:rate|prob|probability|ratio|p))?|rate|prob|p)", 0.5),
    (rf"{_OF}pad(?:ding)?", 0),
    (rf"{_OF}(?:max_?)?pool(?:ing)?(?:_?(?:kernel|stride|k))?(?:_?size)?", 2),
    (rf"{_OF}(?:strides?|dilation|groups)", 1),
    (rf"{_OF}(?:kernel|filter_?size|k|ks)(?:_?(?:size|width))?", 5),
    (r"(?:use_|with_)?bias", True),
    (r"(?:n|num|nr|no_of|number_of)?_?(?:classes|digits|labels)|(?:n|num)_?class|class_?(?:num|count)", 10),
    (rf"{_OF}(?:n|num)?_?(?:out|outputs?){_UNITS}", 10),
    (rf"(?:n|num)?_?(?:in|inputs?|image|img|colou?r)?{_CHANNELS}|channels_in", 1),
    (r"(?:image|img)_?(?:size|side|width|height)", SIDE),
    (rf"(?:n|num)?_?(?:in|inputs?){_UNITS}", SIDE * SIDE),
    (rf"{_OF}(?:n|num)?_?(?:hidden|inner|mid|middle|latent){_UNITS}", USUAL_SIZE),
    (rf"{_OF}(?:n|num)?_?(?:size|dim|units?|filters?|channels?|nodes?|neurons?|width)", USUAL_SIZE),
    (r".*_features|[cdfhlmnuw]", USUAL_SIZE),
)
"""Values by the whole name of a parameter, without the number at its end. Sizes that do not fit are repaired later."""
_NAMED = frozenset({inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY})


def guessed_arguments(kind: type) -> Mapping[str, object] | None:
    """Values for the required parameters of ``kind``; None if it has none, or one whose name tells too little."""
    try:
        parameters = list(inspect.signature(kind).parameters.values())
    except (TypeError, ValueError):
        return None
    required = [
        parameter for parameter in parameters if parameter.default is parameter.empty and parameter.kind in _NAMED
    ]
    values = {parameter.name: _guess(parameter.name) for parameter in required}
    return None if None in values.values() else values or None


def _guess(name: str) -> object:
    """The value that the name of a parameter suggests; None for a layer, a configuration or anything else."""
    if name in {"args", "opt", "device", "use_cuda", "learning_rate", *LAB_DEFAULTS}:
        return usual_value(name)
    words = name.casefold().strip("_").rstrip("0123456789").rstrip("_")
    return next((value for pattern, value in _GUESSES if re.fullmatch(pattern, words)), None)
