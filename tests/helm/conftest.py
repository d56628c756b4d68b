"""The chart's cases: values, and what Helm makes of them."""

import pathlib

import helm_python
import pytest
import yaml

HERE = pathlib.Path(__file__).resolve().parent
CHART = HERE.parent.parent / "deploy" / "helm" / "peppol-authz"
CASES = sorted(path.name.removesuffix(".values.yaml") for path in (HERE / "cases").glob("*.values.yaml"))


def pytest_addoption(parser):
    parser.addoption("--update", action="store_true", help="write what is rendered as the right one")


def values_of(case):
    return yaml.safe_load((HERE / "cases" / f"{case}.values.yaml").read_text("utf-8"))


def rendered(values):
    """Each template's text, as `helm template authz` shows it. Values that the schema refuses are an error."""
    with helm_python.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        made = chart.render(values, name="authz", namespace="peppol")
    return {pathlib.PurePath(path).name: text for path, text in sorted(made.items()) if text.strip()}


def objects(values):
    """The objects of Kubernetes, by kind."""
    found = [yaml.safe_load(text) for name, text in rendered(values).items() if name != "NOTES.txt"]
    by_kind = {object["kind"]: object for object in found}
    assert len(by_kind) == len(found)
    return by_kind


@pytest.fixture(params=CASES)
def case(request):
    return request.param
