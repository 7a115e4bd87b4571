"""The words that :mod:`grader.scrutiny` looks for in a submission's text, and what they could stand for.

Two opposite leanings. A kind of operation is found too readily rather than missed: a text without a word for what its
network did is suspicious, and an honest one must never be. A grave word is one that no script of this lab needs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

WORD = re.compile(r"[^\W\d]\w*")

_SPELLINGS: dict[str, tuple[str, str]] = {
    "conv": ("conv fold einsum correlate im2col strided sliding", ""),
    "linear": (
        "linear matmul einsum tensordot addmm addbmm conv multi_dot matmult lstm gru rnn attention transformer",
        "mm bmm mv dot inner outer addmv addr vdot kron vecdot",
    ),
    "relu": (
        "relu clamp clip maximum minimum threshold hardtanh heaviside where masked_fill sign compared",
        "elu max min abs absolute fmax fmin amax amin ge gt le lt greater less greater_equal less_equal sqrt sgn",
    ),
    "activation": (
        "leaky rrelu prelu relu6 relu_6 gelu selu celu silu swish mish softplus softsign sigmoid tanh hard shrink glu "
        "gumbel clamp clip expit",
        "elu sin cos erf atan arctan",
    ),
    "dropout": (
        "drop bernoulli rand mask noise zero ones uniform normal nomial perm shuffle sample choice poisson geometric "
        "arange exponential from_numpy as_tensor asarray attention transformer",
        "eye tril triu full tensor window buffer where",
    ),
    "pool": ("pool interpol upsampl resiz fold stride reduce sliced", "max min amax amin aminmax mean sum median"),
    "norm": ("norm lrn", "mean var std var_mean std_mean"),
    "softmax": (
        "softmax softmin softplus categorical distributions gumbel entropy attention transformer raised",
        "exp exp2 expm1 logsumexp logaddexp pow power sigmoid",
    ),
    "log_softmax": ("softmax entropy categorical", "exp log log1p log2 logsumexp logaddexp logsigmoid"),
}  # fmt: skip
"""For each kind: what a word may hold, and what it may be. ``compared``, ``sliced``, ``raised`` stand for syntax."""
KINDS = tuple(_SPELLINGS)
"""The kinds that are looked for, in the order in which they are told."""
_PARTS = {kind: tuple(parts.split()) for kind, (parts, _) in _SPELLINGS.items()}
_WHOLE = {kind: frozenset(whole.split()) for kind, (_, whole) in _SPELLINGS.items()}
SYMBOLS = (("@", "matmult"), (">", "compared"), ("<", "compared"), (":", "sliced"), ("**", "raised"))
"""For a text that does not parse."""


def kinds_of(words: Iterable[str]) -> frozenset[str]:
    """The kinds that any of the words could make. Cost: one pass over the distinct words."""
    plain = {word.strip("_").casefold()[:200] for word in words}
    joined = "\n".join(plain)
    return frozenset(
        kind for kind in KINDS if plain & _WHOLE[kind] or any(part.strip("_") in joined for part in _PARTS[kind])
    )


LIBRARIES = frozenset(sys.stdlib_module_names) | {"torch", "torchvision", "numpy"}
"""What can be patched, and what holds no networks of its own but ``torchvision``'s models."""
_OTHERS = """
matplotlib mpl_toolkits pylab PIL tqdm pandas sklearn scipy seaborn six future past IPython ipywidgets google yaml
requests psutil cv2 imageio skimage plotly tensorboard tensorboardX torchsummary torchinfo torchviz thop wandb mlflow
rich click typing_extensions absl packaging tabulate colorama termcolor h5py visdom graphviz attr attrs pydantic
pytest nbformat certifi urllib3 setuptools pkg_resources prettytable hydra omegaconf ptflops fvcore livelossplot
progressbar alive_progress termplotlib nvidia_smi pynvml GPUtil cycler openpyxl xlsxwriter torchmetrics numba cupy
distutils imp asyncore pytz
"""
WITHOUT_LAYERS = LIBRARIES | set(_OTHERS.split())
"""Packages that give a script no layers; behind any other, the text cannot tell what a network is made of."""
LAYERS_BY_NAME = (
    "torchvision.models",
    "torchvision.ops",
    "torch.hub",
    "torch.jit.load",
    "torch.package",
    "torch.export",
)
"""Places that hand out networks ready-made."""
HIDES_WORDS = frozenset({"builtins.exec", "builtins.eval", "builtins.vars", "builtins.globals", "builtins.locals"})
"""Calls behind which anything could stand."""
HIDING_ATTRIBUTES = frozenset(
    {"__dict__", "__getattribute__", "getmembers", "spec_from_file_location", "run_path", "run_module"}
)

