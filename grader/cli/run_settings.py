"""Turns the arguments of ``grade`` into the settings of a run.

Other modules are imported inside the functions, as in :mod:`grader.cli.commands`.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from grader.model import UsageFault

if TYPE_CHECKING:
    from grader.pipeline.settings import RunSettings


def run_settings(arguments: argparse.Namespace) -> RunSettings:
    """What the arguments of ``grade`` say about a run. Raises UsageFault if something cannot be used."""
    from grader.answers.marker.key import load_key
    from grader.cli.sharding import shard_of
    from grader.data import DataSet, download_with_torchvision, resolve_data, user_cache
    from grader.moderation.pseudonyms import read_secret
    from grader.pipeline.settings import RunSettings, Selection
    from grader.pipeline.written_parts import with_titles
    from grader.rubric.late_policy import load_late_policy
    from grader.rubric.loading import load_rubric
    from grader.sandbox import Wish
    from grader.sandbox.cluster.address import cluster_address, networks_at_once
    from grader.storage import run_folder

    cluster = cluster_address(arguments.cluster) if arguments.cluster is not None else None
    if cluster is None and (arguments.mixed or arguments.resources is not None):
        raise UsageFault("--mixed and --resources are about the workers of a cluster: add --cluster.")
    shard = shard_of(arguments.shard, os.environ) if arguments.shard is not None else None
    secret = read_secret(arguments.secret) if arguments.secret is not None else ""
    if shard is not None and arguments.out is None:
        raise UsageFault(f"--shard {shard} needs a folder of its own: add --out DIR.")
    key = load_key(arguments.key) if arguments.key is not None else None
    rubric = with_titles(load_rubric(arguments.rubric), key)
    out, earlier = arguments.out, None
    if out is None:
        out, earlier = run_folder.dated_folder(arguments.reports, arguments.path, date.today())
    stored = run_folder.read_run(out) or (earlier and run_folder.read_run(earlier))
    before = stored.run if stored else None
    if arguments.remark and before and arguments.data is None:
        data = DataSet.unopened(before.data)  # the data of the stored evidence
    else:
        data = resolve_data(
            arguments.data, environment=os.environ, cache=user_cache(os.environ), download=download_with_torchvision
        )
    kept = before.late if before else None
    return RunSettings(
        path=arguments.path,
        out=out,
        earlier=earlier,
        reports=arguments.reports if arguments.out is None else None,
        rubric=rubric,
        answer_key=key,
        data=data,
        jobs=arguments.jobs,
        device=arguments.device,
        selection=Selection(tuple(arguments.student), arguments.only_failed, arguments.remark),
        isolation=Wish(arguments.isolation),
        hidden=tuple(_secrets(arguments, user_cache(os.environ))),
        worker_prefix=words(arguments),
        shows_full_answers=arguments.full_answers,
        cluster=cluster,
        networks_at_once=networks_at_once(arguments.resources) if arguments.resources is not None else None,
        is_mixed=arguments.mixed,
        shard=shard,
        secret=secret,
        late=load_late_policy(arguments.late) if arguments.late is not None else kept,
    )


def _secrets(arguments: argparse.Namespace, cache: Path) -> Iterator[Path]:
    """Paths of labels, keys and other runs, which submissions must not see."""
    from grader.data.sources import DATA_VARIABLE

    yield cache
    if arguments.cluster is not None:
        from grader.sandbox.cluster.address import certificate_files

        yield from certificate_files()
    named = (
        arguments.data,
        os.environ.get(DATA_VARIABLE),
        arguments.key,
        arguments.rubric,
        arguments.reports,
        arguments.secret,
    )
    yield from (Path(place) for place in named if place and Path(place).exists())


def words(arguments: argparse.Namespace) -> tuple[str, ...]:
    """The words of ``--worker-prefix``. Raises UsageFault if its quotes are not closed."""
    try:
        return tuple(shlex.split(arguments.worker_prefix))
    except ValueError as problem:
        raise UsageFault(f"--worker-prefix cannot be read: {problem}") from None
