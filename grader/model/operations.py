"""The torch operations that a recorded network may contain: the kind of each operation, and why it is allowed.

An operation is allowed if it only computes new values from its operands or writes into one of them. It must not access
files or other memory (``as_strided``, ``set_``), or return values of tensors as Python numbers. The names are those of
``torch.ops.aten``. All overloads of a name that return a tensor are allowed, and so is the in-place form.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Kind(enum.StrEnum):
    """The kind of an operation. Its operands decide what a ``product`` is, its settings what a ``dropout`` does."""

    CONV = "conv"
    PRODUCT = "product"
    RELU = "relu"
    ACTIVATION = "activation"
    DROPOUT = "dropout"
    POOL = "pool"
    NORM = "norm"
    SOFTMAX = "softmax"
    LOG_SOFTMAX = "log_softmax"
    RESHAPE = "reshape"
    ARITHMETIC = "arithmetic"
    DETACH = "detach"
    RANDOM = "random"
    CREATE = "create"


@dataclass(frozen=True)
class Operation:
    """One allowed operation."""

    kind: Kind
    reason: str


_TABLE = """
conv1d                      conv         a convolution over one dimension, for whoever flattens first
conv2d                      conv         the lab's convolution
conv3d                      conv         a convolution with a depth of one
convolution                 conv         what the others come to
_convolution                conv         the same, called from old scripted code
conv_transpose1d            conv         a transposed convolution
conv_transpose2d            conv         a transposed convolution
conv_transpose3d            conv         a transposed convolution
linear                      product      the lab's fully connected layer
matmul                      product      a layer written with @
mm                          product      the same for two matrices
bmm                         product      the same for batches of them
mv                          product      a matrix times a vector; spectral norm needs it
dot                         product      two vectors; spectral norm needs it
vdot                        product      the same
inner                       product      a layer written as inner products
outer                       product      two vectors to a matrix
addmm                       product      a layer with its bias in one call
addmv                       product      the same for a vector
addbmm                      product      the same for batches
baddbmm                     product      the same for batches
einsum                      product      a layer written in index notation
tensordot                   product      a layer written as a contraction
bilinear                    product      a product of two inputs with a weight
chain_matmul                product      several products in a row
linalg_multi_dot            product      several products in a row
linalg_matmul               product      another name of matmul
linalg_vecdot               product      products of rows
scaled_dot_product_attention product     attention, which is products
_native_multi_head_attention product     attention in evaluation mode
lstm                        product      a recurrent layer
gru                         product      a recurrent layer
rnn_tanh                    product      a recurrent layer
rnn_relu                    product      a recurrent layer
lstm_cell                   product      one step of it
gru_cell                    product      one step of it
embedding                   product      a table that is looked up
cdist                       product      distances to learnt points
relu                        relu         the lab's activation
leaky_relu                  activation   not the lab's, unless its slope is 0
rrelu                       activation   likewise
prelu                       activation   likewise
relu6                       activation   a ReLU with a bound
elu                         activation   not the lab's
selu                        activation   not the lab's
celu                        activation   not the lab's
gelu                        activation   not the lab's
silu                        activation   not the lab's
mish                        activation   not the lab's
softplus                    activation   not the lab's
tanh                        activation   not the lab's
sigmoid                     activation   not the lab's
special_expit               activation   another name of sigmoid
hardswish                   activation   not the lab's
hardsigmoid                 activation   not the lab's
hardtanh                    activation   a ReLU when it has no upper bound
log_sigmoid                 activation   not the lab's
softshrink                  activation   not the lab's
hardshrink                  activation   not the lab's
glu                         activation   not the lab's
sin                         activation   not the lab's
cos                         activation   not the lab's
tan                         activation   not the lab's
sinh                        activation   not the lab's
cosh                        activation   not the lab's
erf                         activation   not the lab's
atan                        activation   not the lab's
arctan                      activation   not the lab's
asinh                       activation   not the lab's
sinc                        activation   not the lab's
dropout                     dropout      the lab's dropout
feature_dropout             dropout      dropout of whole maps
alpha_dropout               dropout      dropout that keeps mean and variance
feature_alpha_dropout       dropout      the same for whole maps
native_dropout              dropout      dropout that gives its mask as well
max_pool1d                  pool         pooling
max_pool2d                  pool         pooling
max_pool3d                  pool         pooling
max_pool1d_with_indices     pool         pooling
max_pool2d_with_indices     pool         pooling
max_pool3d_with_indices     pool         pooling
avg_pool1d                  pool         pooling
avg_pool2d                  pool         pooling
avg_pool3d                  pool         pooling
adaptive_avg_pool1d         pool         pooling to a size
adaptive_avg_pool2d         pool         pooling to a size
adaptive_avg_pool3d         pool         pooling to a size
adaptive_max_pool1d         pool         pooling to a size
adaptive_max_pool2d         pool         pooling to a size
adaptive_max_pool3d         pool         pooling to a size
fractional_max_pool2d       pool         pooling at random places
max_unpool2d                pool         pooling undone
upsample_nearest2d          pool         resizing, by F.interpolate
upsample_bilinear2d         pool         resizing, by F.interpolate
upsample_bicubic2d          pool         resizing, by F.interpolate
_upsample_bilinear2d_aa     pool         resizing, by F.interpolate
grid_sampler                pool         resampling
batch_norm                  norm         normalising each channel
native_batch_norm           norm         the same
instance_norm               norm         normalising each map
layer_norm                  norm         normalising each image
native_layer_norm           norm         the same
group_norm                  norm         normalising groups of channels
native_group_norm           norm         the same
rms_norm                    norm         normalising without a mean
renorm                      norm         bounding norms
_weight_norm                norm         a weight as length times direction
norm_except_dim             norm         the lengths for it
softmax                     softmax      probabilities
_softmax                    softmax      the same
special_softmax             softmax      the same
log_softmax                 log_softmax  the lab's output
_log_softmax                log_softmax  the same
special_log_softmax         log_softmax  the same
view                        reshape      the lab's flatten
_unsafe_view                reshape      the same, inside products
reshape                     reshape      another shape
view_as                     reshape      another shape
reshape_as                  reshape      another shape
_reshape_alias              reshape      another shape
flatten                     reshape      one row for each image
unflatten                   reshape      undone
ravel                       reshape      one row
squeeze                     reshape      a dimension of one less
unsqueeze                   reshape      a dimension of one more
permute                     reshape      dimensions in another order
transpose                   reshape      two dimensions exchanged
t                           reshape      rows and columns exchanged
numpy_T                     reshape      the same
mT                          reshape      the same
mH                          reshape      the same
matrix_H                    reshape      the same
resolve_conj                reshape      the same values; numpy asks for it
resolve_neg                 reshape      the same
adjoint                     reshape      the same
movedim                     reshape      dimensions in another order
moveaxis                    reshape      the same
swapaxes                    reshape      two dimensions exchanged
swapdims                    reshape      the same
contiguous                  reshape      the same values in order
clone                       reshape      a copy
alias                       reshape      the same tensor by another name
lift_fresh                  reshape      a tensor made of plain numbers
lift_fresh_copy             reshape      the same
expand                      reshape      rows repeated without a copy
expand_as                   reshape      the same
broadcast_to                reshape      the same
broadcast_tensors           reshape      the same
atleast_1d                  reshape      dimensions of one
atleast_2d                  reshape      dimensions of one
atleast_3d                  reshape      dimensions of one
repeat                      reshape      rows repeated
repeat_interleave           reshape      rows repeated
tile                        reshape      rows repeated
pad                         reshape      a margin around the image
constant_pad_nd             reshape      the same
reflection_pad1d            reshape      a mirrored margin
reflection_pad2d            reshape      a mirrored margin
replication_pad1d           reshape      a repeated margin
replication_pad2d           reshape      a repeated margin
_pad_circular               reshape      a margin from the other side
_pad_enum                   reshape      one of these margins
to                          reshape      another type or place
_to_copy                    reshape      the same
type_as                     reshape      another type
_cast_Float                 reshape      another type
select                      reshape      one row or column
slice                       reshape      some rows or columns
narrow                      reshape      some rows or columns
index                       reshape      rows by their numbers
index_select                reshape      rows by their numbers
take                        reshape      values by their numbers
take_along_dim              reshape      values by their numbers
gather                      reshape      values by their numbers
diagonal                    reshape      the diagonal
diag                        reshape      the diagonal
diag_embed                  reshape      a diagonal matrix
tril                        reshape      one half of a matrix
triu                        reshape      one half of a matrix
cat                         reshape      tensors put together
concat                      reshape      the same
concatenate                 reshape      the same
stack                       reshape      the same
hstack                      reshape      the same
vstack                      reshape      the same
dstack                      reshape      the same
column_stack                reshape      the same
row_stack                   reshape      the same
chunk                       reshape      a tensor in pieces
split                       reshape      the same
split_with_sizes            reshape      the same
tensor_split                reshape      the same
hsplit                      reshape      the same
vsplit                      reshape      the same
unbind                      reshape      the same
unfold                      reshape      windows of a dimension
im2col                      reshape      windows of an image, by F.unfold
col2im                      reshape      undone, by F.fold
pixel_shuffle               reshape      channels to places
pixel_unshuffle             reshape      places to channels
channel_shuffle             reshape      channels in another order
native_channel_shuffle      reshape      channels in another order
flip                        reshape      mirrored
fliplr                      reshape      mirrored
flipud                      reshape      mirrored
rot90                       reshape      turned
roll                        reshape      moved around
sort                        reshape      in order
argsort                     reshape      the order
topk                        reshape      the largest
detach                      detach       the same values without a gradient
detach_copy                 detach       the same
add                         arithmetic   a sum; a bias, a residual
sub                         arithmetic   a difference
subtract                    arithmetic   a difference
rsub                        arithmetic   a difference
mul                         arithmetic   a product of values; a mask
multiply                    arithmetic   the same
div                         arithmetic   a quotient
divide                      arithmetic   a quotient
true_divide                 arithmetic   a quotient
floor_divide                arithmetic   a quotient in whole numbers
remainder                   arithmetic   what is left of it
fmod                        arithmetic   what is left of it
neg                         arithmetic   the negative
negative                    arithmetic   the negative
positive                    arithmetic   the same value
abs                         arithmetic   the size; (x + |x|) / 2 is a ReLU
absolute                    arithmetic   the size
sign                        arithmetic   the sign; x * sign is a ReLU of a kind
sgn                         arithmetic   the sign
heaviside                   arithmetic   1 above 0
pow                         arithmetic   a power
float_power                 arithmetic   a power
square                      arithmetic   a power
sqrt                        arithmetic   a root
rsqrt                       arithmetic   a root
reciprocal                  arithmetic   one divided by it
exp                         arithmetic   a softmax by hand
exp2                        arithmetic   the same to another base
expm1                       arithmetic   the same
log                         arithmetic   a log-softmax by hand
log2                        arithmetic   the same to another base
log10                       arithmetic   the same to another base
log1p                       arithmetic   the same
logaddexp                   arithmetic   a sum of exponentials
logsumexp                   arithmetic   a log-softmax by hand
special_logsumexp           arithmetic   the same
addcmul                     arithmetic   a product that is added
addcdiv                     arithmetic   a quotient that is added
lerp                        arithmetic   a value between two
clamp                       arithmetic   bounded values; a ReLU from 0 on
clamp_min                   arithmetic   bounded below
clamp_max                   arithmetic   bounded above
clip                        arithmetic   another name of clamp
threshold                   arithmetic   a ReLU at 0
maximum                     arithmetic   the larger of two; a ReLU with 0
minimum                     arithmetic   the smaller of two
fmax                        arithmetic   the larger of two
fmin                        arithmetic   the smaller of two
where                       arithmetic   a choice of two; a ReLU with 0
masked_fill                 arithmetic   some values replaced
masked_scatter              arithmetic   some values replaced
index_put                   arithmetic   some values replaced
index_fill                  arithmetic   some rows replaced
index_add                   arithmetic   rows added
index_copy                  arithmetic   rows replaced
scatter                     arithmetic   some values replaced
scatter_add                 arithmetic   some values added
select_scatter              arithmetic   one row replaced
slice_scatter               arithmetic   some rows replaced
copy                        arithmetic   values written into another tensor
fill                        arithmetic   one value written everywhere
zero                        arithmetic   zeros written everywhere
sum                         arithmetic   a sum over dimensions
nansum                      arithmetic   a sum over dimensions
mean                        arithmetic   a mean; pooling by hand
prod                        arithmetic   a product over dimensions
cumsum                      arithmetic   running sums
cumprod                     arithmetic   running products
std                         arithmetic   normalising by hand
var                         arithmetic   normalising by hand
var_mean                    arithmetic   normalising by hand
std_mean                    arithmetic   normalising by hand
norm                        arithmetic   a length
linalg_vector_norm          arithmetic   a length
linalg_norm                 arithmetic   a length
frobenius_norm              arithmetic   a length
linalg_matrix_exp           arithmetic   orthogonal weights need it
matrix_exp                  arithmetic   orthogonal weights need it
linalg_householder_product  arithmetic   orthogonal weights need it
linalg_solve                arithmetic   orthogonal weights need it
linalg_solve_triangular     arithmetic   orthogonal weights need it
linalg_qr                   arithmetic   orthogonal weights need it
linalg_inv                  arithmetic   orthogonal weights need it
eye                         create       orthogonal weights need it
max                         arithmetic   the largest; pooling by hand
min                         arithmetic   the smallest
amax                        arithmetic   the largest; pooling by hand
amin                        arithmetic   the smallest
aminmax                     arithmetic   both
median                      arithmetic   the middle one
argmax                      arithmetic   the place of the largest
argmin                      arithmetic   the place of the smallest
kthvalue                    arithmetic   one of them in order
any                         arithmetic   whether one is true
all                         arithmetic   whether all are true
_is_all_true                arithmetic   a question of torch.distributions
_is_any_true                arithmetic   a question of torch.distributions
isnan                       arithmetic   a question about each value
isinf                       arithmetic   a question about each value
isfinite                    arithmetic   a question about each value
nan_to_num                  arithmetic   replaced where it is no number
gt                          arithmetic   a comparison; a mask
ge                          arithmetic   a comparison
lt                          arithmetic   a comparison
le                          arithmetic   a comparison
eq                          arithmetic   a comparison
ne                          arithmetic   a comparison
greater                     arithmetic   a comparison
greater_equal               arithmetic   a comparison
less                        arithmetic   a comparison
less_equal                  arithmetic   a comparison
not_equal                   arithmetic   a comparison
logical_and                 arithmetic   two masks
logical_or                  arithmetic   two masks
logical_not                 arithmetic   a mask turned around
logical_xor                 arithmetic   two masks
bitwise_and                 arithmetic   two masks
bitwise_or                  arithmetic   two masks
bitwise_not                 arithmetic   a mask turned around
bitwise_xor                 arithmetic   two masks
bitwise_left_shift          arithmetic   whole numbers
bitwise_right_shift         arithmetic   whole numbers
__and__                     arithmetic   two masks
__or__                      arithmetic   two masks
__xor__                     arithmetic   two masks
__lshift__                  arithmetic   whole numbers
__rshift__                  arithmetic   whole numbers
floor                       arithmetic   rounding
ceil                        arithmetic   rounding
round                       arithmetic   rounding
trunc                       arithmetic   rounding
frac                        arithmetic   what rounding takes away
one_hot                     arithmetic   a number as a row
searchsorted                arithmetic   a place in a sorted table
bucketize                   arithmetic   a place in a sorted table
cross_entropy_loss          arithmetic   a loss, for a look at it
nll_loss_nd                 arithmetic   a loss, for a look at it
cosine_similarity           arithmetic   an angle
pairwise_distance           arithmetic   a distance
bernoulli                   random       a dropout by hand
rand                        random       a dropout by hand
rand_like                   random       a dropout by hand
randn                       random       noise
randn_like                  random       noise
randint                     random       random whole numbers
randint_like                random       random whole numbers
randperm                    random       a random order
uniform                     random       weights made in forward
normal                      random       weights made in forward
random                      random       random whole numbers
exponential                 random       random numbers
multinomial                 random       random choices
empty                       create       room for values; read as zeros
empty_like                  create       the same
new_empty                   create       the same
empty_strided               create       the same
zeros                       create       zeros
zeros_like                  create       zeros
new_zeros                   create       zeros
ones                        create       ones
ones_like                   create       ones
new_ones                    create       ones
full                        create       one value
full_like                   create       one value
new_full                    create       one value
arange                      create       numbers in a row
linspace                    create       numbers in a row
scalar_tensor               create       one number
meshgrid                    create       the places of a grid
affine_grid_generator       create       the places of a turned grid
tril_indices                create       the places of half a matrix
triu_indices                create       the places of half a matrix
"""


IN_PLACE_OPERATORS = frozenset({"__iand__", "__ior__", "__ixor__", "__ilshift__", "__irshift__"})
"""In-place operators under their Python names; they write into their first operand."""
OUT_OVERLOADS = frozenset({
    "out", "out_mode", "values", "values_stable", "dim_max", "dim_min", "dim_values", "output",
})  # fmt: skip
"""Overloads that write the result into a given tensor, in addition to those that end in ``_out``."""


def is_in_place(name: str) -> bool:
    """Whether an operation of this name writes into its first operand."""
    return name in IN_PLACE_OPERATORS or (name.endswith("_") and not name.endswith("__"))


def plain_name(name: str) -> str:
    """The name without the underscore of an in-place operation."""
    if name in IN_PLACE_OPERATORS:
        return f"__{name[3:]}"
    return name[:-1] if is_in_place(name) else name


def _parsed(table: str) -> dict[str, Operation]:
    found: dict[str, Operation] = {}
    for line in table.strip().splitlines():
        name, kind, reason = line.split(maxsplit=2)
        found[name] = Operation(Kind(kind), reason)
        in_place = f"__i{name[2:]}" if name.startswith("__") else f"{name}_"
        found[in_place] = found[name]
    return found


OPERATIONS: Mapping[str, Operation] = _parsed(_TABLE)
"""By name without library and overload, including the in-place forms."""
