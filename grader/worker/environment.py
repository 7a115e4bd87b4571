"""The environment variables under which a net is looked at, so that it gives the same evidence everywhere."""

from __future__ import annotations

SETTINGS = {
    # One thread until a job says otherwise: pools of threads started before a fork are dead after it.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # repeatable matrix products on a GPU
    # Compiled code hides its operations from the trace, and compiling takes longer than the brief training saves.
    "PYTORCH_JIT": "0",
    "TORCH_COMPILE_DISABLE": "1",
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",  # the same submission gives the same evidence
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: a fork without exec is meant
}
