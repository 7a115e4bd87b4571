"""What the parent reads in a submission's text. An honest script is never noticed, in whatever style it is written.

The honest scripts are whole programs in the styles that students bring; the grave ones show one spelling each. That
honest networks are never traced with a kind that their text has no word for is held by tracing them (slow).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from grader.evidence import Notice, Reading
from grader.scrutiny import MOST_TEXT, scrutinise
from grader.scrutiny_words import KINDS, kinds_of
from grader.worker import vocabulary

SUBMISSIONS = Path(__file__).parent / "submissions"
ROOT = Path(__file__).parents[1]
LAB = {"conv", "linear", "relu", "dropout", "log_softmax"}
"""What every right network does."""
SECONDS = 4.0
"""Of CPU time, for other work goes on beside the tests. Most texts here take a hundredth of a second."""

HEAD = """
import torch
import torch.nn as nn
import torch.nn.functional as F
"""
NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.drop(self.conv2(x)), 2))
        x = F.dropout(F.relu(self.fc1(x.view(-1, 320))), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)
"""
LAB_NET = HEAD + NET

HONEST = {
    "the example of 2017": """
from __future__ import print_function
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms
from torch.autograd import Variable

parser = argparse.ArgumentParser(description='PyTorch MNIST Example')
parser.add_argument('--batch-size', type=int, default=64, metavar='N', help='input batch size')
parser.add_argument('--no-cuda', action='store_true', default=False)
args = parser.parse_args()
args.cuda = not args.no_cuda and torch.cuda.is_available()
torch.manual_seed(1)
kwargs = {'num_workers': 1, 'pin_memory': True} if args.cuda else {}
train_loader = torch.utils.data.DataLoader(
    datasets.MNIST('../data', train=True, download=True, transform=transforms.Compose([
        transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])),
    batch_size=args.batch_size, shuffle=True, **kwargs)
"""
    + NET
    + """
model = Net()
if args.cuda:
    model.cuda()
optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.5)

def train(epoch):
    model.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        data, target = Variable(data, volatile=True), Variable(target)
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        print('Train Epoch: {} [{}/{}]'.format(epoch, batch_idx * len(data), loss.data[0]))

for epoch in range(1, 11):
    train(epoch)
""",
    "sequential, in a function": """
import torch
from torch import nn

def block(i, o):
    return [nn.Conv2d(i, o, kernel_size=3), nn.ReLU(inplace=True), nn.MaxPool2d(2)]

def Net():
    return nn.Sequential(*block(1, 16), *block(16, 32), nn.Dropout(0.25), nn.Flatten(), nn.Linear(800, 128), nn.ReLU(),
                         nn.Dropout(0.5), nn.Linear(128, 10), nn.LogSoftmax(dim=1))
""",
    "layers by getattr": HEAD
    + """
CONFIG = {"activation": "relu", "pool": "MaxPool2d"}

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for index, (i, o) in enumerate([(1, 10), (10, 20)], 1):
            setattr(self, f"conv{index}", nn.Conv2d(i, o, 5))
        self.pool = getattr(nn, CONFIG["pool"])(2)
        self.drop, self.fc1, self.fc2 = nn.Dropout(), nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x):
        act = getattr(F, CONFIG["activation"])
        for index in (1, 2):
            x = act(self.pool(getattr(self, "conv%d" % index)(x)))
        x = self.drop(x).flatten(1)
        return F.log_softmax(self.fc2(self.drop(act(self.fc1(x)))), 1)
""",
    "einsum": HEAD
    + """
class Dense(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.w = nn.Parameter(torch.randn(o, i) * 0.05)

    def forward(self, x):
        return torch.einsum("bi,oi->bo", x, self.w)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5)
        self.c, self.d, self.drop = Dense(256, 50), Dense(50, 10), nn.Dropout(0.3)

    def forward(self, x):
        x = F.max_pool2d(self.a(x).relu(), 2)
        x = self.drop(F.max_pool2d(self.b(x).relu(), 2))
        return self.d(self.drop(self.c(x.flatten(1)).relu())).log_softmax(-1)
""",
    "unfold and matmul": HEAD
    + """
class Patches(nn.Module):
    def __init__(self, i, o, k):
        super().__init__()
        self.k, self.w = k, nn.Parameter(torch.randn(o, i * k * k) * 0.05)

    def forward(self, x):
        n, _, h, w = x.shape
        cols = F.unfold(x, self.k)
        return (self.w @ cols).view(n, -1, h - self.k + 1, w - self.k + 1)

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = Patches(1, 8, 5), Patches(8, 16, 5)
        self.c = nn.Parameter(torch.randn(256, 50) * 0.05)
        self.d = nn.Parameter(torch.randn(50, 10) * 0.05)

    def forward(self, x):
        x = F.dropout(F.max_pool2d(F.relu(self.b(F.max_pool2d(F.relu(self.a(x)), 2))), 2), 0.3, self.training)
        x = F.dropout(F.relu(x.flatten(1).mm(self.c)), 0.3, self.training)
        return F.log_softmax(x.mm(self.d), 1)
""",
    "relu and dropout by hand": HEAD
    + """
def rectify(x):
    return x * (x > 0).float()

class Thin(nn.Module):
    def forward(self, x):
        if not self.training:
            return x
        keep = (torch.rand_like(x) > 0.5).float()
        return x * keep / 0.5

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2, self.thin = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5), Thin()
        self.f1, self.f2 = nn.Linear(320, 50), nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(rectify(self.c1(x)), 2)
        x = self.thin(F.max_pool2d(rectify(self.c2(x)), 2)).view(x.size(0), -1)
        x = self.f2(self.thin(rectify(self.f1(x))))
        return F.log_softmax(x, dim=1)
""",
    "softmax by hand, log of softmax": HEAD
    + NET.replace("return F.log_softmax(self.fc2(x), dim=1)", "return torch.log(self.share(self.fc2(x)))")
    + """
    def share(self, x):
        x = x - x.max(1, keepdim=True)[0]
        return x.exp() / x.exp().sum(1, keepdim=True)
""",
    "own autograd function": HEAD
    + """
class Rectify(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        x, = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[x < 0] = 0
        return grad_input
"""
    + NET.replace("F.relu(", "Rectify.apply("),
    "checkpoints in the main part": LAB_NET
    + """
import os, pickle
import numpy as np

def save_checkpoint(state, path='checkpoint.pth.tar'):
    torch.save(state, path)

def load_checkpoint(model, optimizer, path):
    checkpoint = torch.load(path, map_location='cpu')
    model.load_state_dict(checkpoint['state_dict'])
    optimizer.load_state_dict(checkpoint['optimizer'])
    return checkpoint['epoch']

if __name__ == '__main__':
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    if os.path.exists('checkpoint.pth.tar'):
        start = load_checkpoint(model, optimizer, 'checkpoint.pth.tar')
    best = pickle.load(open('best.pkl', 'rb'))
    history = np.load('history.npy')
    x = torch.load('weights.pt')
    model.load_state_dict(x)
    model.eval()
""",
    "methods that save and load": LAB_NET
    + """
    def save(self, path):
        torch.save(self.state_dict(), path)

    def load(self, path):
        self.load_state_dict(torch.load(path))
        return self
""",
    "weights only when asked": HEAD
    + NET.replace("def __init__(self):", "def __init__(self, saved=None):").replace(
        "10)\n\n    def", "10)\n        if saved:\n            self.load_state_dict(torch.load(saved))\n\n    def"
    ),
    "plots": LAB_NET
    + """
import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
import numpy as np
plt.rcParams['figure.figsize'] = (8, 4)
plt.rcParams.update({'font.size': 12})
matplotlib.rcParams['axes.grid'] = True
plt.show = lambda *a, **k: plt.savefig('figure.png')

def plot(losses):
    fig, ax = plt.subplots()
    ax.stackplot(range(len(losses)), np.stack([losses, losses]))
    ax.set_title('trace of the loss')
    plt.show()
""",
    "tqdm and logging": LAB_NET
    + """
import logging, sys, functools
from tqdm import tqdm
tqdm = functools.partial(tqdm, ncols=80, file=sys.stdout)
logging.basicConfig(level=logging.INFO, format='%(asctime)s %(message)s', handlers=[logging.StreamHandler(sys.stdout)])
logging.Formatter.converter = __import__('time').gmtime
log = logging.getLogger(__name__)
print = log.info

class Tee(object):
    def __init__(self, name):
        self.file, self.stdout = open(name, 'w'), sys.stdout
        sys.stdout = self
    def write(self, data):
        self.file.write(data)
        self.stdout.write(data)
    def flush(self):
        self.file.flush()

def main():
    sys.stdout = Tee('log.txt')
    sys.excepthook = lambda *info: log.error('uncaught', exc_info=info)
    for _ in tqdm(range(3)):
        pass
    sys.exit(0)
""",
    "traceback recipes": LAB_NET
    + """
import inspect, linecache, os, sys, traceback

currentdir = os.path.dirname(os.path.abspath(inspect.getfile(inspect.currentframe())))
sys.path.insert(0, os.path.dirname(currentdir))

def debug(message):
    print(inspect.currentframe().f_back.f_lineno, sys._getframe().f_code.co_name, inspect.stack()[1][3], message)
    print(inspect.stack()[0].function, inspect.stack()[-1].filename)
    print(inspect.getframeinfo(inspect.currentframe()).lineno)

try:
    net = Net()
except Exception as e:
    exc_type, exc_obj, exc_tb = sys.exc_info()
    fname = os.path.split(exc_tb.tb_frame.f_code.co_filename)[1]
    print(exc_type, fname, exc_tb.tb_lineno, exc_tb.tb_frame.f_lineno)
    traceback.print_exc()
    traceback.print_tb(e.__traceback__)
    print(traceback.extract_stack()[-1], traceback.format_exc())
print(inspect.getsource(Net), inspect.signature(Net.forward))
""",
    "memory": LAB_NET
    + """
import ctypes
import gc, os, psutil, resource
gc.enable()
gc.collect()
torch.cuda.empty_cache()

def memory():
    with open('/proc/self/status') as f:
        peak = [line for line in f if line.startswith('VmHWM')]
    with open('/proc/meminfo') as f:
        total = f.readline()
    with open(f'/proc/{os.getpid()}/statm') as f:
        pages = f.read()
    return peak, total, pages, psutil.Process(os.getpid()).memory_info().rss, gc.get_count()

print("see /proc/self/maps for more")
""",
    "settings of libraries": LAB_NET
    + """
import os, random, ssl, warnings, socket, signal, sys, collections, time
import numpy as np
import torchvision
from PIL import Image, ImageFile
from torchvision import datasets, models
from torchvision.datasets import MNIST
from six.moves import urllib
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
torch.backends.cuda.matmul.allow_tf32 = not torch.cuda.is_available()
torch.cuda.is_available = lambda: False
os.environ['CUDA_VISIBLE_DEVICES'] = ''
os.environ["KMP_DUPLICATE_LIB_OK"] = "TRUE"
np.random.seed(0); random.seed(0)
warnings.filterwarnings('ignore')
warnings.showwarning = lambda *args, **kwargs: None
ssl._create_default_https_context = ssl._create_unverified_context
datasets.MNIST.resources = [('https://example.org/' + name, None) for name in ('a', 'b')]
MNIST.mirrors = ['https://ossci-datasets.s3.amazonaws.com/mnist/'] + MNIST.mirrors
new_mirror = 'https://example.org'
datasets.mnist.MNIST.urls = [new_mirror]
torchvision.datasets.MNIST.resources = new_resources = datasets.MNIST.resources
models.resnet.model_urls = {}
ImageFile.LOAD_TRUNCATED_IMAGES = True
Image.MAX_IMAGE_PIXELS = None
opener = urllib.request.build_opener()
opener.addheaders = [('User-agent', 'Mozilla/5.0')]
urllib.request.install_opener(opener)
socket.setdefaulttimeout(10)
signal.signal(signal.SIGINT, lambda number, frame: sys.exit(1))
torch.set_printoptions(precision=3)
torch.Tensor.__repr__ = lambda self: f"tensor{tuple(self.shape)}"
sys.setrecursionlimit(10000)
np.float = float
np.bool = np.bool_
time.clock = time.perf_counter
if not hasattr(collections, 'Iterable'):
    collections.Iterable = collections.abc.Iterable
try:
    torch._utils._rebuild_tensor_v2
except AttributeError:
    def _rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks):
        tensor = torch._utils._rebuild_tensor(storage, storage_offset, size, stride)
        tensor.requires_grad = requires_grad
        return tensor
    torch._utils._rebuild_tensor_v2 = _rebuild_tensor_v2
""",
    "a trainer class": LAB_NET
    + """
import sys
class Trainer:
    registry = {}
    def __init__(self, model, lr=0.01):
        self.model, self.optimizer = model, torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
        self.hooks, self.trace, self.stack = [], [], []
    def __init_subclass__(cls, **kwargs):
        Trainer.registry[cls.__name__] = cls
    def training_step(self, batch, batch_idx):
        x, y = batch
        return F.nll_loss(self.model(x), y)
    def configure_optimizers(self):
        return self.optimizer
    def resume(self, path):
        self.model.load_state_dict(torch.load(path))
    def get_objects(self):
        return list(self.__dict__.items())

trainer = Trainer(Net())
trainer.get_objects()
kind = getattr(sys.modules[__name__], 'Trainer')
IN_COLAB = 'google.colab' in sys.modules
""",
    "dataclass and type hints": """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import Final, Optional, Tuple
import torch
from torch import Tensor, nn
import torch.nn.functional as F

@dataclass(frozen=True)
class Config:
    widths: Tuple[int, int] = (10, 20)
    hidden: int = 50
    p: float = 0.5
    extra: list[int] = field(default_factory=list)

DEFAULT: Final = Config()

class Net(nn.Module):
    def __init__(self, config: Optional[Config] = None) -> None:
        super().__init__()
        c = config or DEFAULT
        self.features: nn.Sequential = nn.Sequential(
            nn.Conv2d(1, c.widths[0], 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Conv2d(c.widths[0], c.widths[1], 5), nn.Dropout2d(c.p), nn.MaxPool2d(2), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(320, c.hidden), nn.ReLU(), nn.Dropout(c.p), nn.Linear(c.hidden, 10))

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(self.head(torch.flatten(self.features(x), 1)), dim=1)
""",
    "hooks": LAB_NET
    + """
seen = {}
def remember(name):
    def hook(module, inputs, output):
        seen[name] = output.detach().cpu().numpy().mean()
    return hook

net = Net()
for name, module in net.named_modules():
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        module.register_forward_hook(remember(name))
net.fc1.weight.register_hook(lambda g: g.clamp(-1, 1))
print(net.forward.__code__.co_argcount, net.__class__.__mro__, Net.__dict__.keys())
""",
    "hyperparameters in a loop": LAB_NET
    + """
import itertools, csv, json, copy
results = {}
for lr, momentum in itertools.product([0.1, 0.01, 0.001], [0.0, 0.5, 0.9]):
    net = Net()
    net.load_state_dict(copy.deepcopy(net.state_dict()))
    results[str((lr, momentum))] = lr * momentum
json.dump(results, open('results.json', 'w'))
with open('experiments.csv', 'w') as f:
    csv.writer(f).writerows(results.items())
""",
    "functools and closures": HEAD
    + """
from functools import partial, reduce, wraps, lru_cache
import operator
Conv = partial(nn.Conv2d, kernel_size=5)
compose = lambda *fs: reduce(lambda f, g: lambda x: g(f(x)), fs)

def timed(f):
    @wraps(f)
    def inner(*args, **kwargs):
        return f(*args, **kwargs)
    return inner

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleDict(dict(c1=Conv(1, 10), c2=Conv(10, 20), f1=nn.Linear(320, 50), f2=nn.Linear(50, 10)))

    @timed
    def forward(self, x):
        pool, drop = partial(F.max_pool2d, kernel_size=2), partial(F.dropout, training=self.training)
        steps = [self.layers["c1"], pool, F.relu, self.layers["c2"], drop, pool, F.relu,
                 operator.methodcaller("flatten", 1), self.layers["f1"], F.relu, drop, self.layers["f2"]]
        return compose(*steps, partial(F.log_softmax, dim=1))(x)
""",
    "names that sound bad": LAB_NET
    + '''
"""Uses sys._getframe and gc.get_objects()? No: see /proc/self/mem, grader.worker and __subclasses__."""
import os
grader = "Dr Grader"          # sys.settrace, ctypes.CDLL, inspect.stack()
grader_folder = "/home/me/grader/worker/data"
results = {"grader": 1, "settrace": 2, "f_back": 3}
print("the grader runs sys.settrace and reads __subclasses__", results["grader"], results["f_back"])
print(f"{grader} looks at f_locals and __code__ in /proc/self/mem")
stack = torch.stack([torch.zeros(1), torch.ones(1)])
trace = torch.trace(torch.eye(3))
data = os.path.join(grader_folder, "grader.csv")
currentframe, get_objects = 0, []
def settrace(grader, stack):
    """tb_frame"""
    return grader.worker
class Feature:
    def __init__(self):
        self.f_back = self.f_front = 0
        self.trace = self.stack = []
    def total(self):
        return self.f_back + len(self.stack)
class Shape:
    pass
print(Shape.__subclasses__())
getattr(grader, "upper")()
os.makedirs("grader/output", exist_ok=True)
open("grader.txt", "w").write("sys.settrace")
''',
    "an exported notebook": "# coding: utf-8\n# In[1]:\n"
    + HEAD
    + """
try:
    from IPython import get_ipython
    get_ipython().run_line_magic('matplotlib', 'inline')
    get_ipython().system('pip install torch')
except Exception:
    pass
# In[2]:
"""
    + NET
    + "\n# In[ ]:\nnet = Net()\nnet\n",
    "windows": LAB_NET
    + """
import ctypes, os, multiprocessing
if os.name == 'nt':
    ctypes.windll.kernel32.SetThreadExecutionState(0x80000002)
    kernel32 = ctypes.windll.kernel32
    kernel32.SetConsoleMode(kernel32.GetStdHandle(-11), 7)
if __name__ == '__main__':
    multiprocessing.freeze_support()
    shared = multiprocessing.Array(ctypes.c_double, 10)
    multiprocessing.set_start_method('spawn', force=True)
""",
    "multiprocessing and profiling": LAB_NET
    + """
import cProfile, pstats, timeit, time, pdb, threading
import torch.multiprocessing as mp
with torch.autograd.profiler.profile() as prof:
    Net()(torch.zeros(1, 1, 28, 28))
print(prof.key_averages().table())
traced = torch.jit.trace(Net().eval(), torch.zeros(1, 1, 28, 28))
cProfile.run('Net()')
def debug():
    pdb.set_trace()
threading.Thread(target=Net, daemon=True).start()
start = time.time()
print(timeit.timeit('Net()', globals=globals(), number=1))
""",
    "residual with batch norm": HEAD
    + """
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 16, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(16)
        self.pool = nn.AdaptiveAvgPool2d(4)
        self.fc = nn.ModuleList([nn.Linear(256, 64), nn.Linear(64, 10)])
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x):
        a = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(a)) + a)
        x = F.dropout2d(self.pool(x), 0.2, self.training).reshape(len(x), -1)
        x = F.dropout(F.relu(self.fc[0](x)), 0.2, self.training)
        return nn.LogSoftmax(1)(self.fc[1](x))
""",
    "chinese comments, tabs": "# 定义网络\n" + LAB_NET.replace("    ", "\t") + "\n损失 = nn.NLLLoss()\n",
    "forward replaced afterwards": HEAD
    + NET.replace("def forward", "def _forward")
    + """
import types
Net.forward = Net._forward
net = Net()
net.forward = types.MethodType(lambda self, x: self._forward(x), net)
net.fc1.bias.data = torch.zeros(50)
net.training = True
""",
    "python 3 idioms": LAB_NET
    + """
from enum import Enum
from pathlib import Path
from contextlib import contextmanager, suppress
class Mode(Enum):
    TRAIN = 1
    TEST = 2
@contextmanager
def evaluating(net):
    was = net.training
    try:
        net.eval()
        yield net
    finally:
        net.train(was)
match Mode.TRAIN:
    case Mode.TRAIN:
        root = Path(__file__).parent / "data" / "MNIST"
with suppress(FileNotFoundError):
    (root / "raw").mkdir(parents=True)
total = sum(p.numel() for p in Net().parameters() if p.requires_grad)
assert (n := total) > 0, f"{n=:,}"
config = eval("{'lr': 0.01, 'momentum': 0.9}")
print(vars(Net), globals().get('config'), locals().keys())
""",
}  # fmt: skip


