"""The process that :mod:`grader.answers.reading.pdf` starts: prints a PDF's text. It imports nothing of the grader."""

from __future__ import annotations

import logging
import sys
import warnings

NOT_INSTALLED = 3
_MEMORY = 1_500_000_000
_MOST_CHARACTERS = 1_000_000


def _limit(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's deadline alone
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(path: str, most_pages: int, seconds: int) -> int:
    """Print the text of the first pages as UTF-8. Returns 1 when there is no PDF to be read, 3 without pypdf."""
    _limit(seconds)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        from pypdf import PdfReader
    except ImportError:
        return NOT_INSTALLED

    size = 0
    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            return 1
        for index, page in enumerate(reader.pages):
            text = page.extract_text()
            size += len(text)
            if index >= most_pages or size > _MOST_CHARACTERS:
                break
            sys.stdout.buffer.write(text.encode("utf-8", errors="replace") + b"\n")
    except Exception:  # a foreign file can raise anything out of pypdf; this protects the parent's one sentence
        return 0 if size else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
