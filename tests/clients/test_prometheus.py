"""The dashboard and the alerts of `deploy/`, by a Prometheus that scrapes a sidecar."""

import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from sidecar import PATIENCE, PROJECT, quickstart

ALERTS = PROJECT / "deploy/prometheus/alerts.yml"
DASHBOARD = PROJECT / "deploy/grafana/peppol-authz.json"

# Shown by a sidecar that has just started: the other panels have nothing to show yet.
SHOWN = [
    "Versions and policies in force", "Decisions by codes", "Requests by path and status", "Time of an answer", "Time of a decision",
    "Store: age of the state", "Store: readable, failures", "Memory: entities found, asked of the store", "Waiting",
    "Delay of the workers", "Reloads by result", "Decision log", "Callers", "Processors", "Memory of the process",
    "File descriptors", "Limits: used of each",
]  # fmt: skip


class Prometheus:
    """A server that scrapes often, in a directory of its own."""

    def __init__(self, directory, targets):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        settings = directory / "prometheus.yml"
        settings.write_text(
            "global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}\n"
            f"rule_files: ['{ALERTS}']\n"
            "scrape_configs:\n"
            "  - job_name: peppol-authz\n"
            f"    static_configs: [{{targets: {targets}}}]\n"
        )
        self._process = subprocess.Popen(
            [
                "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}", "--log.level=error",
            ]  # fmt: skip
        )

    def get(self, path, **parameters):
        query = urllib.parse.urlencode(parameters)
        url = f"http://127.0.0.1:{self._port}/api/v1/{path}?{query}"
        with urllib.request.urlopen(url, timeout=PATIENCE) as response:
            answer = json.load(response)
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        return answer["data"]

    def stop(self):
        self._process.terminate()
        self._process.wait(PATIENCE)


def eventually(look):
    end = time.monotonic() + PATIENCE
    while True:
        try:
            found = look()
        except urllib.error.URLError as error:
            found, failed = None, error
            if time.monotonic() > end:
                raise failed from None
        if found:
            return found
        assert time.monotonic() < end
        time.sleep(0.05)


QUESTION = {
    "principal": 'Peppol::User::"anna"',
    "action": 'Peppol::Action::"getOrganisation"',
    "resource": 'Peppol::Organisation::"acme"',
}


def address(sidecar):
    return sidecar.url.removeprefix("http://")


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    """A sidecar that is well, one that is not, and a Prometheus that scrapes both: it takes five seconds to begin."""
    directory = tmp_path_factory.mktemp("prometheus")
    policies = directory / "policies"
    policies.mkdir()
    (policies / "p.cedar").write_text("permit (principal, action, resource);\n")
    well = quickstart(PEPPOL_AUTHZ_DECISION_LOG__TO=f"file:{directory / 'd.log'}")
    broken = quickstart(PEPPOL_AUTHZ_POLICIES=str(policies), PEPPOL_AUTHZ_DECISION_LOG__TO="file:/dev/full", PEPPOL_AUTHZ_SERVER__DRAIN_TIMEOUT="0s")
    (policies / "p.cedar").write_text("permit (principal, action, resource\n")
    broken.post("/v1/is_authorized", QUESTION)
    prometheus = Prometheus(directory, [address(well), address(broken)])
    yield well, broken, prometheus
    prometheus.stop()
    broken.stop()
    well.stop()


def test_promtool_takes_the_alerts():
    done = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_panel_has_an_answer_and_no_rule_fails(scraped):
    well, broken, prometheus = scraped

    def asked():
        assert well.post("/v1/is_authorized", QUESTION)[0] == 200
        rate = "sum(rate(peppol_authz_decisions_total[2s]))"
        found = prometheus.get("query", query=rate)["result"]
        return found and float(found[0]["value"][1]) > 0

    eventually(asked)
    panels = json.loads(DASHBOARD.read_text())["panels"]
    shown = set()
    for panel in panels:
        for target in panel["targets"]:
            query = target["expr"].replace("$instance", address(well)).replace("$__rate_interval", "1m")
            if prometheus.get("query", query=query)["result"]:
                shown.add(panel["title"])
    assert shown >= set(SHOWN), set(SHOWN) - shown
    assert set(prometheus.get("label/instance/values")) == {address(well), address(broken)}

    def rules():
        [group] = prometheus.get("rules")["groups"]
        return group["rules"] if all(rule["lastEvaluation"][0] != "0" for rule in group["rules"]) else None

    rules = eventually(rules)
    assert len(rules) == ALERTS.read_text().count("- alert:")
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    # A real Prometheus has read all of it.
    for target in prometheus.get("targets")["activeTargets"]:
        assert (target["health"], target["lastError"]) == ("up", "")


def test_an_alert_comes_where_something_is_wrong(scraped):
    well, broken, prometheus = scraped

    def alerts(instance):
        found = prometheus.get("alerts")["alerts"]
        of = [alert for alert in found if alert["labels"]["instance"] == instance]
        return {alert["labels"]["alertname"]: alert["state"] for alert in of}

    eventually(lambda: alerts(address(broken)).get("PeppolAuthzDecisionLogFailing") == "firing")
    # Some wait before they are told.
    eventually(lambda: alerts(address(broken)).get("PeppolAuthzReloadRefused") == "pending")
    assert alerts(address(well)) == {}
