"""The project's commands: grade, review, tests, lint and others.

They share the environment ``.nox/lab4``, which takes about 5 GB, most of it torch. It is installed again only when the
lock file, the interpreter or the package's part of pyproject.toml changes, so other commands start at once. The
sessions ``lowest`` and ``newest`` test other versions; each has its own environment.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import sys
import time
import tomllib
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["tests", "lint", "types"]

ROOT = Path(__file__).resolve().parent
ENVIRONMENTS = ROOT / ".nox"
LOCK = ROOT / "requirements" / "lock.txt"
PROJECT = ROOT / "pyproject.toml"
DEMO = Path("reports", "demo")
KEY = Path("solutions", "key.toml")
PATH_OPTIONS = {"--data", "--key", "--out", "--reports", "--rubric", "--secret", "--shard", "--worker-prefix"}
CLOCK_SECONDS = 2.0
"""How far a file's time may be off: FAT and some network drives store it in steps of two seconds."""
OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 15)
"""The newest for which the locked torch has wheels."""
INTERRUPTED = 130
STARTED_BY_NOX = {"LAB4_STARTED_BY_NOX": "1"}
"""Environment of the grader's commands, whose hints then name sessions of nox."""
MOST_TEST_PROCESSES = 4
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Environment of tests. Several files run at once, and threads that wait for each other take CPU time as well."""


def fingerprint() -> str:
    """Digest of what an environment is made from. If it changes, the environment must be installed again."""
    settings = tomllib.loads(PROJECT.read_text(encoding="utf-8"))
    # Not the settings of ruff, mypy and the like, which change often and install nothing.
    installed = [settings["build-system"], settings["project"], settings["tool"]["setuptools"]]
    digest = hashlib.sha256(f"{sys.version}\n{sys.platform}\n{ROOT}\n{installed}\n".encode())
    digest.update(LOCK.read_bytes())
    return digest.hexdigest()


def shared_python(session: nox.Session) -> str:
    """The interpreter of the shared environment, which is installed first if it is missing or out of date.

    By default nox gives each session its own environment; five copies of torch would take 27 GB.
    """
    if sys.version_info < OLDEST_PYTHON:
        session.error(f"Python {dotted(OLDEST_PYTHON)} or newer is needed; nox runs on {sys.version}.")
    return python_of(session, "lab4", sys.executable, "--require-hashes", "-r", str(LOCK))


def python_of(session: nox.Session, name: str, base: str, *requirements: str) -> str:
    """The interpreter of the environment ``name``. If needed, ``base`` (a Python's path or version) makes it first."""
    environment = ENVIRONMENTS / name
    stamp = environment / "made-from.txt"
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == fingerprint():
        return str(python)
    session.log(f"Installing the environment {name} (once; a few minutes and about 5 GB, most of it torch).")
    # virtualenv comes with nox and does not need ensurepip, which Python on some Linux systems lacks.
    virtualenv = (sys.executable, "-m", "virtualenv", "--quiet", "--clear", "--python", base, str(environment))
    session.run(*virtualenv, external=True)
    pip = (str(python), "-m", "pip", "install", "--disable-pip-version-check")
    session.run(*pip, *requirements, external=True)
    session.run(*pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT), external=True)
    stamp.write_text(fingerprint(), encoding="utf-8")  # last, so that an interrupted installation starts again
    return str(python)


def dotted(version: tuple[int, ...]) -> str:
    """A version as text, such as ``3.11``."""
    return ".".join(map(str, version))


def lowest_requirements() -> list[str]:
    """Each direct dependency at the lowest version that pyproject.toml allows."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    ranges = (*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values()))
    return [requirement.replace(">=", "==") for requirement in ranges]


def names_submissions(arguments: list[str]) -> bool:
    """Whether the arguments contain a PATH: the first one, or one that exists and is not an option's value."""
    if arguments and not arguments[0].startswith("-"):
        return True
    return any(
        not argument.startswith("-") and before not in PATH_OPTIONS and Path(argument).exists()
        for before, argument in itertools.pairwise(arguments)
    )