def submission(folder: Path, files: Mapping[str, str | bytes], script: str = "task1_cnn.py") -> Reading:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.process_time()
    found = scrutinise(folder, script, list(files))
    assert time.process_time() - started < SECONDS
    return found


def reading(folder: Path, text: str | bytes, **helpers: str) -> Reading:
    return submission(folder, {"task1_cnn.py": text} | {f"{name}.py": helper for name, helper in helpers.items()})


def ids(notices: tuple[Notice, ...]) -> list[str]:
    return sorted({one.id for one in notices})


# ---- honest scripts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", HONEST)
def test_an_honest_script_is_never_noticed(style: str, tmp_path: Path) -> None:
    found = reading(tmp_path, HONEST[style])
    assert found.notices == ()
    assert set(found.kinds) >= LAB


def files_of(case: Path) -> list[str]:
    return sorted(path.relative_to(case).as_posix() for path in case.rglob("*") if path.is_file())


def script_of(files: list[str]) -> str:
    scripts = [file for file in files if file.endswith((".py", ".ipynb")) and not file.startswith("__MACOSX")]
    likely = [file for file in scripts if "task1" in file and "template" not in file]
    return next(iter(likely or scripts), "")


SAMPLES = [path.name for path in sorted(SUBMISSIONS.iterdir()) if path.is_dir()]


