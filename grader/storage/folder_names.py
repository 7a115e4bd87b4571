"""Names for students' folders that are valid on every file system and unique for each student."""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST_NAME = 180
"""Bytes of one path component; file systems allow 255, and a suffix may be added."""
RESERVED = re.compile(r"^(?:con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³]) *(?:\..*)?$", re.IGNORECASE)
_DIGITS = 16
"""Hexadecimal digits of the digest in a folder name: nobody finds a second name with the same 64 bits."""
_HAS_DIGEST = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}$", re.IGNORECASE)
_ORDINARY = re.compile(r"^[\w(\[+@=#][\w .,()\[\]'+@=&#!~^%-]*$")


def safe_folder_name(id: str) -> str:
    """A folder name for a student's output: an ordinary id unchanged, any other id cleaned and with a digest."""
    is_ordinary = (
        bool(_ORDINARY.match(id))
        and id.isprintable()
        and id[-1] not in " ."
        and not RESERVED.match(id)
        and not _HAS_DIGEST.search(id)  # so that nobody can choose the folder of another student
        and len(id.encode("utf-8", "replace")) <= LONGEST_NAME
    )
    if is_ordinary:
        return id
    digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    text = re.sub(r"[^\w.,()'+@=-]+", "_", shown(id)).strip("._- ")
    text = text.encode()[:100].decode("utf-8", "ignore")
    return f"{text or 'student'}-{digest}"


def shown(name: str) -> str:
    """``name`` with an underscore for each invisible or misleading character."""
    text = name.encode("utf-8", "replace").decode("utf-8")
    return "".join("_" if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else c for c in text)
