"""`webtext-worker`: the boot program of a Beam worker where webtext is installed already.

Follows Beam's container contract (https://beam.apache.org/documentation/runtime/environments, "SDK harness container contract"): an
engine starts it with the addresses of its services; it asks for the options of the pipeline and becomes the worker. Beam's own image
has such a program, which fetches staged packages first; here nothing is staged: what runs is what is installed beside this program.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from google.protobuf import json_format, text_format

from webtext.core.errors import WebtextError
from webtext.core.packages import check_packages

PROVISION_TIMEOUT = 60.0  # seconds


def arguments_of(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="webtext-worker", description="A Beam worker; started by an engine, not by a person.")
    parser.add_argument("--id", required=True, help="identity of the worker")
    parser.add_argument("--provision_endpoint", required=True, help="address of the engine's provision service, host:port")
    for service in ("control", "logging", "artifact"):
        parser.add_argument(f"--{service}_endpoint", help=f"address of its {service} service; default: what the provision service says")
    parser.add_argument("--semi_persist_dir", help="unused: nothing is staged")
    return parser.parse_args(words)


def provision(endpoint: str, worker: str) -> beam_provision_api_pb2.ProvisionInfo:
    """The engine's description of the job. Raises grpc.RpcError where it does not answer."""
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        answer = service.GetProvisionInfo(request, metadata=[("worker_id", worker)], timeout=PROVISION_TIMEOUT, wait_for_ready=True)
        return answer.info


def environment_of(given: argparse.Namespace, info: beam_provision_api_pb2.ProvisionInfo) -> dict[str, str]:
    """The environment variables that Beam's worker reads."""
    variables = {
        "WORKER_ID": given.id,
        "PIPELINE_OPTIONS": json_format.MessageToJson(info.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(info.runner_capabilities),
    }
    for service in ("control", "logging"):
        url = getattr(given, f"{service}_endpoint") or getattr(info, f"{service}_endpoint").url
        variables[f"{service.upper()}_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(endpoints_pb2.ApiServiceDescriptor(url=url))
    if info.HasField("status_endpoint"):
        variables["STATUS_API_SERVICE_DESCRIPTOR"] = text_format.MessageToString(info.status_endpoint)
    return variables


def main(words: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> None:
    given = arguments_of(sys.argv[1:] if words is None else words)
    try:
        check_packages()
    except WebtextError as error:
        sys.exit(f"webtext-worker: {error}")
    try:
        info = provision(given.provision_endpoint, given.id)
    except grpc.RpcError as error:
        sys.exit(f"webtext-worker: {given.provision_endpoint}: no provision service ({error.code().name}); engines start this program")
    # -I: the current directory and PYTHONPATH of the engine do not change what a worker imports.
    command = [sys.executable, "-I", "-m", "apache_beam.runners.worker.sdk_worker_main"]
    os.execve(sys.executable, command, {**environment, **environment_of(given, info)})