def has_results(arguments: list[str], *, since: float) -> bool:
    """Whether a results.json was written after ``since`` (seconds since the epoch) in the run's folder."""
    folders = [
        Path(value or following)
        for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue="")
        for option, _, value in [argument.partition("=")]
        if option in {"--out", "--reports"}
    ]
    written = (path for folder in folders for path in (*folder.glob("results.json"), *folder.glob("*/results.json")))
    return any(path.stat().st_mtime >= since - CLOCK_SECONDS for path in written)


def downloaded_demo(session: nox.Session, python: str) -> str:
    """Write the demo's zip and worksheet below ``reports``, as if they were downloaded. Returns the zip's path."""
    made = session.run(
        python, "-m", "tests.demo.make_demo", f"{DEMO}-submissions", external=True, silent=True, log=False
    )
    return str(made).strip()


@nox.session(python=False)
def grade(session: nox.Session) -> None:
    """Grade submissions: nox -s grade -- PATH [options]; without PATH, the demo: twelve invented students."""
    python = shared_python(session)
    arguments = list(session.posargs)
    options = {argument.partition("=")[0] for argument in arguments}
    asks_for_help = bool(options & {"-h", "--help"})
    is_demo = not names_submissions(arguments) and not asks_for_help
    if is_demo:
        session.log("Demo: a zip from Moodle with 12 invented students, some right, some with the usual mistakes.")
        arguments.insert(0, downloaded_demo(session, python))
    if not options & {"--reports", "--out"}:
        arguments += ["--out", str(DEMO)] if is_demo else ["--reports", "reports"]
    if (ROOT / KEY).exists() and "--key" not in options:
        arguments += ["--key", str(KEY)]
    # Exit code 1 says that a tutor should look at something, so the command has not failed; 2 (wrong usage) and 3 (a
    # fault of the grader) fail the session. A Python that cannot import the grader ends with 1 as well, so we check
    # that results were written. No time limit after Ctrl-C: the grader stores what it has.
    command = (python, "-m", "grader", "grade", *arguments)
    started = time.time()
    session.run(*command, env=STARTED_BY_NOX, success_codes=[0, 1], interrupt_timeout=None, external=True)
    if asks_for_help:
        return
    if not has_results(arguments, since=started):
        session.error("The grader ended before it wrote results.json; see its message above.")
    if is_demo:
        worksheet = next(Path(f"{DEMO}-submissions").glob("*.csv"))
        session.log(f"That was the demo. To look at it, open {DEMO / 'index.html'}; to decide what is open, see above.")
        session.log(f"To export what is settled: nox -s export -- moodle {DEMO} {worksheet} --settled-only")
        session.log("To grade your own submissions: nox -s grade -- FOLDER")


@nox.session(python=False)
def merge(session: nox.Session) -> None:
    """Make one run of the runs of all shards: nox -s merge -- OUT RUN... [--mixed]."""
    command = (shared_python(session), "-m", "grader", "merge", *session.posargs)
    session.run(*command, env=STARTED_BY_NOX, success_codes=[0, 1], external=True)


@nox.session(python=False)
def review(session: nox.Session) -> None:
    """Go through what waits for a tutor, one entry at a time: nox -s review -- RUN [options]."""
    # As for grade: 1 says that something is still open. No time limit after Ctrl-C: the pages are written again.
    command = (shared_python(session), "-m", "grader", "review", *session.posargs)
    session.run(*command, env=STARTED_BY_NOX, success_codes=[0, 1], interrupt_timeout=None, external=True)


