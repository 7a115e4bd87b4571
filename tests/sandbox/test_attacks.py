"""The attack corpus is well-formed, and a small choice of it, graded for real, neither gains nor harms anything.

The whole corpus is graded by ``nox -s audit``, which takes much longer; what each attack may get stands in its
``expected.toml`` (see :mod:`tests.support.attack_corpus`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.measure.audit import (
    SUSPICIONS,
    Graded,
    Tally,
    Traces,
    attack_faults,
    check_run,
    copied_samples,
    flags_of,
    graded,
    missing_flags,
)
from tests.support.attack_corpus import (
    ATTACKS,
    HOSTILE_NAMES,
    KEYS,
    MADE,
    POINTS,
    Attack,
    build,
    committed,
    name_of,
    read,
)
from tests.support.sample_cohort import differences, expected_of

LEAST = 70
FAMILIES = set(re.findall(r"^\| `(\w+)` \|", (ATTACKS / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
INTAKE_FLAGS = {"archive-refused", "files-left-out", "link-not-followed", "renamed-script", "several-scripts"}
ENDINGS = {
    "finished", "deadline", "exit", "signal", "memory", "crashed", "lost", "unobserved", "unrecorded", "unmeasured",
    "starved",
}  # fmt: skip
QUICK = (
    "archives-zip-slip-beside-a-script",
    "crashes-null-pointer-in-forward",
    "exits-as-grader-fault",
    "exits-os-exit-in-forward",
    "forges-by-frames",
    "forges-by-sys-modules",
    "forges-to-every-descriptor",
    "lies-class-attribute",
    "links-pipe",
    "network-connects",
    "patches-allclose",
    "plants-standard-modules",
    "programs-shell",
    "reads-solutions",
    "writes-outside",
)
"""Attacks that end in seconds, one for each way of doing harm; none waits for a deadline."""
NEIGHBOURS = ("valid-classic-2017", "valid-sequential-whole")
FOLDERS = committed()


@pytest.mark.parametrize("folder", FOLDERS, ids=name_of)
def test_expected_toml_is_well_formed(folder: Path) -> None:
    table = tomllib.loads((folder / "expected.toml").read_text(encoding="utf-8"))
    assert set(table) <= KEYS, f"unknown keys {sorted(set(table) - KEYS)}"
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", folder.name), "WHAT-IT-DOES in kebab-case"
    assert_sound(read(folder))


def test_made_attacks_are_well_formed() -> None:
    for attack, _ in MADE:
        assert attack.name.startswith(f"{attack.family}-")
        assert_sound(attack)


def assert_sound(attack: Attack) -> None:
    assert re.fullmatch(r"\S.*\.", attack.about), "about is one sentence with a full stop"
    assert attack.family in FAMILIES
    assert 0 <= attack.at_most <= POINTS
    assert attack.at_least is None or attack.at_least <= attack.at_most
    assert {id for ids in attack.flags for id in ids} <= SUSPICIONS | INTAKE_FLAGS
    assert all(attack.flags), "a list of alternatives names at least one flag"
    assert set(attack.endings) <= ENDINGS


def test_every_folder_is_an_attack() -> None:
    assert sorted(path for path in ATTACKS.glob("*/*") if path.is_dir()) == FOLDERS


@pytest.mark.slow
def test_the_corpus_builds_and_covers_every_family(tmp_path: Path) -> None:
    attacks = build(tmp_path / "cohort")
    assert len({attack.name for attack in attacks}) == len(attacks) >= LEAST
    assert {attack.family for attack in attacks} == FAMILIES
    assert len(list((tmp_path / "cohort").iterdir())) == len(attacks)
    assert len(attacks) == len(FOLDERS) + len(MADE) + len(HOSTILE_NAMES)


@dataclass(frozen=True)
class Judged:
    """The small run, its attacks, and what was amiss with the run and the machine."""

    run: Graded
    attacks: dict[str, Attack]
    lines: Collection[str]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    work = tmp_path_factory.mktemp("attacks")
    cohort, scratch = work / "cohort", work / "temporary"
    attacks = build(cohort, wants=QUICK.__contains__)
    copied_samples(NEIGHBOURS, cohort)
    traces = Traces(cohort, scratch, (cohort, scratch, work / "out"))
    run = graded(cohort, work / "out", scratch, data="")
    tally = Tally()
    check_run(tally, run, [*QUICK, *NEIGHBOURS])
    traces.check(tally)
    return Judged(run, {attack.name: attack for attack in attacks}, tally.lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_an_attack_gains_nothing_and_is_reported(name: str, small: Judged) -> None:
    attack, entry = small.attacks[name], small.run.entries[name]
    assert not attack_faults(attack, entry, small.run.ending(name)["kind"])
    assert not missing_flags(attack, entry), f"there are only {sorted(flags_of(entry))}"


@pytest.mark.slow
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour_of_attacks_gets_its_own_result(name: str, small: Judged) -> None:
    entry = small.run.entries[name]
    assert not differences(expected_of(name), entry)
    assert not flags_of(entry) & SUSPICIONS


@pytest.mark.slow
def test_attacks_leave_the_run_and_the_machine_as_they_were(small: Judged) -> None:
    assert not small.lines, "\n".join(small.lines)