@pytest.mark.parametrize("case", SAMPLES)
def test_no_sample_is_noticed(case: str) -> None:
    files = files_of(SUBMISSIONS / case)
    found = scrutinise(SUBMISSIONS / case, script_of(files), files)
    if case == "valid-script-with-much-around":  # lists all objects, though not in Net
        assert [(one.id, one.is_grave) for one in found.notices] == [("reaches-in", False)]
    else:
        assert found.notices == ()
    if case.startswith("valid-"):
        assert set(found.kinds) >= LAB


TRACES = """
import json, os, sys
from pathlib import Path
import torch
from grader.evidence import Problem
from grader.worker import probing
from grader.worker.building import working_batch
from grader.worker.loading import load_net

torch.set_num_threads(1)

def images(count):
    return torch.randn(count, 1, 28, 28)

def kinds(folder, script):
    loaded = load_net(Path(folder), script)
    net = loaded.factory()
    working, tracer = working_batch(net, images)
    known = tracer.unregistered if tracer is not None else []
    trace = probing.trace(net, images, working or 4, known, lambda kind, error: Problem(kind, str(error)))[0]
    return sorted({operation.kind for operation in trace.operations})

for folder, script in json.loads(sys.stdin.read()):
    reader, writer = os.pipe()
    if os.fork() == 0:
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 1), os.dup2(quiet, 2)
        try:
            os.write(writer, json.dumps(kinds(folder, script)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as stream:
        found = stream.read() or b"null"
    os.wait()
    print(json.dumps([folder, json.loads(found)]))
"""
"""Traces each submission in a fork of its own. Only ours are given to it."""


