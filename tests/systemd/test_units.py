"""The units by themselves."""

import re

import pytest

from tests.lab.netns import run

SERVICES = ["hearth-dns", "hearth-lb", "hearth-proxy", "hearth-certs", "hearth-lists"]


@pytest.mark.parametrize("service", SERVICES)
def test_exposure_is_low(source_dir, service):
    unit = source_dir / f"systemd/{service}.service"
    report = run(["systemd-analyze", "security", "--offline=true", unit], check=False).stdout
    score = re.search(r"Overall exposure level for \S+: ([\d.]+)", report)
    assert score, report
    assert float(score[1]) <= 2.5


@pytest.mark.parametrize("service", SERVICES)
def test_runs_as_its_own_user(source_dir, service):
    text = (source_dir / f"systemd/{service}.service").read_text()
    assert f"\nUser={service}\n" in text
    assert "\nGroup=hearth\n" in text
    assert f"\nu     {service} " in (source_dir / "systemd/hearth.sysusers").read_text()
    # A "+" or "!" before a command would run it with more than the unit's own rights.
    assert not re.search(r"^Exec\w+=[-@:]*[+!]", text, re.MULTILINE)


@pytest.mark.parametrize("service", SERVICES[:4])
def test_is_never_given_up(source_dir, service):
    text = (source_dir / f"systemd/{service}.service").read_text()
    assert "\nRestart=always\n" in text
    assert "\nStartLimitIntervalSec=0\n" in text
    assert "\nWatchdogSec=" in text
