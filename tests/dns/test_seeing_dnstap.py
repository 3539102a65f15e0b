"""dnstap as fstrm_capture receives it and dnstap-ldns reads it."""

from pathlib import Path

import pytest

from tests.dns.dns_house import CLIENT, House
from tests.lab.netns import Network
from tests.lab.process import Process
from tests.lab.waiting import wait_until


@pytest.fixture
def house(network: Network, binaries) -> House:
    return House(network, binaries["hearth-dns"])


def capture(house: House, name: str) -> tuple[Process, Path]:
    file = house.directory / name
    process = house.dns.start(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap",
                               "-u", house.directory / "tap.sock", "-w", file, *["-d"] * 5])
    wait_until((house.directory / "tap.sock").exists)
    return process, file


def frames(reader: Process) -> int:
    return reader.log().count("data frame")


def messages(house: House, file: Path) -> list[str]:
    return house.dns.run(["dnstap-ldns", "-r", file]).stdout.splitlines()


def test_questions_and_answers_are_copied_and_a_new_reader_is_found(house: House) -> None:
    reader, file = capture(house, "first.tap")
    house.start(dns=f"upstreams: [10.0.0.1]\n  dnstap: {house.directory}/tap.sock")
    assert house.dig("+tcp", "printer.home", "AAAA").rcode == "NOERROR"
    assert house.dig("ads.example").data == ["0.0.0.0"]
    assert house.control.metric("hearth_dns_dnstap_messages_total") == 4
    wait_until(lambda: frames(reader) >= 4)
    reader.stop()
    lines = messages(house, file)
    assert len(lines) == 4
    queries = [line for line in lines if " CQ " in line]
    assert len(queries) == 2
    assert all(CLIENT in line for line in queries)
    assert any(" TCP " in line and "printer.home" in line for line in queries), lines
    assert any(" UDP " in line and "ads.example" in line for line in queries), lines
    # A reader that goes and one that comes: nobody waits meanwhile.
    (house.directory / "tap.sock").unlink(missing_ok=True)
    assert house.dig("ads.example").data == ["0.0.0.0"]
    reader, file = capture(house, "second.tap")

    def is_read() -> bool:
        assert house.dig("x.ads.example").data == ["0.0.0.0"]
        return frames(reader) > 0

    wait_until(is_read, deadline=30)
    reader.stop()
    assert "x.ads.example" in "\n".join(messages(house, file))
