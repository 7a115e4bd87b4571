"""Measures how correct nets train, to choose the training plan: run by ``nox -s bench -- --calibrate`` or by hand.

Every ``valid-*`` sample with a different network is trained under several seeds with the rubric's plan, or with early
stopping off to see the whole curve. The table goes to docs/calibration.md. A net counts once: samples whose networks have
the same layer shapes are other spellings of one network.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from grader.data import resolve_data, write_worker_files
from grader.grading import with_accuracy
from grader.intake import copy_submission, discover
from grader.model import DataFiles, Job, Submission, TrainingPlan
from grader.rubric import load_rubric

SAMPLES = Path(__file__).parent / "submissions"


def measure(
    submission: Submission, folder: str, files: DataFiles, plan: TrainingPlan, labels: Any, seeds: range
) -> dict[str, Any]:
    """Train one net under every seed in this (forked) process; gives its shape and its runs."""
    import torch

    from grader.worker import training
    from grader.worker.building import build, parameter_count
    from grader.worker.loading import load_net

    torch.set_num_threads(1)
    images = training.load_images(files)
    assert submission.script is not None
    loaded = load_net(Path(folder), submission.script)
    assert loaded.factory is not None, loaded.record
    net = build(loaded.factory, seed=0)
    shape = [list(parameter.shape) for parameter in net.parameters()]
    runs = []
    for seed in seeds:
        job = Job(
            folder, submission.script, files, plan.steps, plan.batch_size, plan.learning_rate, plan.momentum,
            plan.evaluate_every, plan.stop_accuracy, seed, 0, "cpu", 1,
        )  # fmt: skip
        start = time.process_time()
        record, outputs = training.train(loaded.factory, images, job, seed=seed, batch=0, explain=loaded.explain)
        record = with_accuracy(record, outputs.numpy(), labels)
        runs.append(
            {
                "seed": seed,
                "initial": record.initial_accuracy,
                "curve": [(point.step, point.accuracy) for point in record.curve],
                "accuracy": record.correct / record.total if record.total else 0.0,
                "steps": record.steps,
                "seconds": time.process_time() - start,
                "problem": record.problem.message if record.problem else "",
            }
        )
    return {"student": submission.id, "parameters": parameter_count(net), "shape": shape, "runs": runs}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder with MNIST, or digits")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="another budget")
    parser.add_argument("--never-stop", action="store_true", help="train for the whole budget, to see the whole curve")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--samples", type=Path, default=SAMPLES)
    parser.add_argument("--json", type=Path, help="write the runs to this file")
    arguments = parser.parse_args()
    data = resolve_data(arguments.data, environment=os.environ, cache=Path(os.devnull), download=None)
    plan = load_rubric().training[data.name]
    if arguments.steps:
        plan = replace(plan, steps=arguments.steps)
    if arguments.never_stop:
        plan = replace(plan, stop_accuracy=2.0)
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        found = [one for one in discover(arguments.samples, scratch / "unpacked") if one.script]
        found = [one for one in found if one.id.startswith("valid-") and (arguments.only or "") in one.id]
        files, labels = write_worker_files(data, scratch / "data", order_seed=0)
        work = []
        for one in found:
            copy_submission(one, scratch / one.id)
            work.append((one, str(scratch / one.id), files, plan, labels, range(1, arguments.seeds + 1)))
        with get_context("spawn").Pool(arguments.jobs, maxtasksperchild=1) as pool:
            results = []
            for result in pool.starmap(measure, work, chunksize=1) if len(work) < 2 else pool.imap(_measure, work):
                results.append(result)
                runs = result["runs"]
                accuracies = [run["accuracy"] for run in runs]
                print(
                    f"{result['student']:38} {result['parameters']:>8} parameters  steps {max(run['steps'] for run in runs):4}  "
                    f"accuracy {statistics.mean(accuracies):.3f} ± {statistics.pstdev(accuracies):.3f}, "
                    f"lowest {min(accuracies):.3f}, start at most {max(run['initial'] for run in runs):.2f}, "
                    f"{statistics.mean(run['seconds'] for run in runs):.2f} s {runs[0]['problem']}",
                    flush=True,
                )
    if arguments.json:
        arguments.json.write_text(json.dumps(results), encoding="utf-8")
    return 0


def _measure(work: tuple[Any, ...]) -> dict[str, Any]:
    return measure(*work)


if __name__ == "__main__":
    sys.exit(main())
