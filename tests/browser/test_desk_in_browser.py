"""Reviewing on the local page: with the keyboard alone, by two tutors, over a killed server, and with hostile text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from grader.model import FLAG, Flag
from grader.moderation.dealing import Deal, write_deal
from grader.moderation.decisions import ACCEPTED, Decisions
from grader.moderation.decisions_file import DECISIONS_FILE, read_decisions
from grader.moderation.finished_run import load_run
from grader.moderation.queue import is_open
from grader.moderation.session import Review
from grader.moderation.worklist import Scope
from grader.storage import run_folder
from tests.browser.conftest import PATIENCE_MS, WIDE, Witness
from tests.support import desk_cohort as cohort
from tests.support import report_samples
from tests.support.desk_server import DeskServer
from tests.support.review_samples import answered

TURNS = 8
SLOWLY = """() => {
  const answer = window.fetch;
  window.fetch = (...asked) => new Promise((done) => setTimeout(() => done(answer(...asked)), 250));
}"""
Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskServer]:
    """For tests that change nothing."""
    with DeskServer(cohort.desk_run(tmp_path_factory.mktemp("desk") / "run"), "--author", "Tess") as started:
        yield started


@pytest.fixture
def opened(chromium: Browser, witness: Witness) -> Iterator[Opener]:
    """Open the page of a server in a context of its own; it has to stay quiet, and to ask nobody else."""
    addresses: list[str] = []
    pages: list[Page] = []
    with ExitStack() as contexts:

        def open_page(server: DeskServer, **options: Any) -> Page:
            context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            pages.append(page := context.new_page())
            witness.watch(page)
            addresses.append(f"{server.origin}/")
            page.goto(server.address)
            settle(page)
            return page

        yield open_page
        assert [page.evaluate("window.pwned ?? null") for page in pages] == [None] * len(pages)
    assert (witness.dialogs, witness.errors, witness.blocked) == ([], [], [])
    assert not [url for url in witness.requests if not url.startswith((*addresses, "data:"))]


def current(page: Page) -> str:
    """The key of the entry that is shown."""
    return page.locator("#entry").get_attribute("data-shown") or ""


def settle(page: Page) -> None:
    """Wait until the last key has done what it does."""
    page.wait_for_selector("#entry[aria-busy=false]")


def press(page: Page, *keys: str) -> None:
    """Press keys that lead to another entry, and wait for it after the last."""
    before = current(page)
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_selector(f"#entry[aria-busy=false]:not([data-shown='{before}'])")


def find(page: Page, name: str) -> None:
    """Search for a student, and go to the first entry found."""
    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    settle(page)
    expect(page.locator("#entry-title")).to_have_text(name)


def sign(page: Page, name: str) -> None:
    """Type a tutor's name, with the keyboard."""
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.id") == "author":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type(name)
    page.keyboard.press("Escape")


def violations(page: Page, *rules: str) -> dict[str, list[str]]:
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return {violation["id"]: [node["html"][:200] for node in violation["nodes"][:4]] for violation in found}


# ---- marking ---------------------------------------------------------------------------------------------------------


