"""Telemetry by OTLP over gRPC, received by gRPC's own server and read by OpenTelemetry's own messages."""

import concurrent.futures
import subprocess
import threading
import time
import urllib.request

import grpc
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1 import trace_pb2

from sidecar import PATIENCE, quickstart

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
QUESTION = {
    "principal": 'Peppol::User::"anna"',
    "action": 'Peppol::Action::"getOrganisation"',
    "resource": {"type": "Peppol::Organisation", "id": "acme"},
}


class Collector(
    trace_service_pb2_grpc.TraceServiceServicer,
    metrics_service_pb2_grpc.MetricsServiceServicer,
    logs_service_pb2_grpc.LogsServiceServicer,
):
    """A collector that keeps what it is told."""

    def __init__(self, credentials=None):
        self.spans, self.metrics, self.records, self.metadata, self.resources = [], {}, [], [], []
        self.rejects = 0
        self.refuses = None
        self.asked = threading.Event()
        self._lock = threading.Lock()
        self._server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        for add in (
            trace_service_pb2_grpc.add_TraceServiceServicer_to_server,
            metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server,
            logs_service_pb2_grpc.add_LogsServiceServicer_to_server,
        ):
            add(Collector._Service(self), self._server)
        if credentials:
            port = self._server.add_secure_port("127.0.0.1:0", credentials)
        else:
            port = self._server.add_insecure_port("127.0.0.1:0")
        self.url = f"{'https' if credentials else 'http'}://127.0.0.1:{port}"
        self._server.start()

    def stop(self):
        self._server.stop(None)

    class _Service:
        def __init__(self, collector):
            self._collector = collector

        def Export(self, request, context):
            return self._collector.export(request, context)

    def export(self, request, context):
        self.asked.set()
        if self.refuses:
            context.abort(self.refuses, "not now")
        with self._lock:
            self.metadata.append(dict(context.invocation_metadata()))
            return self.take(request)

    def take(self, request):
        if isinstance(request, trace_service_pb2.ExportTraceServiceRequest):
            for of_resource in request.resource_spans:
                self.resources.append(of_resource.resource)
                for of_scope in of_resource.scope_spans:
                    self.spans.extend(of_scope.spans)
            response = trace_service_pb2.ExportTraceServiceResponse()
            response.partial_success.rejected_spans = self.rejects
            return response
        if isinstance(request, metrics_service_pb2.ExportMetricsServiceRequest):
            for of_resource in request.resource_metrics:
                for of_scope in of_resource.scope_metrics:
                    self.metrics = {metric.name: metric for metric in of_scope.metrics}
            return metrics_service_pb2.ExportMetricsServiceResponse()
        for of_resource in request.resource_logs:
            for of_scope in of_resource.scope_logs:
                self.records.extend((of_scope.scope.name, record) for record in of_scope.log_records)
        return logs_service_pb2.ExportLogsServiceResponse()


def eventually(look):
    end = time.monotonic() + PATIENCE
    while True:
        found = look()
        if found or time.monotonic() > end:
            assert found
            return found
        time.sleep(0.02)


def known(message):
    """Nothing in it that OpenTelemetry does not have."""
    assert not len(UnknownFieldSet(message)), message
    for field, value in message.ListFields():
        if field.message_type:
            # Of several, or of one.
            for part in value if hasattr(value, "__len__") else [value]:
                known(part)


def attributes(message):
    def value(of):
        kind = of.WhichOneof("value")
        return [value(part) for part in of.array_value.values] if kind == "array_value" else getattr(of, kind)

    return {pair.key: value(pair.value) for pair in message.attributes}


@pytest.fixture
def collector():
    started = Collector()
    yield started
    started.stop()