TELLING = (
    "relu",
    "dropout",
    "linear",
    "unfold",
    "log",
    "soft",
    "norm",
    "pool",
    "einsum",
    "gelu",
    "tanh",
    "sigmoid",
    "hook",
)
"""Words in the names of samples that do something in an unusual way."""


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_nothing_is_traced_that_an_honest_text_has_no_word_for(tmp_path: Path) -> None:
    asked: dict[str, tuple[str, Reading]] = {}
    for name, text in HONEST.items():
        folder = tmp_path / name
        asked[str(folder)] = "task1_cnn.py", reading(folder, text)
    for case in SAMPLES:
        files = files_of(SUBMISSIONS / case)
        if not case.startswith("broken-") and any(word in case for word in TELLING):
            asked[str(SUBMISSIONS / case)] = script_of(files), scrutinise(SUBMISSIONS / case, script_of(files), files)
    given = json.dumps([(folder, script) for folder, (script, _) in asked.items()])
    done = subprocess.run(
        [sys.executable, "-c", TRACES], input=given, cwd=ROOT, capture_output=True, text=True, check=True, timeout=380
    )
    traced = [(folder, kinds) for folder, kinds in map(json.loads, done.stdout.splitlines()) if kinds is not None]
    assert len(traced) >= len(asked) - 3, "few faults leave nothing to trace"
    assert not [name for name in HONEST if str(tmp_path / name) not in {folder for folder, _ in traced}]
    missing = {
        Path(folder).name: sorted(set(kinds) & set(KINDS) - set(asked[folder][1].kinds))
        for folder, kinds in traced
        if set(kinds) & set(KINDS) - set(asked[folder][1].kinds)
    }
    assert missing == {}