def test_two_tutors_mark_a_cohort_with_the_keyboard_and_a_killed_server_loses_nothing(
    opened: Opener, tmp_path: Path
) -> None:
    folder = cohort.desk_run(tmp_path / "run")
    waiting = {(r.student, result.id) for r in load_run(folder).automatic for result in r.results if is_open(result)}
    waiting |= {(r.student, FLAG + flag.id) for r in load_run(folder).automatic for flag in r.flags}
    with DeskServer(folder, "--author", "") as first:
        ann, ben = opened(first), opened(first)
        sign(ann, "Ann")
        sign(ben, "Ben")
        assert current(ann) == current(ben)
        press(ann, "1")
        ben.keyboard.press("0")
        settle(ben)
        expect(ben.locator("#status")).to_contain_text("Ann set 1.5")
        expect(ben.locator(".decision")).to_contain_text("Ann")
        press(ben, "s")
        press(ben, "a")
        ben.keyboard.press("u")
        settle(ben)
        expect(ben.locator("#status")).to_contain_text("Undone")
        ben.keyboard.press("r")
        ben.keyboard.type("the ReLU is in Net2")
        press(ben, "Enter", "5")
        ben.keyboard.press("r")
        press(ben, "0", "Enter", "1")  # the reason that was typed before
        press(ann, "n")
        press(ann, "n")
        press(ann, "g", "1")
        expect(ann.locator("#status")).to_contain_text("for 14 entries")
        find(ann, cohort.student(0))
        while "dropout" not in ann.locator(".marking h2").inner_text():
            press(ann, "s")
        ann.keyboard.press("g")
        expect(ann.locator(".near ins")).to_have_text("some")
        press(ann, "g", "5")
        expect(ann.locator("#status")).to_contain_text("for 11 entries")
        before = read_decisions(folder)
        ben.keyboard.press("0")  # on its way when the server is killed
        first.kill()
    kept = read_decisions(folder)
    assert kept.entries[: len(before.entries)] == before.entries
    assert len(kept.entries) - len(before.entries) in (0, 1)
    with DeskServer(folder, "--author", "") as second:
        pages = [opened(second), opened(second)]
        for page, name in zip(pages, ("Ann", "Ben"), strict=True):
            sign(page, name)
        mark_all(pages)
        told = second.interrupt()
    assert second.process.returncode == 0, told
    decisions = read_decisions(folder)
    assert Counter((entry.student, entry.item) for entry in decisions.entries) == Counter(waiting)
    assert {entry.author for entry in decisions.entries} == {"Ann", "Ben"}
    assert all(cohort.student(0) == entry.like for entry in decisions.entries if entry.like and entry.item[-1] == "8")
    assert not [entry for entry in decisions.entries if re.search(r"s41\d+", entry.reason)]
    assert timeless((folder / DECISIONS_FILE).read_bytes()) == timeless(in_the_terminal(decisions, tmp_path / "again"))
    assert (folder / run_folder.feedback_path(cohort.student(3))).exists()


def mark_all(pages: list[Page]) -> None:
    """Mark what is open until nothing is: at first in turn, where one is always a step behind the other."""
    for turn in range(100):
        page = pages[turn % len(pages) if turn < TURNS else 0]
        if page.locator("#list [data-key]").count() == 0:
            return
        if page.locator("[data-flags]").count():
            press(page, "f")
        elif page.locator(".choices").count() == 0:
            page.keyboard.press("w")
            for points in "1010101010101":
                page.keyboard.type(points)
                page.keyboard.press("Tab")
            press(page, "Enter")
        elif page.locator(".choices .badge").count():
            press(page, "s")  # the other tutor was faster
        else:
            before = current(page)
            page.keyboard.press("a" if page.locator("[data-points=accept]").count() else "1")
            other = f"#entry[aria-busy=false]:not([data-shown='{before}'])"
            page.wait_for_selector(f"{other}, #entry[aria-busy=false]:has(.choices .badge)")
    pytest.fail("the page never became empty")


def in_the_terminal(decisions: Decisions, folder: Path) -> bytes:
    """What the terminal writes for the same decisions on the same cohort."""
    finished = load_run(cohort.desk_run(folder))
    for made in decisions.entries:
        alone = replace(finished, automatic=tuple(r for r in finished.automatic if r.student == made.student))
        review = Review(alone, Scope(), author=made.author)
        while (entry := review.entry) is not None and entry.items != (made.item,):
            review.separate() if len(entry.items) > 1 else review.skip()
        if made.new is None:
            review.look(made.reason)
        elif made.reason == ACCEPTED:
            review.accept()
        else:
            review.give(made.new, made.reason or "no reason")
    return (folder / DECISIONS_FILE).read_bytes()


