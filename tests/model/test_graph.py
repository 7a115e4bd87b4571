"""Graphs as plain data: pruning, merging passes to one program, validation, and equality."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.model.equality import digest
from grader.model.graph import (
    MOST_ARGUMENTS,
    MOST_NODES,
    MOST_OWN_VALUES,
    MOST_VALUES,
    Constant,
    Graph,
    GraphRefused,
    Node,
    Program,
    Source,
    Weight,
    sources_in,
)
from grader.model.graph_validation import validate_graph
from grader.model.operations import OPERATIONS, Kind
from grader.model.pruning import gathered, generalised, pruned, uncut
from grader.model.recorded import graph_of
from grader.model.weights import layer_bounds, own_weights
from tests.support.network_samples import (
    INPUT,
    Lab,
    With,
    graph_from,
    held,
    names,
    node,
    program,
    recording_of,
    result,
)

SIZES = (64, 3, 100, 1)


# ---- what matters of a pass ------------------------------------------------------------------------------------------


def test_unused_operations_are_removed_and_the_rest_renumbered() -> None:
    original = program(
        node("relu", INPUT),
        node("tanh", INPUT),
        node("dropout", result(1), 0.5, True),
        node("mul.Tensor", result(0), result(0)),
        node("exp", result(3)),
        output=3,
    )
    left, kept = pruned(original)
    assert names(left) == ["relu", "mul"]
    assert kept == (0, 3)
    assert left.nodes[1].args == (result(0), result(0))
    assert left.output == Source("node", 1)


def test_without_an_output_every_operation_is_kept() -> None:
    original = program(node("relu", INPUT), node("tanh", INPUT), output=None)
    assert pruned(original) == (original, (0, 1))


def test_an_output_that_is_the_input_needs_no_operation() -> None:
    original = Program((node("relu", INPUT),), Source("input", 0))
    assert pruned(original) == (Program((), Source("input", 0)), ())


def test_a_write_through_a_view_is_kept() -> None:
    original = program(
        node("clone", INPUT, storage=(1,)),
        node("select.int", result(0), 1, 0, storage=(1,)),
        node("fill_.Scalar", result(1), 0, storage=(1,)),
        node("relu", result(0), storage=(2,)),
    )
    assert pruned(original)[1] == (0, 1, 2, 3)


def test_a_write_is_kept_with_all_that_it_writes() -> None:
    original = program(
        node("clone", INPUT, storage=(1,)),
        node("exp", INPUT, storage=(2,)),
        node("neg", result(1), storage=(3,)),
        node("copy_", result(0), result(2), storage=(1,)),
        output=0,
    )
    assert names(pruned(original)[0]) == ["clone", "exp", "neg", "copy_"], (
        "the output shares memory with what is written"
    )


def test_a_write_into_memory_that_nobody_reads_is_left_out() -> None:
    original = program(
        node("clone", INPUT, storage=(1,)),
        node("clone", INPUT, storage=(2,)),
        node("zero_", result(1), storage=(2,)),
        output=0,
    )
    assert pruned(original)[1] == (0,)


@pytest.mark.parametrize("op", ["add_.Tensor", "add.out"])
def test_a_buffer_is_written_for_the_next_pass(op: str) -> None:
    buffer = held("buffer", 0)
    more = {"out": buffer} if op.endswith("out") else {}
    reading = node("add.Tensor", INPUT, buffer, storage=(1,))
    writing = node(op, buffer, 1, storage=(9,), **more)
    assert pruned(program(reading, writing, output=0))[1] == (0, 1)
    other = node("add_.Tensor", held("buffer", 1), 1, storage=(8,))
    assert pruned(program(reading, other, output=0))[1] == (0,), "of a buffer that is not read nothing is kept"


def test_chains_of_writes_are_found_at_any_length() -> None:
    count = 6
    copies = [node("clone", INPUT, storage=(at + 1,)) for at in range(count)]
    writes = [node("add_.Tensor", result(at - 1), result(at), storage=(at,)) for at in range(count - 1, 0, -1)]
    assert len(pruned(program(*copies, *writes, output=0))[0].nodes) == 2 * count - 1


# ---- one program for any number of images ----------------------------------------------------------------------------


def passes(argument: Callable[[int], Any], sizes: tuple[int, ...] = SIZES) -> dict[int, Program]:
    """By number of images, a pass whose second argument is as given."""
    return {size: program(node("view", INPUT, argument(size))) for size in sizes}


@pytest.mark.parametrize(
    ("argument", "merged"),
    [
        (lambda n: [n, 784], [{"images": [1, 0]}, 784]),
        (lambda n: 2 * n, {"images": [2, 0]}),
        (lambda n: n - 1, {"images": [1, -1]}),
        (lambda n: 100 - n, {"images": [-1, 100]}),
        (lambda n: [[n], {"word": "float32"}], [[{"images": [1, 0]}], {"word": "float32"}]),
        (lambda n: -1, -1),
        (lambda n: {"float": "-inf"}, {"float": "-inf"}),
        (lambda n: None, None),
        (lambda n: 0.5, 0.5),
    ],
)
def test_numbers_that_grow_with_the_batch(argument: Callable[[int], Any], merged: Any) -> None:
    general = generalised(passes(argument))
    assert general is not None
    assert general.nodes[0].args == (INPUT, merged)
    assert general.output == Source("node", 0)


@pytest.mark.parametrize(
    "argument",
    [
        lambda n: n * n,
        lambda n: n // 2,
        lambda n: min(n, 64),
        lambda n: 1 / n,
        lambda n: n > 3,
        lambda n: "all" if n > 3 else "few",
        lambda n: [1] * n,
        lambda n: None if n == 3 else n,
        lambda n: {"word": "bool" if n == 1 else "uint8"},
        lambda n: {"word": "bool"} if n == 1 else {"float": "inf"},
        lambda n: True if n == 3 else 1,
        lambda n: 1.0 if n == 3 else 1,
        lambda n: n if n != 1 else 7,
    ],
)
def test_passes_that_differ_in_more_than_sizes_are_not_merged(argument: Callable[[int], Any]) -> None:
    assert generalised(passes(argument)) is None


def test_passes_must_run_the_same_operations_on_the_same_tensors() -> None:
    first = program(node("relu", INPUT), node("exp", result(0)))
    for other in (
        program(node("relu", INPUT), node("tanh", result(0))),
        program(node("relu", INPUT), node("exp", INPUT)),
        program(node("relu", INPUT), node("exp", result(0, is_cut=True))),
        program(node("relu", INPUT)),
        program(node("relu", INPUT), node("exp", result(0)), output=0),
        program(node("relu", INPUT), node("exp", result(0)), output=None),
        program(node("relu", INPUT), node("exp", result(0), out=INPUT)),
    ):
        assert generalised({64: first, 3: other}) is None
    assert generalised({64: first, 3: first}) == first
    assert generalised({64: first}) is None, "one pass does not show what depends on the batch size"
    assert generalised({}) is None


# ---- weights ---------------------------------------------------------------------------------------------------------


def test_a_graph_has_what_its_programs_use_numbered_by_first_use() -> None:
    training = program(node("linear", INPUT, held("parameter", 2), held("parameter", 1)))
    evaluation = program(
        node("linear", INPUT, held("parameter", 2), held("parameter", 1)),
        node("add.Tensor", result(0), held("buffer", 1)),
        node("mul.Tensor", result(1), held("constant", 3)),
    )
    weights = [Weight(f"w{at}", (at,)) for at in range(4)]
    buffers = [Constant(f"b{at}", (), "float32") for at in range(4)]
    constants = [Constant(f"c{at}", (), "float32") for at in range(4)]
    graph = gathered([training, evaluation], weights, buffers, constants, batch=0)
    assert [weight.name for weight in graph.weights] == ["w2", "w1"]
    assert [tensor.name for tensor in (*graph.buffers, *graph.constants)] == ["b1", "c3"]
    assert graph.training.nodes[0].args[1:] == (held("parameter", 0), held("parameter", 1))
    assert graph.evaluation.nodes[2].args[1] == held("constant", 0)
    validate_graph(graph)


def test_the_bounds_of_layers_are_those_of_torch() -> None:
    torch.manual_seed(0)
    layers = nn.ModuleList([nn.Conv2d(2, 3, 5), nn.Linear(7, 4)])
    graph = Graph(
        program(
            node("conv2d", INPUT, held("parameter", 0), held("parameter", 1)),
            node("linear", result(0), held("parameter", 2), held("parameter", 3)),
            node("mul.Tensor", result(1), held("parameter", 4)),
        ),
        Program(),
        tuple(Weight("", tuple(tensor.shape)) for tensor in [*layers.parameters(), torch.zeros(4)]),
    )
    bounds = layer_bounds(graph)
    assert set(bounds) == {0, 1, 2, 3}
    for number, parameter in enumerate(layers.parameters()):
        assert float(parameter.detach().abs().max()) <= bounds[number]
        assert bounds[number] == pytest.approx((2 * 25) ** -0.5 if number < 2 else 7**-0.5)


def test_small_weights_outside_any_layer_keep_their_initial_values() -> None:
    def graph(*counts: int) -> Graph:
        nodes = [node("mul.Tensor", INPUT, held("parameter", at)) for at in range(len(counts))]
        return Graph(program(*nodes), Program(), tuple(Weight("", (count,), sample="AAAA") for count in counts))

    assert own_weights(graph(10, 20)) == (frozenset({0, 1}), frozenset())
    assert own_weights(graph(10, MOST_OWN_VALUES)) == (frozenset({0}), frozenset({1}))
    assert own_weights(graph(MOST_OWN_VALUES + 1)) == (frozenset(), frozenset({0}))
    layer = Graph(program(node("linear", INPUT, held("parameter", 0))), Program(), (Weight("", (3, 4), sample="AAAA"),))
    assert own_weights(layer) == (frozenset(), frozenset())


def test_uncut_lets_every_gradient_flow() -> None:
    original = program(node("detach", result(0, is_cut=True)), node("stack", [result(0, is_cut=True), INPUT]))
    free = uncut(replace(original, output=Source("node", 1, is_cut=True)))
    assert names(free) == ["alias", "stack"]
    assert not any(source.is_cut for node in free.nodes for source in node.sources())
    assert free.output == Source("node", 1)


# ---- checking --------------------------------------------------------------------------------------------------------


def of(*nodes: Node, **parts: Any) -> Graph:
    """A graph that runs these nodes in both modes."""
    return Graph(Program(nodes), Program(nodes), **parts)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


TABLE = Constant("", (MOST_VALUES,), "float32", "AAAA")


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (of(node("as_strided", INPUT, [2], [1])), "it runs aten.as_strided.default"),
        (of(node("set_.source_Storage", INPUT)), "it runs aten.set_"),
        (of(node("item", INPUT)), "it runs aten.item"),
        (of(node("_local_scalar_dense", INPUT)), "it runs aten._local"),
        (of(Node("prims.add.default", (INPUT, 1))), "it runs prims.add.default"),
        (of(Node("mine.relu.default", (INPUT,))), "it runs mine.relu"),
        (of(Node("aten.relu", (INPUT,))), "it runs aten.relu,"),
        (of(Node("aten.relu.default.more", (INPUT,))), "it runs aten.relu.default.more"),
        (of(Node("aten", (INPUT,))), "it runs aten,"),
        (of(Node("", (INPUT,))), "it runs ,"),
        (of(Node("aten.x.relu", (INPUT,))), "it runs aten.x.relu"),
        (of(node("relu", result(0))), "not there before it"),
        (of(node("relu", result(1)), node("relu", INPUT)), "not there before it"),
        (of(node("relu", result(-1)), node("relu", INPUT)), "not there before it"),
        (of(node("relu", {"tensor": ["input", 1, 0, False]})), "not there before it"),
        (of(node("relu", held("parameter", 0))), "not there before it"),
        (of(node("relu", held("buffer", 0))), "not there before it"),
        (of(node("relu", held("constant", 1)), constants=(Constant("", (), "float32"),)), "not there before it"),
        (of(node("relu", {"tensor": ["file", 0, 0, False]})), "not there before it"),
        (of(node("relu", INPUT), node("add.Tensor", INPUT, 1, alpha=result(5))), "not there before it"),
        (of(node("relu", INPUT), node("relu", result(0, 1))), "does not have"),
        (of(node("relu", INPUT), node("relu", result(0, -1))), "does not have"),
        (of(node("relu", [{"tensor": ["input", 0, 0]}])), "of no known form"),
        (of(node("relu", {"tensor": ["input", 0.0, 0, False]})), "of no known form"),
        (of(node("relu", {"tensor": ["input", 0, 0, 0]})), "of no known form"),
        (of(node("relu", {"tensor": "input"})), "of no known form"),
        (of(node("relu", {"images": [1]})), "of no known form"),
        (of(node("relu", {"images": [True, 0]})), "of no known form"),
        (of(node("relu", {"images": [1.5, 0]})), "of no known form"),
        (of(node("relu", {"word": 3})), "of no known form"),
        (of(node("relu", {"float": 3.0})), "of no known form"),
        (of(node("relu", {"word": "float32", "float": "inf"})), "of no known form"),
        (of(node("relu", {})), "of no known form"),
        (of(node("relu", {"code": "1"})), "of no known form"),
        (of(node("relu", b"bytes")), "of no known form"),
        (of(node("relu", torch.float32)), "of no known form"),
        (of(node("relu", (1, 2))), "of no known form"),
        (of(node("relu", dim={"tensor": [1, 2]})), "of no known form"),
        (of(node("relu", nested(8))), "nested too deeply"),
        (of(node("relu", [0] * (MOST_ARGUMENTS + 1))), "too many arguments"),
        (of(*[node("relu", INPUT)] * (MOST_NODES + 1)), "more than 3,000 operations"),
        (of(format=0), "format 0"),
        (of(constants=(TABLE,), buffers=(Constant("", (1,), "float32", "AAAA"),)), "more than 4,096 numbers"),
        (of(weights=(Weight("", (-1, 2)),)), "no valid shape"),
        (of(weights=(Weight("", (1,) * 9),)), "no valid shape"),
        (of(buffers=(Constant("", (2, -3), "float32"),)), "no valid shape"),
        (of(weights=(Weight("", (1 << 14, 1 << 14)),)), "too large"),
        (of(buffers=(Constant("", (1 << 30,), "float32"),)), "too large"),
        (replace(of(), training=Program((), Source("node", 0))), "not there before it"),
        (replace(of(), evaluation=Program((node("relu", INPUT),), Source("node", 1))), "not there before it"),
        (replace(of(), evaluation=Program((node("relu", INPUT),), Source("parameter", 0))), "not there before it"),
    ],
)
def test_an_invalid_graph_is_refused(graph: Graph, reason: str) -> None:
    with pytest.raises(GraphRefused) as refusal:
        validate_graph(graph)
    assert reason in str(refusal.value)


def test_what_is_allowed() -> None:
    validate_graph(of())
    validate_graph(of(constants=(TABLE,), buffers=(Constant("big", (10_000,), "float32"),)))
    validate_graph(of(*[node("relu", INPUT)] * MOST_NODES))
    validate_graph(of(node("view", INPUT, [{"images": [1, 0]}, -1], None, "same", 0.5, {"float": "nan"}, nested(5))))
    validate_graph(of(node("unbind.int", INPUT, storage=(1, 1, 1)), node("relu", result(0, 2))))
    validate_graph(replace(of(), training=Program((), Source("input", 0))))


def test_every_operation_is_one_of_torchs() -> None:
    unknown = [name for name in OPERATIONS if not name.endswith("_") and not hasattr(torch.ops.aten, name)]
    assert unknown == []
    without = [name for name in OPERATIONS if not name.endswith("_") and not getattr(torch.ops.aten, name).overloads()]
    assert without == []


def test_no_operation_reads_out_values_or_reaches_into_memory() -> None:
    forbidden = {
        "as_strided", "set", "resize", "resize_as", "item", "_local_scalar_dense", "nonzero", "from_file", "data_ptr",
        "from_blob", "equal", "is_nonzero", "save", "record_stream", "_to_cpu", "pin_memory", "new_empty_strided",
    }  # fmt: skip
    assert not {name.rstrip("_") for name in OPERATIONS} & {name.rstrip("_") for name in forbidden}
    assert all(operation.reason for operation in OPERATIONS.values())
    assert {operation.kind for operation in OPERATIONS.values()} == set(Kind)


def test_sources_are_found_at_any_depth() -> None:
    stacked = node("stack", [[INPUT], held("parameter", 4)], out={"tensor": ["node", 1, 2, True]})
    assert list(stacked.sources()) == [
        Source("input", 0),
        Source("parameter", 4),
        Source("node", 1, 2, True),
    ]
    assert list(sources_in({"images": [1, 0]})) == list(sources_in("tensor")) == []


# ---- equality --------------------------------------------------------------------------------------------------------


class Renamed(nn.Module):
    """The same as :class:`Lab` by other names, made in another order, with ReLUs in place and a layer never used."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(20, 10)
        self.unused = nn.Linear(3, 3)
        self.hidden = nn.Sequential(nn.Linear(128, 20), nn.ReLU(inplace=True))
        self.second = nn.Conv2d(4, 8, 5)
        self.first = nn.Conv2d(1, 4, 5)
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Tensor) -> Tensor:
        torch.tanh(x)
        y = torch.relu_(F.max_pool2d(self.first(x), 2))
        y = torch.relu_(F.max_pool2d(self.drop(self.second(y)), 2))
        y = self.drop(self.hidden(y.view(-1, 128)))
        return F.log_softmax(self.out(y), 1)