# ---- kinds -----------------------------------------------------------------------------------------------------------

VOCABULARY = {
    "conv": vocabulary.CONVOLUTIONS,
    "linear": vocabulary.PRODUCTS,
    "relu": vocabulary.RELUS,
    "activation": vocabulary.ACTIVATIONS,
    "dropout": vocabulary.DROPOUTS,
    "pool": vocabulary.POOLS,
    "norm": vocabulary.NORMS,
    "softmax": vocabulary.SOFTMAXES,
    "log_softmax": vocabulary.LOG_SOFTMAXES,
}


def test_every_word_of_the_tracer_is_known() -> None:
    unknown = {(kind, word) for kind, known in VOCABULARY.items() for word in known if kind not in kinds_of({word})}
    assert unknown == set()
    assert tuple(VOCABULARY) == KINDS
    random = {word for word in vocabulary.RANDOM if "dropout" not in kinds_of({word})}
    assert random == set(), "a dropout could be made from these"


ALMOST_NOTHING = "import torch\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x\n"


def test_a_text_without_words_has_no_kinds(tmp_path: Path) -> None:
    assert reading(tmp_path, ALMOST_NOTHING).kinds == ()
    commented = ALMOST_NOTHING + '# nn.Conv2d, dropout, relu\n"""nn.Linear, softmax, pool"""\n'
    assert reading(tmp_path, commented).kinds == ()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("y = x @ w", "linear"),
        ("y = F.conv2d(x, w)", "linear"),
        ("y = x * (x > 0)", "relu"),
        ("y = nn.ReLU6()", "activation"),
        ("y = torch.fmax(x, zero)", "relu"),
        ("y = (x + x.abs()) / 2", "relu"),
        ("y = x * mask", "dropout"),
        ("y = numpy.random.rand(3)", "dropout"),
        ("y = x[:, ::2]", "pool"),
        ("y = 2.718 ** x", "softmax"),
        ("from torch.nn import Conv2d as C", "conv"),
        ("y = getattr(nn, 'Conv2d')", "conv"),
        ("y = getattr(nn, 'Co' + 'nv2d')", "linear"),
        ("y = x - x.logsumexp(1)", "log_softmax"),
    ],
)
def test_a_word_for_a_kind(code: str, kind: str, tmp_path: Path) -> None:
    assert kind in reading(tmp_path, ALMOST_NOTHING + code).kinds


@pytest.mark.parametrize(
    "code",
    [
        "import timm",
        "from pytorch_lightning import nn",
        "from torchvision import models\nm = models.resnet18()",
        "y = getattr(torch.nn, name)()",
        "y = torch.nn.__dict__[name]()",
        "exec(code)",
        "m = torch.hub.load('a', 'b')",
        "m = __import__(name)",
        "m = vars(torch.nn)[name]",
        "y = getattr(torch, f'{a}{b}')(x)",
    ],
)
def test_where_the_text_cannot_tell_it_has_all_kinds(code: str, tmp_path: Path) -> None:
    assert reading(tmp_path, ALMOST_NOTHING + code).kinds == KINDS


def test_helpers_count_when_they_are_imported(tmp_path: Path) -> None:
    layers = "import torch.nn as nn\nclass Block(nn.Sequential):\n    made = nn.Conv2d, nn.Dropout\n"
    assert "conv" not in reading(tmp_path / "not", ALMOST_NOTHING, layers=layers).kinds
    assert "conv" in reading(tmp_path / "plain", "from layers import Block\n" + ALMOST_NOTHING, layers=layers).kinds
    assert "conv" in reading(tmp_path / "alike", "import Layers\n" + ALMOST_NOTHING, layers=layers).kinds
    chain = {"task1_cnn.py": "import a\n" + ALMOST_NOTHING, "a.py": "from parts.b import *", "parts/b.py": layers}
    assert {"conv", "dropout"} <= set(submission(tmp_path / "chain", chain).kinds)
    package = {"task1_cnn.py": "from parts import Block\n" + ALMOST_NOTHING, "parts/__init__.py": layers}
    assert "conv" in submission(tmp_path / "package", package).kinds
    relative = {"x/task1_cnn.py": "from .b import Block\n" + ALMOST_NOTHING, "x/b.py": layers}
    assert "conv" in submission(tmp_path / "relative", relative, "x/task1_cnn.py").kinds
    standard = {"task1_cnn.py": "import random, torch.utils.data\n" + ALMOST_NOTHING, "data.py": layers}
    assert "conv" not in submission(tmp_path / "standard", standard).kinds


def test_a_text_that_does_not_parse_still_has_words(tmp_path: Path) -> None:
    found = reading(tmp_path, LAB_NET + "\nprint 'done'\n")
    assert set(found.kinds) >= LAB
    assert found.notices == ()


