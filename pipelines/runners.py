"""Beam pipelines on a runner: worker processes of this machine, or the engine that the user names."""

from __future__ import annotations

import functools
import shlex
from collections.abc import Callable, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import SubprocessSDKEnvironment

from pipelines.fork_server import ForkServer
from webtext.core.errors import UsageError

Graph = Callable[[Any], None]


def is_local(arguments: Sequence[str]) -> bool:
    """Whether Beam's arguments leave the choice of the runner to us: processes of this machine."""
    return not any(argument.startswith("--runner") for argument in arguments)


def is_dataflow(options: PipelineOptions) -> bool:
    """Whether the runner is Dataflow's."""
    return "dataflow" in (options.view_as(StandardOptions).runner or "").lower()


def new_pipeline(runner: Any, options: PipelineOptions) -> beam.Pipeline:
    """A pipeline without steps; `runner` None: the one that the options name. Raises UsageError for options that Beam refuses."""
    try:
        return beam.Pipeline(runner=runner, options=options)
    except ValueError as error:
        name = options.view_as(StandardOptions).runner or "Beam"
        raise UsageError(f"{name} refuses its options: {' '.join(str(error).split())}") from None


def local_pipeline(arguments: Sequence[str], workers: int, module: str) -> beam.Pipeline:
    """A pipeline for so many worker processes of this machine, which need `module`; one worker is this process.

    NB: DirectRunner would look for a Go runner on the network first and choose by what the graph holds.
    """
    if workers == 1:
        return new_pipeline(FnApiRunner(), PipelineOptions(["--direct_running_mode=in_memory", *arguments]))
    options = PipelineOptions([f"--direct_num_workers={workers}", "--direct_running_mode=multi_processing", *arguments])
    direct = options.view_as(DirectOptions)
    if direct.direct_running_mode == "multi_processing":
        # NB: in this mode Beam starts workers by a command of its own instead of the environment's.
        direct.direct_running_mode = None
    server = _fork_server()
    server.preload(module)
    command = shlex.join(server.command("apache_beam.runners.worker.sdk_worker_main:main"))
    return new_pipeline(FnApiRunner(SubprocessSDKEnvironment.from_command_string(command)), options)


@functools.cache
def _fork_server() -> ForkServer:
    """The parent of all workers of this process.

    NB: `python -m …worker.sdk_worker_main`, as Beam starts a worker, would put the current directory first on its path, and import a
    user's own tokenizer.py instead of ours.
    """
    return ForkServer("apache_beam.runners.worker.sdk_worker_main", "pipelines.engine")
