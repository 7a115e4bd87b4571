"""What a submission can see and do at each level of isolation, tested on the kernel of this machine."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from grader.model import UsageFault
from grader.sandbox import Limits, Wish, WorkerPool
from grader.sandbox.level import level_of, shortfall
from grader.worker.isolate import capabilities, filesystem, seccomp, syscalls
from grader.worker.isolate.confinement import Allowance, Assignment, confine, enter_namespaces
from tests.support.places import ROOT
from tests.support.worker_pools import LIMITS, is_running, make_job, make_pool, wait_until

pytestmark = pytest.mark.slow

linux_only = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces and Landlock are Linux's")
ROOMY = replace(LIMITS, disk_bytes=16 << 20, stage_seconds={"load": 20.0})


def without_namespaces() -> None:
    """Make this process and its children unable to make namespaces or mounts, as many containers do."""
    syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
    families = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)
    del seccomp._REFUSED["setsid"]  # containers allow it, and the server needs it
    syscalls.filter_calls(seccomp.call_filter(sockets=families, allows_memfd=True))


def level_here() -> str:
    """The level that this machine allows; asked once, in a process of its own."""
    with make_pool(isolation=Wish.AUTO) as pool:
        return pool.isolation.name


@pytest.fixture(scope="module")
def level() -> str:
    return level_here()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def tried(pool: WorkerPool, root: Path, listener: socket.socket, hidden: list[Path]) -> dict[str, Any]:
    """What came of each attempt of ``tries_everything``."""
    (root / "own.txt").write_text("mine")
    (root / "paths.json").write_text(json.dumps({"hidden": list(map(str, hidden)), "port": listener.getsockname()[1]}))
    evidence = pool.record(make_job("tries_everything", root))
    assert evidence.ending.kind == "finished", (evidence.ending, evidence.output)
    return dict(json.loads(evidence.output))


def lasting_objects() -> list[list[str]]:
    """Kind, key and id of each shared memory, semaphore and message queue of this machine."""
    places = [Path("/proc/sysvipc", kind) for kind in ("shm", "sem", "msg")]
    return [[place.name, *line.split()[:2]] for place in places for line in place.read_text().splitlines()[1:]]


def assert_bounded(seen: dict[str, Any]) -> None:
    """What holds wherever system calls are filtered: nothing outlives the processes, and their shares are limited."""
    assert set(seen["lasting"].values()) == {"EPERM"}, seen["lasting"]
    assert seen["setsid"] == "EPERM"
    assert seen["descriptors"] < Limits().descriptors


@linux_only
def test_at_the_full_level_a_submission_is_isolated(level: str, tmp_path: Path, listener: socket.socket) -> None:
    if level != "full":
        pytest.skip(f"this machine allows only the level {level}")
    root, neighbour = tmp_path / "student", tmp_path / "neighbour"
    for folder in (root, neighbour):
        folder.mkdir()
    (neighbour / "task1_cnn.py").write_text("secret")
    hidden = [neighbour / "task1_cnn.py", ROOT / "pyproject.toml", Path("/etc/hostname"), Path.home()]
    before = sorted(path.name for path in root.parent.rglob("*"))
    objects = lasting_objects()
    with make_pool(workers=1, limits=ROOMY, isolation=Wish.REQUIRE) as pool:
        seen = tried(pool, root, listener, hidden)
    assert_bounded(seen)
    assert lasting_objects() == objects
    assert seen["own"] == "ok: mine"
    assert seen["writes"].startswith("ok")
    assert seen["temporary"].startswith("ok")
    assert seen["library"].startswith("ok")
    assert not any(outcome.startswith("ok") for outcome in seen["hidden"].values()), seen["hidden"]
    assert not seen["writes_library"].startswith("ok")
    assert not seen["writes_root"].startswith("ok")
    assert seen["connects"] in ("ENETUNREACH", "ECONNREFUSED", "EACCES", "EPERM")
    assert seen["vsock"] == "EACCES"
    assert seen["processes"] == "ok: 1"
    assert seen["kills_parent"] == "ESRCH"
    assert seen["unshare"] == seen["mount"] == seen["ptrace"] == "EPERM"
    assert not seen["memory"].startswith("ok")
    assert seen["user"] != 0
    assert int(seen["capabilities"] or "0", 16) == 0
    assert seen["no_new_privileges"] == "1"
    assert seen["fills"] == "ENOSPC"
    written = {"own.txt", "paths.json"}
    assert sorted(path.name for path in root.parent.rglob("*")) == sorted([*before, *written]), "nothing came out"


@linux_only
def test_at_the_full_level_a_measuring_process_is_isolated_and_keeps_its_open_files(
    level: str, tmp_path: Path, listener: socket.socket
) -> None:
    if level != "full":
        pytest.skip(f"this machine allows only the level {level}")
    data = tmp_path / "images"
    data.write_text("digits")
    places = {"hidden": [str(data), str(ROOT / "pyproject.toml"), "/etc/hostname", str(Path.home())]}
    with make_pool(workers=1, limits=ROOMY, isolation=Wish.REQUIRE, file=str(data)) as pool:
        request = b"try " + json.dumps({**places, "port": listener.getsockname()[1]}).encode()
        seen = json.loads(pool.measure(request, seconds=20))
    assert seen["opened"] == "digits"
    assert not any(outcome.startswith("ok") for outcome in seen["hidden"].values()), seen["hidden"]
    assert not seen["writes_library"].startswith("ok")
    assert not seen["writes_root"].startswith("ok")
    assert seen["connects"] in ("ENETUNREACH", "ECONNREFUSED", "EACCES", "EPERM")
    assert seen["processes"] == "ok: 1"
    assert seen["unshare"] == seen["mount"] == seen["ptrace"] == "EPERM"
    assert seen["user"] != 0
    assert int(seen["capabilities"] or "0", 16) == 0
    assert seen["no_new_privileges"] == "1"
    assert seen["fills"] == "ENOSPC"


@linux_only
def test_without_namespaces_files_and_sockets_are_still_protected(tmp_path: Path, listener: socket.socket) -> None:
    if syscalls.landlock_version() < 1:
        pytest.skip("this kernel has no Landlock")
    program = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import json, socket
from pathlib import Path
from tests.worker.test_isolation import *
without_namespaces()
with make_pool(workers=1, limits=ROOMY, isolation=Wish.AUTO) as pool:
    print(json.dumps([str(pool.isolation), dict(pool.isolation.refusals)]))
    listener = socket.create_server(("127.0.0.1", 0))
    hidden = [Path({str(tmp_path)!r}), Path({str(ROOT / "pyproject.toml")!r}), Path("/etc/passwd")]
    root = Path({str(tmp_path)!r}, "student"); root.mkdir()
    print(json.dumps(tried(pool, root, listener, hidden)))
    print(json.dumps(pool.measure(b"echo again", seconds=10).decode()))
    try:
        with make_pool(workers=1, isolation=Wish.REQUIRE) as other:
            other.isolation
    except UsageFault as fault:
        print(json.dumps(str(fault)))
"""
    objects = lasting_objects()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert lasting_objects() == objects
    (text, refusals), seen, measured, refused = map(json.loads, done.stdout.splitlines())
    assert text.startswith("partial: no files but its own")
    assert "missing: own file system, own network, own process space" in text
    assert set(refusals) == {capabilities.PID, capabilities.NAMESPACES, capabilities.VIEW}
    assert_bounded(seen)
    assert seen["own"] == "ok: mine"
    assert seen["writes"].startswith("ok")
    assert set(seen["hidden"].values()) <= {"EACCES", "EPERM"}
    assert not seen["writes_library"].startswith("ok")
    assert seen["connects"] == "EACCES"
    assert seen["processes"] == "EACCES"
    assert seen["unshare"] == "EPERM"
    assert not seen["memory"].startswith("ok")
    assert measured == "again"
    assert "doctor" in refused