def notebook(*cells: str) -> str:
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": 1, "source": one} for one in cells]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def test_a_notebook_is_read_and_placed(tmp_path: Path) -> None:
    cells = ("%matplotlib inline\n!pip install torch", LAB_NET, "%%writefile model.py\nimport gc\ngc.get_objects()")
    found = submission(tmp_path, {"task1_cnn.ipynb": notebook(*cells)}, "task1_cnn.ipynb")
    assert (found.notices, set(found.kinds) >= LAB) == ((), True)
    grave = submission(
        tmp_path, {"task1_cnn.ipynb": notebook(*cells, "import sys\n\nsys._getframe()")}, "task1_cnn.ipynb"
    )
    assert [one.message.split(" uses ")[0] for one in grave.notices] == ["Line 3 of code cell 4 of task1_cnn.ipynb"]
    written = submission(tmp_path, {"task1_cnn.ipynb": notebook(*cells, "import model")}, "task1_cnn.ipynb")
    assert [one.message.split(" uses ")[0] for one in written.notices] == ["Line 3 of code cell 3 of task1_cnn.ipynb"]


# ---- reaching for the observer ---------------------------------------------------------------------------------------

GRAVE = [
    "object.__subclasses__()",
    "().__class__.__base__.__subclasses__()",
    "getattr(object, '__subclasses__')()",
    "getattr(object, '__sub' 'classes__')()",
    "getattr(object, '__sub' + 'classes__')()",
    "getattr(object, '__%sclasses__' % 'sub')()",
    "getattr(object, '__{}__'.format('subclasses'))()",
    "getattr(object, ''.join(['__sub', 'classes__']))()",
    "getattr(object, '__sessalcbus__'[::-1])()",
    "name = '__subclasses__'\ngetattr(object, name)()",
    "half = '__sub'\ngetattr(object, f'{half}classes__')()",
    "type.__dict__['__subclasses__'](object)",
    "vars(type)['__subclasses__'](object)",
    "import operator\noperator.attrgetter('f_back')(frame)",
    "import operator\noperator.methodcaller('__subclasses__')(object)",
    "object.__getattribute__(frame, 'f_locals')",
    "frame.f_locals['reporter']",
    "frame.f_globals",
    "error.__traceback__.tb_frame",
    "(x for x in y).gi_frame",
    "coroutine.cr_frame",
    "import sys\nframe = sys._getframe()",
    "import sys as s\nframe = s._getframe(2)",
    "from sys import _getframe as g\ng()",
    "from sys import *\n_getframe()",
    "import sys\nlook = sys._getframe\nlook()",
    "__import__('sys')._getframe()",
    "import importlib\nimportlib.import_module('sys')._getframe()",
    "from importlib import import_module as get\nget('s' + 'ys')._current_frames()",
    "import gc as g\ng.get_objects()",
    "import gc\nfind = gc.get_referrers\nfind(1)",
    "import gc\ngetattr(gc, 'get_objects')()",
    "import gc\ngc.__dict__['get_referents']()",
    "from gc import get_objects\nget_objects()",
    "import sys\nsys.modules['gc'].get_objects()",
    "import sys\nsys.addaudithook(print)",
    "import sys\nsys.settrace(f)",
    "import sys\nsys.setprofile(f)",
    "import threading\nthreading.settrace(f)",
    "import inspect\nframe = inspect.currentframe()",
    "import inspect\nfor one in inspect.stack():\n    print(one.frame)",
    "import inspect\ninspect.stack()[1][0].f_locals",
    "from inspect import stack as s\ns()[1].frame",
    "import inspect\ninspect.trace()",
    "def f(): pass\nf.__code__ = g.__code__",
    "setattr(f, '__code__', g)",
    "hook.__closure__[0].cell_contents",
    "open('/proc/self/mem', 'r+b')",
    "open('/proc/' + 'self' + '/maps')",
    "import os\nopen(f'/proc/{os.getppid()}/mem')",
    "open('/proc/%d/environ' % 17)",
    "import os\nos.listdir('/proc/self/fd')",
    "from pathlib import Path\n(Path('/proc') / 'self' / 'maps').read_text()",
    "import os\nopen(os.path.join('/proc', str(os.getpid()), 'mem'))",
    "place = '/proc/1/mem'\nopen(place)",
    "import ctypes\nctypes.CDLL(None)",
    "import ctypes\nctypes.pythonapi.PyRun_SimpleString(b'')",
    "from ctypes import cast, py_object\ncast(1, py_object)",
    "from ctypes import *\nmemmove(a, b, 3)",
    "import ctypes\n(ctypes.c_char * 3).from_address(1)",
    "libc.process_vm_writev(1)",
    "class A:\n    def __init__(self):\n        self.__array_interface__ = {}",
    "class A:\n    __array_interface__ = property(lambda self: {})",
    "from numpy.lib.stride_tricks import as_strided\nas_strided(x, (9,))",
    "import numpy as np\nnp.lib.stride_tricks.as_strided(x, (9,))",
    "import grader",
    "import grader.worker.tracing as t",
    "from grader import worker",
    "from grader.worker import tracing",
    "try:\n    from grader.worker import tracing\nexcept ImportError:\n    pass",
    "import sys\nsys.modules['grader.worker.channel']",
    "import sys\nm = sys.modules.get('grader.worker')",
    "import sys\nif 'grader' in sys.modules: pass",
    "import sys\nfor n, m in list(sys.modules.items()):\n    if n.startswith('grader'): pass",
    "import importlib\nimportlib.import_module('grader.worker')",
    "__import__('grader')",
    "import importlib.util\nimportlib.util.find_spec('grader')",
    "from torch.overrides import _get_current_function_mode_stack as s\ns()",
    "torch._C._len_torch_function_stack()",
    "exec('import sys; sys._getframe()')",
    "eval('frame.f_back')",
    "exec('exe' 'c(1)'); exec('object.__sub' + 'classes__()')",
    "__builtins__['getattr'](object, '__subclasses__')",
]


@pytest.mark.parametrize("code", GRAVE)
def test_reaching_for_the_observer_is_noticed(code: str, tmp_path: Path) -> None:
    found = reading(tmp_path, LAB_NET + code + "\n")
    assert ids(found.notices) == ["reaches-in"]
    assert not any(one.is_grave for one in found.notices), "the part of a script that Net does not need is not run"
    assert len(found.notices) <= 2
    assert found.notices[0].message.startswith("Line ")
    assert " of task1_cnn.py uses " in found.notices[0].message
    found = reading(tmp_path / "helped", "from layers import block\n" + LAB_NET, layers=code + "\n")
    assert ids(found.notices) == ["reaches-in"]
    assert all(one.is_grave for one in found.notices), "a module is run as a whole when it is imported"