def timeless(text: bytes) -> str:
    """The file without times, and without what the terminal does not know: no reason, and equal answers."""
    kept = re.sub(r'^(time|like) = ".*"\n', "", text.decode(), flags=re.MULTILINE)
    return kept.replace('reason = "no reason"\n', 'reason = ""\n')


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_axe_finds_nothing_on_any_kind_of_entry_in_either_scheme_and_on_a_phone(
    opened: Opener, server: DeskServer
) -> None:
    page = opened(server)
    kinds = {"code": [], "answer": ["n", "n", "g"], "whole": ["n", "n"], "keys": ["?"]}
    for kind, keys in kinds.items():
        for key in keys:
            page.keyboard.press(key)
            settle(page)
        assert violations(page) == {}, kind
        if kind == "answer":
            page.emulate_media(color_scheme="dark")
            assert violations(page, "color-contrast") == {}
            page.emulate_media(color_scheme="light")
    narrow = opened(server, viewport={"width": 360, "height": 740})
    assert violations(narrow) == {}
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 360


def test_hostile_text_stays_text(opened: Opener, server: DeskServer) -> None:
    page = opened(server)
    expect(page.locator(".listing .fault")).to_contain_text("</pre><script>window.pwned = 1</script>")
    expect(page.locator(".flag")).to_contain_text("<b>another</b>")
    find(page, cohort.student(2))
    expect(page.locator(".answer")).to_contain_text("<script>window.pwned = 1</script><img src=x onerror=")
    assert page.locator("#entry script, #entry img, #entry b").count() == 0


def test_one_student_is_found_and_looked_at_with_keys(opened: Opener, server: DeskServer) -> None:
    page = opened(server)
    find(page, cohort.student(10))
    with page.context.expect_page() as sheet:
        page.keyboard.press("v")
    expect(sheet.value.locator("h1")).to_have_text(cohort.student(10))
    assert sheet.value.locator("nav.ways").count() == 0, "links that lead nowhere"
    press(page, "2")
    expect(page.locator(".marking h2")).to_have_text("Layers in the right order")
    page.keyboard.press("o")
    settle(page)
    expect(page.locator("#entry")).to_have_text("Nothing is listed here.")
    page.keyboard.press("u")
    expect(page.locator("#status")).to_have_text("There is nothing to undo in this session.")


def test_a_sentence_that_is_typed_before_the_entry_is_shown_gives_no_points(opened: Opener, server: DeskServer) -> None:
    page = opened(server)
    page.evaluate(SLOWLY)
    shown = current(page)
    page.keyboard.press("s")
    page.keyboard.type("rxxxxxx 1 1", delay=60)
    settle(page)
    assert current(page) != shown
    page.wait_for_timeout(450)
    page.keyboard.press("o")
    settle(page)
    expect(page.locator("#entry")).to_have_text("Nothing is listed here.")


def test_after_a_refusal_the_entry_is_shown_as_it_is_now_and_what_was_typed_stays(
    opened: Opener, tmp_path: Path
) -> None:
    folder = report_samples.stored_run(tmp_path / "run", answered("eve", "0.5"))
    with DeskServer(folder, "--author", "Ben") as server:
        page, other = opened(server), opened(server)
        sign(other, "Ann")
        press(other, "1")
        page.keyboard.press("r")
        page.keyboard.type("One use only.")
        page.keyboard.press("Enter")
        page.keyboard.press("5")
        expect(page.locator("#status")).to_contain_text("Ann set 1 while you were reviewing this.")
        expect(page.locator(".decision")).to_contain_text("Ann")
        assert page.locator("#reason").input_value() == "One use only."
        press(page, "5")
        assert [(made.author, made.new, made.reason) for made in read_decisions(folder).entries] == [
            ("Ann", 1, ""),
            ("Ben", Decimal("0.5"), "One use only."),
        ]


def test_the_figures_about_the_tutors_are_shown_with_a_key(opened: Opener, tmp_path: Path) -> None:
    folder = report_samples.stored_run(tmp_path / "run", *(answered(f"s{number}", "0.5") for number in range(4)))
    write_deal(folder, Deal(("Ann", "Ben"), twice=1))
    with DeskServer(folder, "--author", "Ann") as server:
        page = opened(server)
        press(page, "1")
        page.keyboard.press("t")
        expect(page.locator("#figures")).to_be_visible()
        expect(page.locator("#figures tr", has_text="Ann")).to_contain_text("1")
        assert violations(page) == {}
        page.keyboard.press("1")
        page.keyboard.press("Escape")
        assert len(read_decisions(folder).entries) == 1, "keys do nothing behind the table"


