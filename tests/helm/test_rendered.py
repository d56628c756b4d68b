"""The chart as Helm renders it: linted, as it was, valid for Kubernetes, and at one with itself."""

import copy
import pathlib
import re
import tomllib

import helm_python
import kubernetes_validate
import pytest
import yaml

from conftest import CHART, HERE, objects, rendered, values_of

# The first one that has sidecars as the chart writes them, and the newest one whose schema is at hand.
KUBERNETES = ["1.29", "1.37"]


def test_helm_finds_no_fault(case):
    report = helm_python.lint(str(CHART), values_of(case), strict=True)
    # 1 is information.
    assert [message for message in report["messages"] if message["severity"] > 1] == []
    assert report["errors"] == []


def test_rendered_as_before(case, request):
    found = "".join(f"# {name}\n{text.strip()}\n---\n" for name, text in rendered(values_of(case)).items())
    # Lines that only hold blanks are of no meaning, and of no use in a diff.
    found = re.sub(r"\n(\s*\n)+", "\n", found)
    kept = HERE / "cases" / f"{case}.rendered.yaml"
    if request.config.getoption("--update"):
        kept.write_text(found, "utf-8")
    assert found == kept.read_text("utf-8"), "if it should be another one: .ci/chart --update"


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_it(case, version):
    for kind, found in objects(values_of(case)).items():
        # Prometheus's operator brings the schema of this one.
        if kind != "ServiceMonitor":
            kubernetes_validate.validate(found, version, strict=True)


def test_the_version_is_the_programs():
    cargo = tomllib.loads((CHART.parents[2] / "Cargo.toml").read_text("utf-8"))
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == cargo["workspace"]["package"]["version"]


def changed(case, path, value):
    values = copy.deepcopy(values_of(case))
    *way, last = path.split(".")
    inner = values
    for name in way:
        inner = inner.setdefault(name, {})
    inner[last] = value
    return values


@pytest.mark.parametrize(
    ("case", "path", "value"),
    [
        ("service", "mode", "both"),
        ("service", "tls.secret", ""),
        ("service", "tenancy.secret.name", ""),
        ("service", "migration.secret.name", ""),
        ("service", "replica", 3),
        ("service", "replicas", 0),
        ("service", "image.digest", "sha256:0"),
        ("service", "settings", {"log": {"format": "json"}}),
        ("service", "drain.delaySeconds", "10s"),
        ("service", "serviceMonitor.key.secret", ""),
        ("sidecar", "gateway.container", {}),
        ("sidecar", "tenancy.source", ""),
        ("sidecar", "tenancy.source", "postgres://user:password@host/database"),
        ("sidecar", "serviceMonitor.enabled", True),
    ],
)
def test_values_that_are_refused(case, path, value):
    rendered(values_of(case))
    with pytest.raises(helm_python.HelmError):
        rendered(changed(case, path, value))


def test_a_service_knows_its_callers():
    values = values_of("service")
    values["tls"].pop("clientCa")
    rendered(values)
    values["serviceMonitor"]["enabled"] = False
    values.pop("callers")
    with pytest.raises(helm_python.HelmError):
        rendered(values)


def pods(made):
    return [made[kind]["spec"]["template"] for kind in ("Deployment", "Job") if kind in made]


def own_containers(spec):
    return [c for c in spec.get("initContainers", []) + spec["containers"] if c["name"] in ("peppol-authz", "migration")]


def test_nothing_has_more_rights_than_it_needs(case):
    for pod in pods(objects(values_of(case))):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        [container] = own_containers(pod["spec"])
        context = container["securityContext"]
        assert context["runAsNonRoot"] and context["readOnlyRootFilesystem"]
        assert context["capabilities"] == {"drop": ["ALL"]} and context["allowPrivilegeEscalation"] is False
        # As in the image.
        assert context["runAsUser"] == pod["spec"]["securityContext"]["fsGroup"] == 65532


def test_what_is_named_is_mounted(case):
    for pod in pods(objects(values_of(case))):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        containers = pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
        mounts = [mount for container in containers for mount in container.get("volumeMounts", [])]
        assert {mount["name"] for mount in mounts} == volumes
        [container] = own_containers(pod["spec"])
        directories = [pathlib.PurePath(mount["mountPath"]) for mount in container["volumeMounts"]]
        variables = [variable["name"] for variable in container["env"]]
        assert len(set(variables)) == len(variables)
        for path in re.findall(r"/(?:etc|var)/[^\"]+", " ".join(v.get("value", "") for v in container["env"])):
            path = pathlib.PurePath(path.split()[0])
            assert any(directory in [path, *path.parents] for directory in directories), path


def test_the_grace_period_holds_the_drain(case):
    values = values_of(case)
    deployment = objects(values)["Deployment"]["spec"]
    [container] = own_containers(deployment["template"]["spec"])
    variables = {variable["name"]: variable.get("value") for variable in container["env"]}
    drain = [int(variables[f"PEPPOL_AUTHZ_SERVER__DRAIN_{name}"].removesuffix("s")) for name in ("DELAY", "TIMEOUT")]
    gateway = values.get("gateway", {}).get("graceSeconds", 30) if values.get("mode") == "sidecar" else 0
    assert sum(drain) + gateway < deployment["template"]["spec"]["terminationGracePeriodSeconds"]
    assert deployment["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    if values.get("mode") == "sidecar":
        assert container["restartPolicy"] == "Always", "it would end before its gateway"
    else:
        probe = container["readinessProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] < drain[0], "balancers notice too late"


def test_what_selects_pods_selects_these(case):
    made = objects(values_of(case))
    labels = made["Deployment"]["spec"]["template"]["metadata"]["labels"]
    selectors = [
        made["Service"]["spec"]["selector"],
        made["Deployment"]["spec"]["selector"]["matchLabels"],
        made["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        made["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    if "ServiceMonitor" in made:
        monitor = made["ServiceMonitor"]["spec"]
        assert monitor["selector"]["matchLabels"].items() <= made["Service"]["metadata"]["labels"].items()
        assert monitor["endpoints"][0]["port"] in [port["name"] for port in made["Service"]["spec"]["ports"]]
    for selector in selectors:
        assert selector.items() <= labels.items()
        if "Job" in made:
            assert not selector.items() <= made["Job"]["spec"]["template"]["metadata"]["labels"].items()
    [container] = own_containers(made["Deployment"]["spec"]["template"]["spec"])
    ports = {port["name"] for port in container.get("ports", [])}
    wanted = [port["targetPort"] for port in made["Service"]["spec"]["ports"]]
    wanted += [port["port"] for rule in made["NetworkPolicy"]["spec"]["ingress"] for port in rule["ports"]]
    wanted += [container[probe]["httpGet"]["port"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
               if "httpGet" in container[probe]]
    assert {port for port in wanted if isinstance(port, str)} <= ports
