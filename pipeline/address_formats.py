"""The addresses as partners take them into their firewalls. Pure."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields

from pipeline.addresses import Address

# What nftables and Terraform both take for a name: the environment's, with _ for -.
Written = Callable[[str, Sequence[Address]], str]


def _text(_name: str, found: Sequence[Address]) -> str:
    return "".join(f"{one.address}\t{one.zone}\t{one.allocation}\t{'serving' if one.serving else 'not in use'}\n" for one in found)


def _json(_name: str, found: Sequence[Address]) -> str:
    return json.dumps([asdict(one) for one in found], indent=2) + "\n"


def _csv(_name: str, found: Sequence[Address]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, [field.name for field in fields(Address)], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**asdict(one), "serving": str(one.serving).lower()} for one in found)
    return file.getvalue()


def _nft(name: str, found: Sequence[Address]) -> str:
    """A set belongs to one table, so whoever has a table of their own takes the variable: ip daddr $production_addresses accept."""
    elements = ", ".join(one.address for one in found)
    return (
        f"define {name}_addresses = {{ {elements} }}\n"
        f"table inet {name} {{\n    set addresses {{\n        type ipv4_addr\n        elements = ${name}_addresses\n    }}\n}}\n"
    )


def _terraform(name: str, found: Sequence[Address]) -> str:
    lines = "".join(f'    "{one.address}/32",\n' for one in found)
    return f"locals {{\n  {name}_addresses = [\n{lines}  ]\n}}\n"


FORMATS: dict[str, Written] = {"text": _text, "json": _json, "csv": _csv, "nft": _nft, "terraform": _terraform}


def written(form: str, project: str, environment: str, found: Sequence[Address]) -> str:
    return FORMATS[form](f"{project}_{environment}".replace("-", "_"), found)