def test_names_and_ways_of_writing_do_not_matter() -> None:
    assert digest(graph_from(Lab())) == digest(graph_from(Lab())) == digest(graph_from(Renamed()))
    assert len(digest(graph_from(Lab()))) == 64


class Frozen(Lab):
    """One weight does not learn."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1.weight.requires_grad_(False)


class OtherKernel(Lab):
    """The first layer looks at a wider place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5, padding=1)
        self.conv2 = nn.Conv2d(4, 8, 7)


def relu_first(x: Tensor) -> Tensor:
    return F.relu(x) * 2


def test_what_changes_a_network_changes_its_digest() -> None:
    others = [
        Frozen(),
        OtherKernel(),
        Lab(dropout=nn.Dropout(0.4)),
        Lab(relu=torch.tanh),
        Lab(relu=relu_first),
        Lab(relu=lambda x: F.relu(x * 2)),
        Lab(between=lambda x: x.detach()),
        Lab(between=lambda x: x + 1),
        Lab(between=lambda x: x + 2),
        Lab(between=lambda x: x + torch.arange(128) / 100),
        Lab(between=lambda x: x + torch.arange(128) / 200),
    ]
    found = {digest(graph_from(net)) for net in [Lab(), *others]}
    assert len(found) == len(others) + 1