def test_what_net_needs_is_grave(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom torch import nn\n\ndef peek():\n    return sys._getframe()\n\n"
        "class Net(nn.Module):\n    def forward(self, x):\n        return peek()\n\nsys.settrace(None)\n"
    )
    found = reading(tmp_path, code)
    assert [one.is_grave for one in found.notices] == [True, False]
    assert found.notices[0].message.startswith("Line 5 ")


def test_a_notice_says_where(tmp_path: Path) -> None:
    code = "import layers\nimport sys\n\nclass Net:\n    def forward(self):\n        sys.settrace(None)\n"
    found = reading(tmp_path, code, layers="import gc\ngc.get_objects()\n", conftest="import gc\ngc.get_objects()\n")
    assert [one.message for one in found.notices] == [
        "Line 6 of task1_cnn.py uses sys.settrace, by which code can reach what observes it.",
        "Line 2 of layers.py uses gc.get_objects, by which code can reach what observes it.",
    ]


def test_many_are_told_as_two(tmp_path: Path) -> None:
    code = "import sys, time\n" + "sys._getframe().f_back.f_locals\n" * 50 + "time.time = time.sleep = print\n" * 50
    found = reading(tmp_path, code)
    assert [one.id for one in found.notices] == ["reaches-in"] * 2 + ["patches-library"] * 2


def test_a_file_beside_the_script_counts_only_when_imported(tmp_path: Path) -> None:
    planted = {
        "conftest": "import grader",
        "sitecustomize": "import sys\nsys.settrace(1)",
        "old": "import gc\ngc.get_objects()",
    }
    assert reading(tmp_path, LAB_NET, **planted).notices == ()
    assert ids(reading(tmp_path, "import old\n" + LAB_NET, **planted).notices) == ["reaches-in"]
    dynamic = "import importlib\nimportlib.import_module(name)\n" + LAB_NET
    assert ids(reading(tmp_path, dynamic, **planted).notices) == ["reaches-in"]
    template = {"test_self_check": "from grader import selfcheck\n", "conftest": "import grader\n"}
    assert reading(tmp_path / "template", dynamic, **template).notices == ()


def test_a_module_of_the_students_own_may_be_called_grader(tmp_path: Path) -> None:
    own = "def grade(scores):\n    return max(scores)\n"
    honest = "import grader\nfrom grader import grade\nprint(grader.grade([1]))\n" + LAB_NET
    assert reading(tmp_path, honest, grader=own).notices == ()
    dodging = "import grader.worker.tracing\n" + LAB_NET
    assert ids(reading(tmp_path, dodging, grader=own).notices) == ["reaches-in"]


# ---- patching a library ----------------------------------------------------------------------------------------------

PATCHES = [
    "torch.allclose = lambda *a: True",
    "F.relu = torch.tanh",
    "nn.Module.__call__ = call",
    "setattr(torch.Tensor, 'argmax', f)",
    "import builtins\nbuiltins.print = f",
    "__builtins__.__dict__['print'] = f",
    "import time\ntime.time = lambda: 0",
    "import time as t\nt.time, t.sleep = f, g",
    "torch.optim.SGD.step = step",
    "from torch import Tensor\nTensor.detach = f",
    "import json\njson.JSONEncoder.encode = f",
    "nn.ReLU = nn.Tanh",
    "torch.__dict__['relu'] = f",
]


@pytest.mark.parametrize("code", PATCHES)
def test_patching_a_library_is_noticed(code: str, tmp_path: Path) -> None:
    found = reading(tmp_path, LAB_NET + "def f(*a): pass\n" + code + "\n").notices
    assert ids(found) == ["patches-library"]
    assert not any(one.is_grave for one in found)


# ---- loading weights -------------------------------------------------------------------------------------------------


def in_init(code: str) -> str:
    return LAB_NET.replace("self.fc2 = nn.Linear(50, 10)", f"self.fc2 = nn.Linear(50, 10)\n        {code}")


LOADS = {
    "torch.load": in_init("self.load_state_dict(torch.load('w.pt'))"),
    "a function": in_init("fill(self)") + "def fill(net):\n    net.w = torch.load('w.pt')\n",
    "two functions": in_init("fill(self)")
    + "import numpy\ndef fill(n):\n    deep(n)\ndef deep(n):\n    numpy.load('w')\n",
    "a constant": "import pickle\nW = pickle.load(open('w', 'rb'))\n" + in_init("self.w = W"),
    "a base class": LAB_NET.replace("class Net(nn.Module)", "class Base(nn.Module):\n    def __init__(self):\n"
    "        super().__init__()\n        self.w = torch.load('w')\n\nclass Net(Base)"),
    "a pretrained model": "from torchvision import models\n" + in_init("self.m = models.resnet18(pretrained=True)"),
    "the hub": in_init("self.m = torch.hub.load('a', 'b')"),
    "decoded text": "import base64\nT = '" + "QUJD" * 200 + "'\n" + in_init("self.w = base64.b64decode(T)"),
    "a long list": f"W = [{'0.12345, ' * 3000}]\n" + in_init("self.w = torch.tensor(W)"),
    "a long text": "W = '" + "0123456789" * 3000 + "'\n" + in_init("self.w = [int(c) for c in W]"),
    "a list in class": in_init(f"self.w = [{'0.12345, ' * 3000}]"),
    "filled afterwards": "W = {}\nW['a'] = torch.load('w')\n" + in_init("self.w = W['a']"),
}  # fmt: skip


@pytest.mark.parametrize("how", LOADS)
def test_loading_weights_for_net_is_noticed(how: str, tmp_path: Path) -> None:
    found = reading(tmp_path, LOADS[how])
    assert ids(found.notices) == ["loads-weights"]
    assert not any(one.is_grave for one in found.notices)
    assert found.kinds == KINDS