OPENS_MEMORY = frozenset({"__array_interface__", "__array_struct__", "__cuda_array_interface__"})
"""Attributes by which an object claims a piece of memory as its own; numpy believes it."""
REACHING_ATTRIBUTES = frozenset(
    {"__subclasses__", "f_back", "f_locals", "f_globals", "f_builtins", "tb_frame", "gi_frame", "cr_frame", "ag_frame"}
    | {"_getframe", "_current_frames", "addaudithook", "process_vm_readv", "process_vm_writev", "cell_contents"}
    | {"_get_current_function_mode", "_get_current_function_mode_stack", "_pop_torch_function_stack", "_pop_mode"}
    | OPENS_MEMORY
    | {"_len_torch_function_stack", "_get_function_stack_at", "_global_forward_hooks", "_global_forward_pre_hooks"}
)
"""Names that mean one thing only, whatever they are asked of."""
_C_LEVEL = "CDLL PyDLL cdll pydll pythonapi LibraryLoader py_object cast memmove memset string_at wstring_at pointer"
REACHING_NAMES: dict[str, tuple[str, ...]] = {
    "gc": ("get_objects", "get_referrers", "get_referents"),
    "sys": ("settrace", "setprofile", "_getframe", "_current_frames", "addaudithook", "monitoring"),
    "threading": ("settrace", "setprofile", "settrace_all_threads", "setprofile_all_threads"),
    "inspect": ("currentframe", "stack", "trace", "getouterframes", "getinnerframes"),
    "traceback": ("walk_stack", "walk_tb"),
    "ctypes": tuple(_C_LEVEL.split()),
    "numpy.lib.stride_tricks": ("as_strided",),
}
"""Names that other code may bear: they count when they are the library's own."""
REACHING = frozenset(f"{module}.{name}" for module, names in REACHING_NAMES.items() for name in names)
C_MEMORY = frozenset({"from_address", "in_dll"})
"""Methods of the types of ``ctypes``."""
GRADER = "grader"
"""Our own package."""

FRAME_FACTS = frozenset(
    {"f_lineno", "co_name", "co_filename", "co_firstlineno", "co_qualname", "lineno", "function", "filename"}
)
"""What a script may ask of a frame to tell its reader where it is: recipes that everybody copies."""
FRAME_STEPS = frozenset({"f_code", "f_back", "tb_frame", "tb_next"})
FRAME_READERS = frozenset(
    f"inspect.{name}" for name in ("getfile", "getsourcefile", "getabsfile", "getframeinfo", "getsourcelines")
)
BY_NAME = frozenset(
    {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "methodcaller", "__getattribute__", "__getattr__"}
    | {"__setattr__", "__import__", "import_module"}
)
"""Functions that take a name as text."""
IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
SHOWING = frozenset({"print", "write", "info", "debug", "warning", "error", "log", "format", "title", "add_argument"})
"""Functions whose text is for people."""
HOLE = "\0"
"""Stands for what a text is put together from and reading cannot know."""
PROCESS_FILE = re.compile(r"/proc/+(?:self|thread-self|\d+|[\0*?\[][^/]*)/+([a-z_]*)")
HARMLESS_FILES = frozenset(
    {"status", "stat", "statm", "cgroup", "io", "limits", "mounts", "mountinfo", "sched", "schedstat", "smaps_rollup"}
)
"""Files by which a process learns how much memory it takes, and whether it runs in a container."""

_SETTINGS = """
torch.backends torch.load torch.save torch.cuda.is_available torch.cuda.device_count torch.multiprocessing
torchvision.datasets
torchvision.models torch.utils.model_zoo numpy.random numpy.float numpy.int numpy.bool numpy.object numpy.str
numpy.complex numpy.long os.environ ssl socket urllib http warnings logging sys.stdout sys.stderr sys.stdin sys.path
sys.argv sys.excepthook sys.displayhook sys.modules sys.ps1 multiprocessing locale readline signal asyncio
"""
SETTINGS = frozenset(_SETTINGS.split())
"""Dotted names that scripts assign to, whatever they assign."""
SETTING_ATTRIBUTES = frozenset(
    {
        "__repr__",
        "__str__",
        "__format__",
        "resources",
        "mirrors",
        "urls",
        "url",
        "model_urls",
        "training_file",
        "test_file",
    }
)
MISSING_THINGS = frozenset({"AttributeError", "ImportError", "ModuleNotFoundError", "NameError"})
"""A handler of one of these makes up for what a version of a library lacks."""

LOADERS = frozenset(
    {"torch.load", "torch.jit.load", "torch.from_file", "numpy.load", "numpy.loadtxt", "numpy.genfromtxt"}
    | {"numpy.fromfile", "numpy.memmap", "pickle.load", "pickle.loads", "joblib.load", "shelve.open", "marshal.loads"}
)
LOADING_METHODS = frozenset(
    {"load_state_dict", "from_file", "from_pretrained", "load_state_dict_from_url", "load_url", "load_from_checkpoint"}
)
DECODERS = frozenset(
    {
        "b64decode",
        "b32decode",
        "b85decode",
        "a85decode",
        "decodebytes",
        "unhexlify",
        "a2b_base64",
        "decompress",
        "frombuffer",
    }
    | {"fromhex", "fromstring"}
)