def test_writing_in_place_matters_where_the_memory_is_read_again() -> None:
    def forward(relu: Callable[[Tensor], Tensor]) -> Callable[[Any, Tensor], Tensor]:
        def run(net: Any, x: Tensor) -> Tensor:
            y = net.fc(x.flatten(1)) * 1
            return relu(y) + y  # type: ignore[no-any-return]

        return run

    apart, shared = (graph_from(With(forward(relu), fc=nn.Linear(784, 10))) for relu in (F.relu, torch.relu_))
    assert digest(apart) != digest(shared)
    alone = graph_from(With(lambda net, x: torch.relu_(net.fc(x.flatten(1))), fc=nn.Linear(784, 10)))
    plainly = graph_from(With(lambda net, x: F.relu(net.fc(x.flatten(1))), fc=nn.Linear(784, 10)))
    assert digest(alone) == digest(plainly)


def test_a_write_through_a_view_is_recorded_as_a_write() -> None:
    def through(net: Any, x: Tensor) -> Tensor:
        y = net.fc(x.flatten(1)) * 1
        y[:, 0].relu_()
        return y  # type: ignore[no-any-return]

    def aside(net: Any, x: Tensor) -> Tensor:
        y = net.fc(x.flatten(1)) * 1
        y[:, 0].relu()
        return y  # type: ignore[no-any-return]

    writing, apart = (graph_from(With(forward, fc=nn.Linear(784, 10))) for forward in (through, aside))
    assert names(writing.training)[-1] == "relu_"
    assert names(apart.training)[-1] == "mul"
    assert digest(writing) != digest(apart)