@linux_only
def test_isolation_costs_little_and_a_child_starts_at_once(level: str, tmp_path: Path) -> None:
    costs = {}
    for wish in (Wish.OFF, Wish.AUTO):
        with make_pool(isolation=wish) as pool:
            _ = pool.isolation
            times = []
            for _ in range(12):
                began = time.perf_counter()
                pool.record(make_job("nothing", tmp_path))
                times.append(time.perf_counter() - began)
            costs[wish] = sorted(times)[len(times) // 2]
    assert costs[Wish.AUTO] < 0.1 + 4 * costs[Wish.OFF], costs


@linux_only
def test_at_the_full_level_nothing_outlives_its_submission(level: str, tmp_path: Path) -> None:
    if level != "full":
        pytest.skip(f"this machine allows only the level {level}")
    with make_pool(isolation=Wish.AUTO) as pool:
        server = pool._current_server().pid
        _ = pool.isolation
        ours = set(map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())) | {server}
        for behaviour in ("leaves_children", "ignores_signals", "kills_its_parent", "stops_its_parent", "forks_many"):
            pool.record(make_job(behaviour, tmp_path))
        (inner,) = ours - {server}
        children = Path(f"/proc/{inner}/task/{inner}/children")
        assert children.read_text() == ""
        assert pool._current_server().pid == server, "none of them brought the server down"
        with ThreadPoolExecutor(1) as thread:
            under_way = thread.submit(pool.record, make_job("sleeps", tmp_path))
            while not children.read_text():
                time.sleep(0.02)
            child = int(children.read_text())
            pool._current_server().stop(grace=0)
            assert wait_until(lambda: not is_running(inner) and not is_running(child))
            assert under_way.result(20).ending.kind in ("lost", "deadline")


