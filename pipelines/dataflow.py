"""Jobs for Google Cloud Dataflow, and their whole description without an account or a network.

Beam's own client makes the request; the files that it would stage are only counted. Workers run the code of their image: nothing is
staged but the graph.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apache_beam.options.pipeline_options import DebugOptions, GoogleCloudOptions, PipelineOptions, SetupOptions, TestOptions, WorkerOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from google.protobuf import json_format

from pipelines.runners import Graph, new_pipeline
from webtext.core.errors import UsageError, WebtextError

LIMIT = 10 * 2**20  # bytes of a job's graph as JSON: Dataflow refuses more
NOT_STAGED = "disable_logging_submission_environment"  # or else Beam runs `pip freeze` and stages its output


def dataflow_options(arguments: Sequence[str], job: str) -> PipelineOptions:
    """Beam's options of a job, with defaults that our jobs need: one task a process at a time, and nothing staged.

    `--job_name` given is the beginning of the name, `job` its end. Raises UsageError where Dataflow lacks something.
    """
    options = PipelineOptions(list(arguments))
    cloud, setup = options.view_as(GoogleCloudOptions), options.view_as(SetupOptions)
    debug, worker = options.view_as(DebugOptions), options.view_as(WorkerOptions)
    missing = [f"--{name}" for name in ("project", "region", "temp_location") if not getattr(cloud, name)]
    if not worker.sdk_container_image:
        missing.append("--sdk_container_image (an image of our Dockerfile)")
    if missing:
        raise UsageError(f"DataflowRunner: give {', '.join(missing)} after --")
    cloud.job_name = f"{cloud.job_name or 'webtext'}-{job}"
    if setup.save_main_session:
        raise UsageError("DataflowRunner: workers do not use the main session; remove --save_main_session")
    setup.save_main_session = False
    if setup.sdk_location == "default":
        setup.sdk_location = "container"
    # NB: Dataflow's default is twelve tasks at once in each process, each with the memory of a shard.
    debug.number_of_worker_harness_threads = debug.number_of_worker_harness_threads or 1
    debug.add_experiment(NOT_STAGED)
    _check_gcs_paths(options)
    return options


def _check_gcs_paths(options: PipelineOptions) -> None:
    """NB: for a bad path Beam would look for a default bucket on the network."""
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    validator = PipelineOptionsValidator(options, DataflowRunner())
    cloud = options.view_as(GoogleCloudOptions)
    for name in ("temp_location", *(["staging_location"] if cloud.staging_location else [])):
        errors = validator.validate_gcs_path(cloud, name)
        if errors:
            raise UsageError(f"DataflowRunner: {' '.join(errors)}")


@dataclass(frozen=True)
class Description:
    """A job: the request to the service, the graph that it would read from the staging directory, and the files staged there."""

    job: dict[str, Any]
    pipeline: dict[str, Any]
    staged: dict[str, int]  # bytes by name

    def to_json(self) -> bytes:
        return json.dumps({"job": self.job, "pipeline": self.pipeline, "staged": self.staged}, indent=1, sort_keys=True).encode() + b"\n"


def describe(graph: Graph, arguments: Sequence[str], job: str) -> Description:
    """The job that a graph would be. Raises UsageError for options that Dataflow would refuse, WebtextError for a graph too large."""
    try:
        from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
        from apache_beam.runners.dataflow.internal.apiclient import DataflowApplicationClient
    except ImportError:
        raise WebtextError("DataflowRunner needs Beam's packages for it: pip install -r requirements/dataflow.txt") from None
    options = dataflow_options(arguments, job)
    options.view_as(TestOptions).dry_run = True
    options.view_as(GoogleCloudOptions).no_auth = True
    staged: dict[str, int] = {}

    class Client(DataflowApplicationClient):  # type: ignore[misc]
        """Beam's, but what is staged is only counted."""

        def stage_file(self, _place: str, name: str, stream: Any, *_: Any, **__: Any) -> None:
            staged[name] = len(stream.read())

    pipeline = new_pipeline(DataflowRunner(), options)
    graph(pipeline)
    made = pipeline.run().job
    Client(options, made.root_staging_location).create_job_description(made)
    description = Description(json.loads(made.json()), json_format.MessageToDict(made.proto_pipeline), dict(sorted(staged.items())))
    size = len(json.dumps([description.job, description.pipeline]))
    if size > LIMIT:
        raise WebtextError(f"the graph of {job} takes {size:,} bytes, Dataflow allows {LIMIT:,}; give fewer and larger source files")
    return description
