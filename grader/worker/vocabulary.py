"""The words for torch operations: which functions are convolutions, activations, dropouts and so on.

Only names are known here; what a call did to its tensors is found out in :mod:`grader.worker.tracing`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

CONVOLUTIONS = frozenset({
    "conv1d", "conv2d", "conv3d", "convolution", "_convolution", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d",
})  # fmt: skip
PRODUCTS = frozenset({
    "linear", "matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "mv", "addmm", "addmm_", "baddbmm", "addbmm",
    "addmv", "einsum", "tensordot", "inner", "bilinear", "chain_matmul", "multi_dot", "linalg_multi_dot",
})  # fmt: skip
ADDITIVE_PRODUCTS = frozenset({
    "addmm", "addmm_", "baddbmm", "addbmm", "addmv",
})  # fmt: skip
"""Products whose first argument is the term that is added."""
RELUS = frozenset({
    "relu", "relu_",
})  # fmt: skip
ACTIVATIONS = frozenset({
    "leaky_relu", "leaky_relu_", "rrelu", "rrelu_", "prelu", "relu6", "elu", "elu_", "selu", "selu_", "celu",
    "celu_", "gelu", "silu", "silu_", "mish", "softplus", "softsign", "tanh", "tanh_", "sigmoid", "sigmoid_",
    "expit", "hardswish", "hardsigmoid", "hardtanh", "hardtanh_", "logsigmoid", "tanhshrink", "softshrink",
    "hardshrink", "glu", "sin", "sin_", "cos", "erf", "arctan", "atan", "gumbel_softmax",
})  # fmt: skip
DROPOUTS = frozenset({
    "dropout", "dropout_", "dropout1d", "dropout2d", "dropout3d", "feature_dropout", "feature_dropout_",
    "alpha_dropout", "alpha_dropout_", "feature_alpha_dropout", "feature_alpha_dropout_", "native_dropout",
})  # fmt: skip
POOLS = frozenset({
    "max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool1d_with_indices", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool2d_with_indices", "lp_pool1d", "lp_pool2d",
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "interpolate",
})  # fmt: skip
NORMS = frozenset({
    "batch_norm", "layer_norm", "group_norm", "instance_norm", "local_response_norm", "rms_norm", "normalize",
})  # fmt: skip
SOFTMAXES = frozenset({
    "softmax", "_softmax", "softmin",
})  # fmt: skip
LOG_SOFTMAXES = frozenset({
    "log_softmax", "_log_softmax",
})  # fmt: skip
RESHAPES = frozenset({
    "view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "t", "contiguous",
    "view_as", "reshape_as", "ravel", "movedim", "swapaxes", "swapdims", "moveaxis", "expand", "clone", "pad", "to",
    "float", "type", "__getitem__", "T", "mT", "squeeze_", "unsqueeze_", "cpu", "cuda", "narrow", "select", "cat",
    "concat", "stack", "chunk", "split", "unbind", "unfold", "identity", "double", "half", "type_as", "resize_",
})  # fmt: skip
DETACHES = frozenset({
    "detach", "detach_", "data", "numpy", "tolist", "item",
})  # fmt: skip
LEAVES_TORCH = frozenset({
    "numpy", "tolist", "__array__",
})  # fmt: skip
FROM_OUTSIDE = frozenset({
    "tensor", "as_tensor", "asarray", "from_numpy", "FloatTensor", "Tensor",
})  # fmt: skip
"""Calls that make a tensor of numbers from outside torch."""
LOOKUPS = frozenset({
    "__get__", "shape", "dim", "size", "device", "dtype", "requires_grad", "grad_fn", "is_cuda", "ndim",
})  # fmt: skip
"""Questions about a tensor, which compute nothing."""
RANDOM = frozenset({
    "rand", "rand_like", "randn", "randn_like", "randint", "randint_like", "bernoulli", "bernoulli_", "uniform_",
    "normal", "normal_", "randperm", "multinomial", "random_", "exponential_",
})  # fmt: skip
MASKING = frozenset({
    "mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply", "multiply_", "where", "masked_fill",
    "masked_fill_", "div", "div_", "__truediv__", "__itruediv__", "__setitem__", "addcmul", "masked_scatter",
})  # fmt: skip
"""Calls through which a hand-written dropout zeroes values."""
WRITES_INTO_FIRST = frozenset({
    "__setitem__", "__iadd__", "__imul__", "__isub__", "__itruediv__",
})  # fmt: skip


def function_name(function: Callable[..., Any]) -> str:
    """The short name of an intercepted torch function; of a property's getter, the property's name."""
    name = getattr(function, "__name__", "")
    if name in {"__get__", "__set__"}:
        owner = getattr(function, "__self__", None)
        return str(getattr(owner, "__name__", name)) if name == "__get__" else f"{getattr(owner, '__name__', '')}="
    return str(name)


def kind_of(name: str) -> str:
    """The kind that a name alone gives; products are settled by their operands, so they read ``product``."""
    for kind, names in _KINDS:
        if name in names:
            return kind
    return "arithmetic"


_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("conv", CONVOLUTIONS),
    ("product", PRODUCTS),
    ("relu", RELUS),
    ("activation", ACTIVATIONS),
    ("dropout", DROPOUTS),
    ("pool", POOLS),
    ("norm", NORMS),
    ("softmax", SOFTMAXES),
    ("log_softmax", LOG_SOFTMAXES),
    ("reshape", RESHAPES),
    ("detach", DETACHES),
)


def student_word(name: str) -> str:
    """The name as a student would write it: ``__add__`` reads ``+``, ``relu_`` reads ``relu``."""
    operators = {
        "__matmul__": "@",
        "__mul__": "*",
        "__add__": "+",
        "__sub__": "-",
        "__truediv__": "/",
        "__setitem__": "[...] =",
    }
    return operators.get(name, name.rstrip("_") if not name.startswith("__") else name.strip("_"))