def test_processes_are_counted_separately_from_the_tutors_own(level: str, tmp_path: Path) -> None:
    if level != "full":
        pytest.skip(f"this machine allows only the level {level}")
    with make_pool(isolation=Wish.AUTO) as pool:
        evidence = pool.record(make_job("forks_many", tmp_path))
    assert evidence.ending.kind in ("exit", "memory")


def test_hidden_places_below_visible_ones_are_masked(tmp_path: Path) -> None:
    package = tmp_path / "lib" / "package"
    (package / "data").mkdir(parents=True)
    (package / "code.py").write_text("x")
    (package / "data" / "answers.csv").write_text("y")
    (tmp_path / "link").symlink_to(tmp_path / "lib")
    shown = filesystem.View((str(tmp_path / "lib"),), (str(package / "data"),), (), ())
    assert list(shown.open_places()) == [str(package / "code.py")]


def test_the_view_has_the_interpreter_and_not_this_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    planned = filesystem.plan_view([str(ROOT)])
    assert any(os.path.realpath(os.__file__).startswith(f"{place}/") for place in planned.readable)
    assert str(ROOT) not in planned.readable
    tests = str(ROOT / "tests")
    assert not any(tests == place or tests.startswith(f"{place}/") for place in planned.open_places())
    environment = os.path.realpath(sys.prefix)
    if environment.startswith(f"{ROOT}/"):
        assert environment in planned.readable, "an environment inside the hidden project stays in sight"


def test_the_view_hides_the_images_of_an_installed_grader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    planned = filesystem.plan_view([])
    assert str(ROOT / "grader" / "data") in planned.hidden, "they come with their labels"
    assert str(ROOT) in planned.readable


def test_levels_have_a_name_and_a_text() -> None:
    full = level_of(capabilities.STEPS, {}, wish=Wish.AUTO)
    assert full.name == "full"
    assert str(full).startswith("full: own file system")
    assert "missing" not in str(full)
    assert shortfall(str(full)) is None
    assert level_of(("pid",), {}, wish=Wish.AUTO).name == "limits"
    assert level_of((), {}, wish=Wish.OFF).name == "off"
    some = level_of(("landlock", "calls"), {"pid": "no"}, wish=Wish.AUTO, prefix="podman run image")
    assert some.name == "partial"
    assert "missing: own file system, own network, own process space" in str(some)
    assert "started through podman run image" in str(some)
    without = [step for step in capabilities.STEPS if step != capabilities.LANDLOCK]
    assert level_of(without, {}, wish=Wish.AUTO).name == "full", "a second lock is not part of the level"