@nox.session(python=False)
def learn(session: nox.Session) -> None:
    """Turn tutors' decisions into samples of the key, and show the agreement: nox -s learn -- RUN [--replace]."""
    arguments = list(session.posargs)
    if "--key" not in {argument.partition("=")[0] for argument in arguments}:
        arguments += ["--key", str(KEY)]
    session.run(shared_python(session), "-m", "grader", "learn", *arguments, env=STARTED_BY_NOX, external=True)


@nox.session(python=False)
def similar(session: nox.Session) -> None:
    """Show which works share what chance does not explain: nox -s similar -- RUN."""
    arguments = list(session.posargs)
    options = {argument.partition("=")[0] for argument in arguments}
    arguments += ["--key", str(KEY)] if "--key" not in options and (ROOT / KEY).exists() else []
    arguments += ["--handout", "student_template"] if "--handout" not in options else []
    session.run(shared_python(session), "-m", "grader", "similar", *arguments, env=STARTED_BY_NOX, external=True)


@nox.session(python=False)
def export(session: nox.Session) -> None:
    """Write the files that a learning platform takes back: nox -s export -- PLATFORM RUN FILE [options]."""
    command = (shared_python(session), "-m", "grader", "export", *session.posargs)
    session.run(*command, env=STARTED_BY_NOX, success_codes=[0, 1], external=True)


@nox.session(python=False)
def doctor(session: nox.Session) -> None:
    """Show what this machine can do: isolation, GPU, data, versions."""
    command = (shared_python(session), "-m", "grader", "doctor", *session.posargs)
    session.run(*command, env=STARTED_BY_NOX, success_codes=[0, 1], external=True)


@nox.session(python=False)
def calibrate(session: nox.Session) -> None:
    """Mark answers with known marks and show how well the marks agree: nox -s calibrate -- FILE.jsonl [--out FILE]."""
    python = shared_python(session)
    arguments = list(session.posargs)
    if "--key" not in {argument.partition("=")[0] for argument in arguments}:
        arguments += ["--key", str(KEY)]
    if "--out" not in {argument.partition("=")[0] for argument in arguments}:
        arguments += ["--out", str(Path("reports", "answers.jsonl"))]
    session.run(python, "-m", "grader", "mark-answers", *arguments, external=True)


@nox.session(python=False)
def track_record(session: nox.Session) -> None:
    """Record again how the marker reads samples that it has not seen: after a change of the key or its samples."""
    session.run(shared_python(session), "-m", "tests.measure.track_record", *session.posargs, external=True)


@nox.session(python=False)
def handout(session: nox.Session) -> None:
    """Build the zip for students: nox -s handout -- [--out FILE]; default: reports/handout/lab4.zip."""
    arguments = list(session.posargs)
    if len(arguments) == 1 and arguments[0].startswith("--out="):
        arguments = ["--out", arguments[0].removeprefix("--out=")]
    if arguments and (len(arguments) != 2 or arguments[0] != "--out"):
        session.error("usage: nox -s handout -- --out FILE")
    out = arguments[1] if arguments else str(Path("reports", "handout", "lab4.zip"))
    session.run(shared_python(session), "-m", "grader.selfcheck.handout", "student_template", out, external=True)


@nox.session(python=False)
def experiment(session: nox.Session) -> None:
    """Train the lab's network with several channels and kernel sizes: nox -s experiment -- [options], see --help."""
    arguments = list(session.posargs)
    if "--out" not in {argument.partition("=")[0] for argument in arguments}:
        arguments += ["--out", str(Path("reports", "experiment"))]
    command = (shared_python(session), str(Path("solutions", "experiment.py")), *arguments)
    session.run(*command, success_codes=[0, INTERRUPTED], interrupt_timeout=None, external=True)


def run_tests(session: nox.Session, *command: str) -> None:
    """Run ``command``, which ends with pytest and its options, on several files at once.

    A file's tests stay in one process, because many share a run of the grader. Each process loads torch, about 0.5 GB.
    tests/conftest.py sets the order: the longest files come first.
    """
    processes = str(min(os.cpu_count() or 1, MOST_TEST_PROCESSES))
    options = ("--numprocesses", processes, "--dist", "loadfile", "--no-loadscope-reorder", *session.posargs)
    session.run(*command, *options, env=ONE_THREAD, external=True)