def test_initial_values_of_a_weight_outside_any_layer_are_part_of_the_digest() -> None:
    def scaled(value: float) -> nn.Module:
        return With(
            lambda net, x: net.fc(x.flatten(1)) * net.scale,
            fc=nn.Linear(784, 10),
            scale=nn.Parameter(torch.full((10,), value)),
        )

    assert digest(graph_from(scaled(1.0))) == digest(graph_from(scaled(1.0)))
    assert digest(graph_from(scaled(1.0))) != digest(graph_from(scaled(0.0)))


def test_a_network_for_one_batch_size_is_another_network() -> None:
    net = With(lambda net, x: net.fc(x.view(64, -1)), fc=nn.Linear(784, 10))
    graph = graph_from(net)
    assert graph.batch == 64
    assert digest(graph) != digest(replace(graph, batch=32))
    assert digest(graph) == digest(replace(graph, aside=()))


# ---- crossing the pipe -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "net",
    [
        Lab(),
        nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10)),
        With(lambda net, x: (x.flatten(1) + torch.arange(784)).masked_fill(x.flatten(1) < 0, float("-inf"))[:, ::80]),
        With(lambda net, x: x),
    ],
    ids=["lab", "buffers", "constants", "nothing"],
)
def test_a_recording_and_its_graph_survive_json(net: nn.Module) -> None:
    recording = recording_of(net)
    crossed = msgspec.json.decode(msgspec.json.encode(recording), type=type(recording))
    assert crossed == recording
    found = graph_of(crossed)
    assert found == graph_of(recording)
    if found.graph is not None:
        assert msgspec.json.decode(msgspec.json.encode(found.graph), type=Graph) == found.graph
        validate_graph(found.graph)
