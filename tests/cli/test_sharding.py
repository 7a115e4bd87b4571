"""Which shard the command line means, what is refused before anything is touched, and the commands of the examples."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from grader.__main__ import main
from grader.cli.arguments import parser
from grader.cli.sharding import shard_of
from grader.model import Shard, UsageFault
from grader.moderation.pseudonyms import SECRET_FILE
from grader.storage import run_folder
from tests.support import report_samples as samples
from tests.support.places import ROOT
from tests.support.shard_samples import SECRET, stored_shard

COMMAND = re.compile(r"python -m grader (?:[^\\\n]|\\\n)*")


def slurm(id: str, count: str, first: str, last: str) -> dict[str, str]:
    names = ("ID", "COUNT", "MIN", "MAX")
    return {f"SLURM_ARRAY_TASK_{name}": value for name, value in zip(names, (id, count, first, last), strict=True)}


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        ("3/8", {}, Shard(3, 8)),
        ("1/1", slurm("7", "8", "0", "7"), Shard(1, 1)),
        ("auto/8", slurm("1", "8", "1", "8"), Shard(1, 8)),
        ("auto/8", slurm("7", "8", "0", "7"), Shard(8, 8)),
        ("auto/8", slurm("12", "8", "10", "17"), Shard(3, 8)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "0"}, Shard(1, 8)),
        ("auto/8", {"JOB_COMPLETION_INDEX": "7"}, Shard(8, 8)),
    ],
)
def test_the_shard_is_read_from_the_option_or_if_asked_from_the_batch_system(
    text: str, environment: dict[str, str], expected: Shard
) -> None:
    assert shard_of(text, environment) == expected


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        *((text, {}, "write 3/8") for text in ("", "3", "3 of 8", "-1/8", "3/8/2", "٣/٨", "AUTO", "3/8\n")),
        ("0/8", {}, "from 1 to the count"),
        ("9/8", {}, "from 1 to the count"),
        ("1/0", {}, "from 1 to the count"),
        ("1/10001", {}, "at most 10000"),
        ("auto", slurm("5", "1", "5", "5"), "write 3/8 for the third of eight shards, or auto/8"),
        ("auto", slurm("4", "3", "3", "5"), "write 3/8"),
        ("auto", {"JOB_COMPLETION_INDEX": "2"}, "or auto/8"),
        ("auto/8", {}, "not set here"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "4"}, "gives shard 5/4 here"),
        ("auto/4", {"JOB_COMPLETION_INDEX": "x"}, "JOB_COMPLETION_INDEX is x"),
        ("auto/8", {"SLURM_ARRAY_TASK_ID": "2"}, "SLURM_ARRAY_TASK_COUNT is not set"),
        ("auto/3", slurm("7", "3", "1", "7"), "this one has 3, from 1 to 7"),
        ("auto/8", slurm("5", "1", "5", "5"), "an array with 8 tasks; this one has 1"),
        ("auto/8", slurm("4", "3", "3", "5"), "an array with 8 tasks; this one has 3, from 3 to 5"),
    ],
)
def test_what_gives_no_shard_is_refused(text: str, environment: dict[str, str], message: str) -> None:
    with pytest.raises(UsageFault, match=re.escape(message)):
        shard_of(text, environment)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a submission, a secret and another file, in which commands run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("grader.sandbox.start_server", lambda *_: pytest.fail("a server was started"))
    (tmp_path / "subs" / "ann").mkdir(parents=True)
    (tmp_path / "subs" / "ann" / "answers.md").write_text("# Question 1\n", encoding="utf-8")
    (tmp_path / "run.key").write_text(f"{SECRET}\n", encoding="utf-8")
    (tmp_path / "short.key").write_text("secret\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--shard 9/8 --secret run.key --out out", "from 1 to the count"),
        ("--shard auto/2 --secret run.key --out out", "not set here"),
        ("--shard 1/2 --secret run.key", "add --out DIR"),
        ("--shard 1/2 --out out", "--shard needs --secret FILE"),
        ("--shard 1/2 --secret gone.key --out out", "cannot be read"),
        ("--shard 1/2 --secret short.key --out out", "has no secret"),
    ],
)
def test_a_bad_shard_or_secret_is_refused_before_anything_is_touched(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: str, message: str
) -> None:
    for name in ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX"):
        monkeypatch.delenv(name, raising=False)
    before = sorted(place.rglob("*"))
    assert main(["grade", "subs", "--remark", *options.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("stored", "options", "message"),
    [
        ("2/2", "--shard 1/2 --secret run.key", "has the run of shard 2/2"),
        ("2/2", "", "continue it with --shard 2/2"),
        ("", "--shard 1/2 --secret run.key", "has the run of a whole cohort"),
    ],
)
def test_a_folder_with_another_shard_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str], stored: str, options: str, message: str
) -> None:
    cohort = [samples.passed_report(), samples.partial_report()]
    if stored:
        out = stored_shard(place / "out", shard_of(stored, {}), cohort)
    else:
        out = samples.stored_run(place / "out", *cohort)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert main(["grade", "subs", "--remark", "--out", "out", *options.split()]) == 2
    assert message in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_folder_with_another_secret_is_refused(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_folder.claim_folder(place / "out")
    (place / "out" / SECRET_FILE).write_text("f" * 32, encoding="utf-8")
    assert main(["grade", "subs", "--remark", "--out", "out", "--shard", "1/2", "--secret", "run.key"]) == 2
    assert "has another secret" in capsys.readouterr().err


def test_a_shard_whose_secret_was_lost_is_not_continued_with_another_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort = [samples.passed_report(), samples.partial_report()]
    out = stored_shard(place / "out", Shard(1, 2), cohort)
    (out / SECRET_FILE).unlink()
    (place / "run.key").write_text(f"{SECRET[::-1]}\n", encoding="utf-8")
    assert main(["grade", "subs", "--remark", "--out", "out", "--shard", "1/2", "--secret", "run.key"]) == 2
    assert "has another secret" in capsys.readouterr().err
    assert not (out / SECRET_FILE).exists()


def script_of(example: Path) -> str:
    """The text of an example that a shell runs."""
    text = example.read_text(encoding="utf-8")
    if example.suffix != ".yaml":
        return text
    job = yaml.safe_load(text)
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    return "\n".join([comments, *job["spec"]["template"]["spec"]["containers"][0]["args"]])


@pytest.mark.parametrize("example", sorted((ROOT / "examples").iterdir()), ids=lambda path: path.name)
def test_the_commands_of_the_examples_are_accepted(example: Path) -> None:
    names = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_CPUS_PER_TASK": "4", "JOB_COMPLETION_INDEX": "2", "submissions": "subs"}
    parsed = []
    for found in COMMAND.findall(script_of(example)):
        command = re.sub(r"\$(\w+)", lambda name: names.get(name[1], name[0]), found.replace("\\\n", " "))
        words = shlex.split(re.split(r'" &|\|\|', command)[0], comments=True)[3:]
        parsed.append(parser().parse_args(words))
    shards = [shard_of(one.shard, {"JOB_COMPLETION_INDEX": "2"}) for one in parsed if one.command == "grade"]
    assert shards in ([Shard(3, 8)], [Shard(2, 2), Shard(1, 2)])
    assert parsed[-1].command == "merge" or parsed[0].command == "merge"
    assert all(one.secret is not None for one in parsed if one.command == "grade")


@pytest.mark.parametrize("example", sorted((ROOT / "examples").iterdir()), ids=lambda path: path.name)
def test_the_examples_refuse_to_grade_below_the_full_isolation(example: Path) -> None:
    graded = [found for found in COMMAND.findall(script_of(example)) if " grade " in found]
    assert all("--isolation require" in command for command in graded)


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="a script for sh")
def test_when_one_of_two_machines_fails_the_other_does_not_go_on_unseen(tmp_path: Path) -> None:
    """Its next run would grade into the same folder."""
    programs = tmp_path / "bin"
    programs.mkdir()
    pid = tmp_path / "there" / "lab4-shard" / "grade.pid"
    (tmp_path / "there").mkdir()
    (tmp_path / "run.key").write_text(SECRET, encoding="utf-8")
    program(programs, "ssh", f'cd {tmp_path}/there && exec sh -c "$2"')
    program(programs, "rsync", "exit 0")
    waits = f"until test -s {pid}; do sleep 0.05; done"
    program(programs, "python", f'case "$*" in *2/2*) exec sleep 300;; *) {waits}; exit 3;; esac')
    command = ["sh", str(ROOT / "examples" / "two_machines.sh"), "subs", "host"]
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    nowhere = subprocess.DEVNULL
    ended = subprocess.run(
        command, cwd=tmp_path, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere, timeout=60, check=False
    )
    other = int(pid.read_text(encoding="utf-8"))
    try:
        assert ended.returncode not in (0, 2)
        with suppress(psutil.NoSuchProcess):
            psutil.Process(other).wait(10)
        assert not psutil.pid_exists(other)
    finally:
        with suppress(ProcessLookupError):
            os.kill(other, signal.SIGKILL)


def test_the_job_of_the_kubernetes_example_has_as_many_parts_as_shards() -> None:
    job = yaml.safe_load((ROOT / "examples" / "kubernetes.yaml").read_text(encoding="utf-8"))["spec"]
    assert job["completionMode"] == "Indexed"
    assert f"--shard auto/{job['completions']} " in script_of(ROOT / "examples" / "kubernetes.yaml")


@pytest.mark.skipif(os.name != "posix", reason="a script for sh")
@pytest.mark.parametrize(
    ("code", "has_results", "succeeds"), [(0, 1, True), (1, 1, True), (1, 0, False), (3, 1, False)]
)
def test_the_job_of_the_kubernetes_example_succeeds_if_all_is_graded(
    tmp_path: Path, code: int, has_results: int, succeeds: bool
) -> None:
    program(tmp_path, "python", f"exit {code}")
    (tmp_path / "shards" / "2").mkdir(parents=True)
    if has_results:
        (tmp_path / "shards" / "2" / "results.json").touch()
    script = script_of(ROOT / "examples" / "kubernetes.yaml").replace("/work/", f"{tmp_path}/")
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    ended = subprocess.run(["sh", "-c", script], env={"PATH": path, "JOB_COMPLETION_INDEX": "2"}, check=False)
    assert (ended.returncode == 0) == succeeds


def test_the_array_of_the_slurm_example_has_as_many_tasks_as_shards() -> None:
    text = (ROOT / "examples" / "slurm.sh").read_text(encoding="utf-8")
    assert re.findall(r"^#SBATCH --array=1-(\d+)$", text, re.MULTILINE) == re.findall(r"TASK_ID/(\d+)", text)