@nox.session(python=False)
def tests(session: nox.Session) -> None:
    """Run the tests, several files at once: nox -s tests -- [pytest options]; -n0 runs one at a time."""
    run_tests(session, shared_python(session), "-m", "pytest")


@nox.session(python=False)
def quick(session: nox.Session) -> None:
    """Run the tests that take seconds, in under a minute: nox -s quick -- [pytest options]."""
    run_tests(session, shared_python(session), "-m", "pytest", "-m", "not slow")


@nox.session(python=False)
def browser(session: nox.Session) -> None:
    """Test the pages in Chromium: nox -s browser -- [pytest options]."""
    folder = str(Path("tests", "browser"))
    session.run(shared_python(session), "-m", "pytest", folder, *session.posargs, external=True)


@nox.session(python=False)
def pictures(session: nox.Session) -> None:
    """Make what the README shows of the demo, pictures and summary, with Chromium: nox -s pictures."""
    session.run(shared_python(session), "-m", "tests.browser.pictures", *session.posargs, external=True)


@nox.session(python=False)
def coverage(session: nox.Session) -> None:
    """Run all tests and show which lines and branches they reach; fail below the floor in pyproject.toml."""
    command = (shared_python(session), "-m", "coverage")
    session.run(*command, "erase", external=True)
    run_tests(session, *command, "run", "-m", "pytest")
    session.run(*command, "combine", "--quiet", external=True)
    session.run(*command, "report", external=True)


@nox.session(python=False)
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest version of each direct dependency, on the oldest Python: nox -s lowest."""
    python = python_of(session, "lowest", dotted(OLDEST_PYTHON), *lowest_requirements())
    run_tests(session, python, "-m", "pytest")


@nox.session(python=False)
def newest(session: nox.Session) -> None:
    """Run the tests on the newest Python that torch supports, which must be installed: nox -s newest."""
    python = python_of(session, "newest", dotted(NEWEST_PYTHON), "--require-hashes", "-r", str(LOCK))
    run_tests(session, python, "-m", "pytest")


@nox.session(python=False)
def lint(session: nox.Session) -> None:
    """Check style and format with ruff: nox -s lint -- [files]."""
    ruff = (shared_python(session), "-m", "ruff")
    files = session.posargs or ["."]
    session.run(*ruff, "check", *files, external=True)
    session.run(*ruff, "format", "--check", *files, external=True)


@nox.session(python=False)
def types(session: nox.Session) -> None:
    """Check types with mypy --strict."""
    session.run(shared_python(session), "-m", "mypy", *session.posargs, external=True)


@nox.session(python=False)
def bench(session: nox.Session) -> None:
    """Measure what a submission costs, in CPU time: nox -s bench -- [--sizes 12,60,300]."""
    session.run(shared_python(session), "-m", "tests.measure.bench", *session.posargs, external=True)


@nox.session(python=False)
def audit(session: nox.Session) -> None:
    """Grade samples and attacks together and list wrong results: nox -s audit -- [--data DIR] [--only PATTERN]."""
    session.run(shared_python(session), "-m", "tests.measure.audit", *session.posargs, external=True)


@nox.session(python=False)
def soak(session: nox.Session) -> None:
    """Grade hundreds of submissions in one run and look for leaks: nox -s soak -- [--count 300]."""
    session.run(shared_python(session), "-m", "tests.measure.soak", *session.posargs, external=True)


@nox.session(python=False)
def fuzz(session: nox.Session) -> None:
    """Look for files that cannot be read as they should: nox -s fuzz -- [SECONDS] [--again FOLDER] [options]."""
    session.run(shared_python(session), "-m", "tests.fuzz.session", *session.posargs, external=True)
