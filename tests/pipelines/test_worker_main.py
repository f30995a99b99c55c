"""The boot program against a provision service on loopback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc, endpoints_pb2
from google.protobuf import struct_pb2, text_format

from pipelines.worker_main import arguments_of, environment_of, provision


class Provision(beam_provision_api_pb2_grpc.ProvisionServiceServicer):  # type: ignore[misc]
    def GetProvisionInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the service's name
        options = struct_pb2.Struct()
        options.update({"beam:option:worker:v1": dict(context.invocation_metadata())["worker_id"]})
        info = beam_provision_api_pb2.ProvisionInfo(pipeline_options=options, runner_capabilities=["one", "two"])
        info.control_endpoint.url = "told:1"
        info.logging_endpoint.url = "told:2"
        info.status_endpoint.url = "told:3"
        return beam_provision_api_pb2.GetProvisionInfoResponse(info=info)


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(1))
    beam_provision_api_pb2_grpc.add_ProvisionServiceServicer_to_server(Provision(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None)


def url(descriptor: str) -> str:
    return str(text_format.Parse(descriptor, endpoints_pb2.ApiServiceDescriptor()).url)


def test_a_worker_gets_what_the_engine_says(endpoint: str) -> None:
    given = arguments_of(["--id", "7-1", "--provision_endpoint", endpoint, "--control_endpoint", "given:9"])
    variables = environment_of(given, provision(endpoint, "7-1"))
    assert variables["WORKER_ID"] == "7-1"
    assert '"beam:option:worker:v1": "7-1"' in variables["PIPELINE_OPTIONS"]
    assert variables["RUNNER_CAPABILITIES"] == "one two"
    assert url(variables["CONTROL_API_SERVICE_DESCRIPTOR"]) == "given:9"  # an argument goes before what the service says
    assert url(variables["LOGGING_API_SERVICE_DESCRIPTOR"]) == "told:2"
    assert url(variables["STATUS_API_SERVICE_DESCRIPTOR"]) == "told:3"


def test_started_by_hand_it_says_who_starts_it() -> None:
    program = "from pipelines import worker_main as boot; boot.PROVISION_TIMEOUT = 0.5; boot.main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, "--id", "1", "--provision_endpoint", "127.0.0.1:9"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("webtext-worker: 127.0.0.1:9: no provision service")
