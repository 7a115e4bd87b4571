"""Parse an HTML page for tests into its tags and its text."""

from __future__ import annotations

from html.parser import HTMLParser

from grader.model import Report, Run
from tests.support import report_samples as samples

VOID = {"meta", "br", "img", "link", "input", "hr"}
SVG_EMPTY = {"circle", "image", "line", "path", "polyline", "rect", "use"}


class Page(HTMLParser):
    """A parsed page; raises an error for tags without a partner."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG_EMPTY, f"<{tag}/> is no empty element of HTML"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1:] == [tag], f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title", "script"):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def student_page(report: Report, run: Run = samples.RUN) -> Page:
    return Page(samples.student_page(report, run))
