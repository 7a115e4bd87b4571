"""Environment variables of a worker process; they make the evidence the same on every machine."""

from __future__ import annotations

SETTINGS = {
    # One thread until a job says otherwise: thread pools started before a fork do not work after it.
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    # glibc otherwise returns each large tensor to the system and faults its pages in again: a quarter of a step's time.
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(128 << 20),
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # repeatable matrix products on a GPU
    # Compiled code hides its operations from the recorder, and compiling takes longer than the short training saves.
    "PYTORCH_JIT": "0",
    "TORCH_COMPILE_DISABLE": "1",
    "MPLBACKEND": "Agg",
    "PYTHONHASHSEED": "0",  # the same submission gives the same evidence
    "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",  # macOS: fork without exec is intended here
}