def test_a_flag_is_ticked_off_and_brought_back_with_keys(opened: Opener, tmp_path: Path) -> None:
    flags = (Flag("renamed-script", "It is <b>net</b>.py."), Flag("files-left-out", "2 left out."))
    folder = report_samples.stored_run(tmp_path / "run", replace(answered("eve"), flags=flags))
    with DeskServer(folder, "--author", "Tess") as server:
        page = opened(server)
        expect(page.locator(".flag")).to_contain_text("2 left out.")
        assert violations(page) == {}
        page.emulate_media(color_scheme="dark")
        assert violations(page, "color-contrast") == {}
        page.keyboard.press("1")
        expect(page.locator("#status")).to_have_text("There are no points to give here.")
        page.keyboard.press("r")
        page.keyboard.type("known")
        press(page, "Enter", "f")
        expect(page.locator(".flag")).to_contain_text("It is <b>net</b>.py.")
        press(page, "f")
        expect(page.locator("#entry")).to_have_text("Nothing here is open.")
        press(page, "u")
        expect(page.locator(".marking h2")).to_have_text("renamed-script")
        assert [(made.flag, made.author, made.reason) for made in read_decisions(folder).entries] == [
            ("files-left-out", "Tess", "known")
        ]


# ---- when something goes wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["broken file", "another server"])
def test_what_cannot_be_shown_is_not_called_empty(opened: Opener, tmp_path: Path, fault: str) -> None:
    folder = report_samples.stored_run(tmp_path / "run", *(answered(f"s{number}", "0.5") for number in range(4)))
    with DeskServer(folder, "--author", "Tess") as server:
        page = opened(server)
        press(page, "1")
        entries, shown = page.locator("#list [data-key]").count(), current(page)
        if fault == "broken file":
            (folder / DECISIONS_FILE).write_text("format = ")
        else:
            page.context.clear_cookies()  # as after a new start at the same port, which has another token
        for key in ("s", "o"):
            page.keyboard.press(key)
            settle(page)
        told = "not valid TOML" if fault == "broken file" else "needs the address that the grader printed"
        expect(page.locator("#status")).to_contain_text(told)
        assert page.locator("#list [data-key]").count() == entries
        assert shown
        expect(page.locator("#entry")).not_to_contain_text("Nothing")


def test_a_comment_leaves_what_was_typed_and_ticked_before(opened: Opener, tmp_path: Path) -> None:
    reports = [answered(name, "0.5", text=text) for name, text in (("ann", cohort.EQUAL), ("ben", cohort.NEAR))]
    with DeskServer(report_samples.stored_run(tmp_path / "run", *reports), "--author", "Tess") as server:
        page = opened(server)
        page.keyboard.press("r")
        page.keyboard.type("Only half of it.")
        page.keyboard.press("Enter")
        page.keyboard.press("g")
        page.keyboard.press("c")
        page.keyboard.type("See the lecture.")
        page.keyboard.press("Enter")
        settle(page)
        expect(page.locator("#status")).to_have_text("The comment was saved.")
        expect(page.locator("#comment")).to_have_value("")
        press(page, "5")
        expect(page.locator("#status")).to_contain_text("for 2 entries")
        made = [entry.reason for entry in read_decisions(tmp_path / "run").entries]
        assert made == ["See the lecture.", "Only half of it.", "Only half of it."]


def test_the_first_click_and_the_first_keys_after_coming_back_to_the_window_count(
    opened: Opener, tmp_path: Path
) -> None:
    folder = report_samples.stored_run(tmp_path / "run", *(answered(f"s{number}", "0.5") for number in range(4)))
    with DeskServer(folder, "--author", "Tess") as server:
        page = opened(server)
        page.evaluate(SLOWLY)
        before = current(page)
        page.evaluate("dispatchEvent(new Event('focus')); document.querySelector('[data-points=full]').click()")
        page.wait_for_selector(f"#entry[aria-busy=false]:not([data-shown='{before}'])")
        page.evaluate("dispatchEvent(new Event('focus'))")
        page.keyboard.press("r")
        page.keyboard.type("Seen.")
        assert page.locator("#reason").input_value() == "Seen."
        assert len(read_decisions(folder).entries) == 1