@pytest.mark.parametrize("prefix", ["", "podman run --label 'missing: nothing' image"])
@pytest.mark.parametrize(
    ("steps", "wish", "name", "missing"),
    [
        (("landlock", "user", "calls"), Wish.AUTO, "partial", "own file system, own network, own process space"),
        (("pid", "user"), Wish.AUTO, "limits", "own file system, own network, system call filter"),
        (
            (),
            Wish.OFF,
            "off",
            "own file system, own network, own process space, a user without rights, system call filter",
        ),
    ],
)
def test_a_level_below_full_says_what_is_missing_and_what_to_do(
    steps: tuple[str, ...], wish: Wish, name: str, missing: str, prefix: str
) -> None:
    found = shortfall(str(level_of(steps, {}, wish=wish, prefix=prefix)))
    assert found is not None
    assert found.level.endswith(f" below the full level: {name}.")
    assert found.missing == f"Missing: {missing}."
    assert "`--isolation require` grades again" in found.advice
    doctor = "`python -m grader doctor --worker-prefix ...`" if prefix else "`python -m grader doctor`"
    assert (doctor in found.advice) == (name != "off"), "doctor cannot change what an option switched off"


def test_runs_without_student_code_lack_nothing() -> None:
    assert shortfall("no student code was run") is None
    assert shortfall("") is None


def test_steps_that_are_refused_are_left_out_one_by_one() -> None:
    def attempt(plan: capabilities.Isolation) -> None:
        for step in (capabilities.NAMESPACES, capabilities.LANDLOCK):
            if plan.has(step):
                raise capabilities.StepRefused(step, f"no {step}")

    held = capabilities.find_allowed_steps(capabilities.Isolation(frozenset(capabilities.STEPS)), attempt, None)
    assert held.steps == {capabilities.PID, capabilities.USER, capabilities.CALLS}
    assert held.refusals == {"namespaces": "no namespaces", "view": "no namespaces", "landlock": "no landlock"}


def test_a_worker_can_be_started_through_another_command(tmp_path: Path) -> None:
    with make_pool(workers=1, isolation=Wish.AUTO, prefix=["env", "LAB4_PREFIXED=1"]) as pool:
        assert "started through env LAB4_PREFIXED=1" in str(pool.isolation)
        evidence = pool.record(make_job("normal", tmp_path))
        assert evidence.ending.kind == "finished"
        hog = pool.record(make_job("hogs_memory", tmp_path))
        assert hog.ending.kind == "memory", "its memory is watched, however it was started"


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
def test_a_worker_runs_inside_bubblewrap(tmp_path: Path) -> None:
    prefix = ["bwrap", "--bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--unshare-net", "--die-with-parent"]
    with make_pool(workers=1, isolation=Wish.AUTO, prefix=prefix) as pool:
        evidence = pool.record(make_job("normal", tmp_path))
    assert evidence.ending.kind == "finished"


def test_a_prefix_that_starts_no_process_is_reported(tmp_path: Path) -> None:
    for prefix, words in ((["no-such-command"], "no-such-command"), (["false"], "ended without a message")):
        with pytest.raises(UsageFault, match=words), WorkerPool(workers=1, prefix=prefix, warm=()) as pool:
            _ = pool.isolation


def test_limits_leave_room_for_a_submissions_own_files() -> None:
    limits = Limits()
    assert limits.disk_bytes >= limits.file_bytes + (200 << 20), "intake lets 200 MiB of files through"


@linux_only
def test_what_is_below_tmp_stays_visible(level: str, tmp_path: Path) -> None:
    if level != "full" or not str(tmp_path).startswith("/tmp/"):
        pytest.skip("needs the full level, and a temporary folder below /tmp")
    library, source = tmp_path / "library", tmp_path / "submission"
    for folder in (library, source):
        folder.mkdir()
        (folder / "own.txt").write_text("here")
    planned = filesystem.plan_view([])
    shown = replace(planned, readable=(*planned.readable, str(library)))
    allowance = Allowance(1 << 20, 10, 1 << 31, 1 << 20, 64, 64)
    job = {"root": str(source), "script": "task1_cnn.py"}

    def attempt(plan: capabilities.Isolation) -> None:
        assignment = Assignment("record", job, os.getppid(), -1, -1, allowance, None, plan, shown)
        enter_namespaces(assignment)
        confine(assignment)
        if (library / "own.txt").read_text() != "here" or Path(filesystem.HOME, "own.txt").read_text() != "here":
            raise capabilities.StepRefused(capabilities.VIEW, "not in sight")

    wanted = capabilities.Isolation(frozenset({capabilities.NAMESPACES, capabilities.VIEW, capabilities.USER}))
    held = capabilities.find_allowed_steps(wanted, attempt, None)
    assert held.refusals == {}
    assert held.steps == wanted.steps