def test_all_signals_are_read_by_opentelemetrys_own_messages(collector):
    sidecar = quickstart(
        PEPPOL_AUTHZ_OTLP__ENDPOINT=collector.url,
        PEPPOL_AUTHZ_LOG__REQUESTS="all",
        PEPPOL_AUTHZ_OTLP__RESOURCE="deployment.environment.name=test",
    )
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=1"}
    status, answer = sidecar.post("/v1/is_authorized", QUESTION, headers)
    assert (status, answer["decision"]) == (200, "Allow")
    sidecar.post("/v1/batch_is_authorized", {"requests": [QUESTION] * 3})
    with urllib.request.urlopen(sidecar.url + "/metrics", timeout=PATIENCE) as response:
        families = [line.split()[2] for line in response.read().decode().splitlines() if line.startswith("# TYPE")]
    sidecar.stop()
    for span in collector.spans:
        known(span)
    [request] = [span for span in collector.spans if span.name == "POST /v1/is_authorized"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, SPAN)
    assert request.kind == trace_pb2.Span.SPAN_KIND_SERVER
    assert request.trace_state == "a=1"
    flags = trace_pb2.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK | trace_pb2.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK | 1
    assert request.flags == flags
    told = attributes(request)
    assert told["peppol_authz.decision.id"] == answer["decisionId"]
    assert told["peppol_authz.policies"] == ["organisation/orgadmin-manages"]
    assert told["peppol_authz.codes"] == []
    assert told["http.response.status_code"] == 200
    stages = [span for span in collector.spans if span.parent_span_id == request.span_id]
    assert {"read", "slice", "store", "decide", "answer"} <= {span.name for span in stages}
    for stage in stages:
        assert request.start_time_unix_nano <= stage.start_time_unix_nano
        assert stage.start_time_unix_nano <= stage.end_time_unix_nano <= request.end_time_unix_nano
    [batch] = [span for span in collector.spans if span.name == "POST /v1/batch_is_authorized"]
    assert [event.name for event in batch.events] == ["decision"] * 3
    resource = attributes(collector.resources[0])
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("peppol-authz", "test")
    # Metrics: each that has a value, under the name that Prometheus has it by.
    names = {name for metric in collector.metrics for name in (metric, metric.removesuffix("_total"), metric.removesuffix("_info"))}
    assert {"peppol_authz_decisions", "peppol_authz_decision_duration_seconds", "process_cpu_seconds"} <= names
    assert names & set(families) == names - {name for name in names if name.endswith(("_total", "_info"))}
    decisions = collector.metrics["peppol_authz_decisions_total"].sum
    assert decisions.is_monotonic and decisions.data_points[0].as_int == 4
    duration = collector.metrics["peppol_authz_decision_duration_seconds"].histogram.data_points[0]
    assert duration.count == sum(duration.bucket_counts) == 4
    assert len(duration.bucket_counts) == len(duration.explicit_bounds) + 1
    for metric in collector.metrics.values():
        known(metric)
    # The log, in the trace.
    for _, record in collector.records:
        known(record)
    ours = [record for _, record in collector.records if record.trace_id.hex() == TRACE]
    assert [record.body.string_value for record in ours] == ["answered"]
    assert ours[0].span_id == request.span_id
    bodies = [record.body.string_value for _, record in collector.records]
    assert {"ready", "stopped"} <= set(bodies)


def test_a_collector_behind_tls_gets_headers(tmp_path):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(*new, "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(*new, "-subj", "/CN=collector", "-keyout", "key.pem", "-out", "collector.csr")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"]
    openssl("x509", "-req", "-in", "collector.csr", *signing, "-out", "cert.pem")
    pair = ((tmp_path / "key.pem").read_bytes(), (tmp_path / "cert.pem").read_bytes())
    collector = Collector(grpc.ssl_server_credentials([pair]))
    (tmp_path / "headers").write_text("authorization: Bearer s3cret\n")
    sidecar = quickstart(
        PEPPOL_AUTHZ_OTLP__ENDPOINT=collector.url,
        PEPPOL_AUTHZ_OTLP__CA_CERTIFICATE=str(tmp_path / "ca.pem"),
        PEPPOL_AUTHZ_OTLP__HEADERS_FILE=str(tmp_path / "headers"),
    )
    assert sidecar.post("/v1/is_authorized", QUESTION)[0] == 200
    sidecar.stop()
    assert [span.name for span in collector.spans if not span.parent_span_id] == ["POST /v1/is_authorized"]
    assert all(metadata["authorization"] == "Bearer s3cret" for metadata in collector.metadata)
    collector.stop()
    assert "s3cret" not in "".join(sidecar.log)


def test_what_is_rejected_or_refused_is_counted(collector):
    collector.rejects = 2
    sidecar = quickstart(
        PEPPOL_AUTHZ_OTLP__ENDPOINT=collector.url,
        PEPPOL_AUTHZ_OTLP__LOGS="false",
        PEPPOL_AUTHZ_OTLP__METRICS="false",
    )

    def sample(series):
        with urllib.request.urlopen(sidecar.url + "/metrics", timeout=PATIENCE) as response:
            lines = response.read().decode().splitlines()
        return next((int(line.removeprefix(series)) for line in lines if line.startswith(series)), 0)

    def items(result):
        return sample(f'peppol_authz_otlp_items_total{{signal="traces",result="{result}"}} ')

    sidecar.post("/v1/is_authorized", QUESTION)
    eventually(lambda: items("rejected") >= 2)
    assert items("sent") > 0 and items("dropped") == 0
    collector.refuses = grpc.StatusCode.PERMISSION_DENIED
    sidecar.post("/v1/is_authorized", QUESTION)
    eventually(lambda: items("dropped") > 0)
    # A collector that is busy is asked again.
    collector.refuses = grpc.StatusCode.UNAVAILABLE
    dropped, sent = items("dropped"), items("sent")
    collector.asked.clear()
    sidecar.post("/v1/is_authorized", QUESTION)
    assert collector.asked.wait(PATIENCE)
    collector.refuses = None
    eventually(lambda: items("sent") > sent)
    assert items("dropped") == dropped
    sidecar.stop()
