"""The JSON Schema: what editors say agrees with what the daemons say, as far as a schema can."""

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.conftest import SOURCE_DIR

EXAMPLES = sorted([*SOURCE_DIR.glob("config/*.yaml"), *SOURCE_DIR.glob("config/examples/*.yaml")])
# Rules that one value alone breaks.
SHAPELESS = [
    "unknown-key", "unknown-key-nested", "unknown-key-in-shorthand", "missing-lan", "missing-nodes",
    "map-expected", "text-expected", "empty-list", "wrong-version", "number-as-text",
    "number-out-of-range", "boolean-typo", "duration-without-unit", "size-without-unit", "size-decimal-unit",
    "name-upper-case", "name-not-a-host", "endpoint-without-port", "record-no-cname", "forward-without-servers",
    "list-bad-scheme", "service-upstream-no-scheme",
]  # fmt: skip


@pytest.fixture(scope="module")
def validator(binaries):
    schema = json.loads(subprocess.run([binaries["hearth"], "schema"], capture_output=True, check=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_satisfy_it(validator, path: Path) -> None:
    validator.validate(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize("name", SHAPELESS)
def test_it_refuses_what_the_daemons_refuse(validator, name: str) -> None:
    document = yaml.safe_load((SOURCE_DIR / f"tests/config/bad/{name}.yaml").read_text())
    assert list(validator.iter_errors(document))
