"""The images that nets are measured on: where they come from, and how they are handed to workers.

MNIST when it can be had, scikit-learn's bundled digits otherwise. Nothing here imports torch.

May import: ``model``.
"""

from grader.data.dataset import DataSet, Images, Labels
from grader.data.fetching import DownloadFailed, download_with_torchvision
from grader.data.sources import resolve_data, user_cache
from grader.data.worker_files import HELDOUT_IMAGES, write_worker_files

__all__ = [
    "HELDOUT_IMAGES",
    "DataSet",
    "DownloadFailed",
    "Images",
    "Labels",
    "download_with_torchvision",
    "resolve_data",
    "user_cache",
    "write_worker_files",
]