def test_weights_in_a_helper_are_noticed(tmp_path: Path) -> None:
    helper = f"TEXT = [{'0.12345, ' * 3000}]\n"
    found = reading(tmp_path, "from weights import TEXT as T\n" + in_init("self.w = T"), weights=helper).notices
    assert [one.message for one in found] == [
        "Line 1 of weights.py holds constants for Net, 21 kB in all with those near it."
    ]
    assert reading(tmp_path, "from weights import TEXT as T\n" + LAB_NET, weights=helper).notices == ()
    used = "import utils\n" + LAB_NET.replace("F.relu(", "utils.rectify(") + "utils.resume(Net())\n"
    utils = "import torch\ndef rectify(x):\n    return torch.relu(x)\ndef resume(n):\n    n.f = torch.load('w')\n"
    assert reading(tmp_path, used, utils=utils).notices == ()


# ---- hostile texts ---------------------------------------------------------------------------------------------------

LONG = 1_000_000
HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "a long line of names": b"a" * LONG,
    "a long line of spaces": b" " * LONG + b"x = 1",
    "a long string": b"x = '" + b"a" * (LONG // 4) + b"'",
    "a long concatenation": b"getattr(x, " + b"'a' + " * 20_000 + b"'b')",
    "many calls": b"getattr(x, 'a' + 'b')\n" * 12_000,
    "brackets": b"(" * 10_000,
    "closed brackets": b"x = " + b"[" * 10_000 + b"]" * 10_000,
    "nested calls": b"f(" * 90 + b")" * 90,
    "a deep attribute": b"a" + b".f_back" * 900,
    "a too deep attribute": b"a" + b".a" * 100_000,
    "signs": b"x = " + b"-" * 100_000 + b"1",
    "nots": b"x = " + b"not " * 100_000 + b"1",
    "branches": b"if x: pass\n" + b"elif x: pass\n" * 50_000,
    "lambdas": b"x = " + b"lambda:" * 100_000 + b"1",
    "nul": b"import sys\0\nsys._getframe()",
    "only nul": b"\0" * 100_000,
    "not utf-8": b"# \xff\xfe\xfa\nname = '\xe4\xf6'\n",
    "utf-16": "import torch\nclass Net: pass\n".encode("utf-16"),
    "punycode": b"# coding: punycode\n" + b"abc " * 100_000 + b"-abcdef" * 30_000,
    "unknown coding": b"# coding: nonsense\nx = 1\n",
    "a big number": b"x = " + b"9" * 100_000,
    "a format": b"getattr(x, '%999999999d' % 1)\ngetattr(x, '{:>999999999}'.format(1))\n",
    "a replacement": b"a = '" + b"a" * 3_000 + b"'\n" + b"b = a.replace('a', a).replace('a', a)\ngetattr(x, b)\n",
    "a power": b"x = 9 ** 9 ** 9 ** 9\ny = 'a' * 10 ** 10\n",
    "2 MB of statements": b"x = 1\n" * 330_000,
    "2 MB of numbers": b"W = [" + b"0.125, " * 280_000 + b"]\n",
    "2 MB of calls": b"f(g(h(x)))\n" * 180_000,
    "300 kB of numbers": b"W = [" + b"0.125, " * 40_000 + b"]\nclass Net:\n    w = W\n",
    "290 kB of statements": b"x = a.b.c(1)\n" * 22_000,
    "290 kB of net": b"class Net:\n def forward(self, x):\n" + b"  x = self.a.b(x)\n" * 15_000,
    "nested functions": b"".join(b" " * depth + b"def f(a):\n" for depth in range(90)) + b" " * 90 + b"pass\n",
    "a circle of names": b"a = b\nb = a\nc = c + c\ngetattr(x, a)\ngetattr(x, c)\n",
    "doubling": b"a0 = 'aaaaaaaa'\n" + b"".join(b"a%d = a%d + a%d\n" % (i, i - 1, i - 1) for i in range(1, 200)),
    "surrogates": b"x = '\\ud800'\ngetattr(x, '\\ud800' + 'f_back')\n",
    "branches that parse": b"import sys\nsys.settrace(1)\nif x: pass\n" + b"elif x: pass\n" * 300,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_text_is_read_in_bounded_time(kind: str, tmp_path: Path) -> None:
    found = reading(tmp_path, HOSTILE[kind])
    assert all(
        one.id == "not-read" for one in found.notices if kind not in {"a deep attribute", "branches that parse"}
    )
    if kind == "branches that parse":
        assert found.notices[0].id == "reaches-in"
    for one in found.notices:
        one.message.encode()


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[" * 100_000,
        notebook("%magic\n" * 20_000),
        notebook("x = 1\n" * 20_000 + "%magic\n" * 100),
        notebook(" " * 100_000 + "x)", "x?\n" * 1000),
        notebook(*["x = 1"] * 5_000),
        notebook("x = 1\n" * 100_000),
    ],
    ids=range(7),
)
def test_a_hostile_notebook_is_read_in_bounded_time(content: str, tmp_path: Path) -> None:
    submission(tmp_path, {"task1_cnn.ipynb": content}, "task1_cnn.ipynb")


def test_hostile_files_are_read_in_bounded_time(tmp_path: Path) -> None:
    many = {f"m{number}.py": f"import m{number + 1}, m{number - 1}\n" + "y = f(x)\n" * 3000 for number in range(200)}
    files = {"task1_cnn.py": "import m0\n" + LAB_NET} | many
    found = submission(tmp_path, files)
    assert (ids(found.notices), found.kinds) == (["not-read"], KINDS)


def test_what_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    nothing = Reading()
    assert scrutinise(tmp_path, "", []) == nothing
    assert scrutinise(tmp_path, "missing.py", ["missing.py", "other.py"]) == nothing
    assert scrutinise(tmp_path, "../../etc/passwd\0", []) == nothing
    name = b"t\xff\xfe.py".decode("utf-8", "surrogateescape")
    (tmp_path / name).write_text("import gc\ngc.get_objects()\n")
    found = scrutinise(tmp_path, name, [name, "folder/../../x.py", "/etc/x.py"])
    assert ids(found.notices) == ["reaches-in"]
    found.notices[0].message.encode()


def test_a_text_beyond_reading_is_told(tmp_path: Path) -> None:
    for number, padding in enumerate(("x = 1\n" * MOST_TEXT, "0;" * 50_000 + "\n", "x = " + "not " * 5000 + "1\n")):
        found = reading(tmp_path / str(number), LAB_NET + padding)
        assert (ids(found.notices), found.kinds) == (["not-read"], KINDS)
