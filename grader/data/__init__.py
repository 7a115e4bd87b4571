"""The images for measuring networks: where they come from, and the files that workers get.

They are 10,000 images of MNIST, which are part of the package, or all of MNIST. Nothing here imports torch.

May import: ``model``.
"""

from grader.data.dataset import DataSet, Images, Labels
from grader.data.fetching import DownloadFailed, download_with_torchvision
from grader.data.sources import resolve_data, user_cache
from grader.data.worker_files import HELDOUT_IMAGES, heldout_images, write_worker_files

__all__ = [
    "HELDOUT_IMAGES",
    "DataSet",
    "DownloadFailed",
    "Images",
    "Labels",
    "download_with_torchvision",
    "heldout_images",
    "resolve_data",
    "user_cache",
    "write_worker_files",
]
