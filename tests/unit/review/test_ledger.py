"""The ledger of addresses: what is written, what is never forgotten, and how partners get it."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import addresses
from pipeline.address_formats import FORMATS, written
from pipeline.addresses import Address
from pipeline.errors import PipelineError
from pipeline.review import ledger, sides
from pipeline.review.model import Pin
from stacks.environment import Environment

A = Pin(zone="a", address="203.0.113.3", allocation="eipalloc-1")
C = Pin(zone="c", address="203.0.113.4", allocation="eipalloc-2")
LIVE = tuple(Address(zone=f"ap-northeast-1{pin.zone}", address=pin.address, allocation=pin.allocation, serving=pin is A) for pin in (A, C))
FILE = "stacks/pinned/test.json"


@pytest.fixture
def env() -> Any:
    return Environment.model_construct(name="test", project="demo", account="111122223333", region="ap-northeast-1")


PINS = st.lists(
    st.builds(Pin, zone=st.sampled_from("acd"), address=st.ip_addresses(v=4).map(str), allocation=st.text(), leaves=st.none() | st.dates()),
    unique_by=lambda pin: (pin.zone, pin.address),
)


@given(PINS)
def test_what_is_written_is_read_back_and_the_order_does_not_matter(pins: list[Pin]) -> None:
    text = ledger.text("test", "111122223333", "ap-northeast-1", pins)
    assert text == ledger.text("test", "111122223333", "ap-northeast-1", list(reversed(pins)))
    assert sorted(sides.pins("test", text), key=repr) == sorted(pins, key=repr)


def test_the_file_says_whose_addresses_it_holds() -> None:
    leaving = Pin(zone="c", address="203.0.113.4", allocation="eipalloc-2", leaves=date(2027, 1, 31))
    assert json.loads(ledger.text("test", "111122223333", "ap-northeast-1", [leaving, A])) == {
        "environment": "test",
        "account": "111122223333",
        "region": "ap-northeast-1",
        "addresses": [
            {"zone": "a", "address": "203.0.113.3", "allocation": "eipalloc-1"},
            {"zone": "c", "address": "203.0.113.4", "allocation": "eipalloc-2", "leaves": "2027-01-31"},
        ],
    }


def test_pinning_writes_what_is_live_and_then_nothing_more(tmp_path: Path, env: Environment) -> None:
    assert addresses.pin(tmp_path, env, LIVE) == (FILE, ("203.0.113.3", "203.0.113.4"))
    assert sides.pins("test", (tmp_path / FILE).read_text()) == (A, C)
    before = (tmp_path / FILE).read_bytes()
    assert addresses.pin(tmp_path, env, LIVE) == (FILE, ())
    assert (tmp_path / FILE).read_bytes() == before
    assert [file.name for file in (tmp_path / FILE).parent.iterdir()] == ["test.json"]


def test_pinning_keeps_what_is_there_with_its_day(tmp_path: Path, env: Environment) -> None:
    leaving = Pin(zone="a", address="203.0.113.3", allocation="eipalloc-1", leaves=date(2027, 1, 31))
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(ledger.text("test", env.account, env.region, [leaving]))
    assert addresses.pin(tmp_path, env, LIVE)[1] == ("203.0.113.4",)
    assert sides.pins("test", (tmp_path / FILE).read_text()) == (leaving, C)


def test_what_is_pinned_and_not_live_is_refused_and_nothing_is_written(tmp_path: Path, env: Environment) -> None:
    addresses.pin(tmp_path, env, LIVE)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(PipelineError, match=r"names 203\.0\.113\.4 \(eipalloc-2, zone c\), and test does not have that now") as refused:
        addresses.pin(tmp_path, env, LIVE[:1])
    assert "aws ec2 describe-addresses --allocation-ids eipalloc-2" in str(refused.value)
    assert (tmp_path / FILE).read_bytes() == before


@pytest.mark.parametrize("change", [{"account": "999999999999"}, {"region": "eu-west-1"}])
def test_a_ledger_of_another_account_or_region_is_refused(tmp_path: Path, env: Environment, change: dict[str, str]) -> None:
    addresses.pin(tmp_path, env, LIVE)
    with pytest.raises(PipelineError, match="its addresses cannot move there"):
        addresses.pin(tmp_path, env.model_copy(update=change), ())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"addresses": [{"zone": "a"}]}', '{"addresses": [{"zone": "a", "leaves": "soon"}]}'])
def test_a_ledger_that_says_nothing_sensible_is_named(tmp_path: Path, env: Environment, text: str) -> None:
    (tmp_path / FILE).parent.mkdir(parents=True)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(PipelineError, match=r"stacks/pinned/test\.json: is not a ledger of addresses"):
        addresses.pin(tmp_path, env, LIVE)


# ---- for partners


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_every_format_has_every_address_once_or_more(form: str) -> None:
    text = written(form, "demo", "eu-production", LIVE)
    assert set(re.findall(r"203\.0\.113\.\d+", text)) == {"203.0.113.3", "203.0.113.4"}
    assert text.endswith("\n")


def test_text_and_json_are_as_they_were() -> None:
    lines = written("text", "demo", "production", LIVE).splitlines()
    assert lines == ["203.0.113.3\tap-northeast-1a\teipalloc-1\tserving", "203.0.113.4\tap-northeast-1c\teipalloc-2\tnot in use"]
    document = json.loads(written("json", "demo", "production", LIVE))
    assert document[0] == {"zone": "ap-northeast-1a", "address": "203.0.113.3", "allocation": "eipalloc-1", "serving": True}


def test_a_spreadsheet_reads_the_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv", "demo", "production", LIVE))))
    assert rows[1] == {"zone": "ap-northeast-1c", "address": "203.0.113.4", "allocation": "eipalloc-2", "serving": "false"}


def test_nftables_gets_a_variable_and_a_set() -> None:
    assert written("nft", "demo", "eu-production", LIVE) == (
        "define demo_eu_production_addresses = { 203.0.113.3, 203.0.113.4 }\n"
        "table inet demo_eu_production {\n"
        "    set addresses {\n"
        "        type ipv4_addr\n"
        "        elements = $demo_eu_production_addresses\n"
        "    }\n"
        "}\n"
    )


def test_terraform_gets_ranges_of_one_address() -> None:
    text = written("terraform", "demo", "eu-production", LIVE)
    assert text == 'locals {\n  demo_eu_production_addresses = [\n    "203.0.113.3/32",\n    "203.0.113.4/32",\n  ]\n}\n'


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_terraform_itself_reads_it(tmp_path: Path) -> None:
    (tmp_path / "addresses.tf").write_text(written("terraform", "demo", "eu-production", LIVE))
    answer = subprocess.run(["terraform", "fmt", "-check", "-diff", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout) == (0, ""), answer.stderr
