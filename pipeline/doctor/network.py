"""Whether clients can get in: the account's own lock on the Internet, names, and the certificate."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline import addresses
from pipeline.aws import RefusedError
from pipeline.doctor.model import Place, Told, broken, not_deployed, ok, unknown, warning

DNS_SECONDS = 4.0
SOON, VERY_SOON = timedelta(days=30), timedelta(days=7)


def public_access(place: Place) -> Iterator[Told]:
    """ec2:DescribeVpcBlockPublicAccessOptions, and the exclusions from it."""
    found = place.aws.call("ec2", "describe_vpc_block_public_access_options")["VpcBlockPublicAccessOptions"]
    mode = found.get("InternetGatewayBlockMode", "off")
    if mode == "off":
        yield ok("VPC block public access is off")
        return
    vpc = _vpc(place)
    if vpc is None:
        yield warning(f"VPC block public access is {mode}: no client reaches a new network before it is excluded")
        return
    if any(
        one["ResourceArn"].endswith(f"/{vpc}")
        and one["State"] in ("create-complete", "update-complete")
        # allow-egress lets answers out and nobody in.
        and one["InternetGatewayExclusionMode"] == "allow-bidirectional"
        for one in place.aws.pages("ec2", "describe_vpc_block_public_access_exclusions", "VpcBlockPublicAccessExclusions")
    ):
        yield ok(f"VPC block public access is {mode}, and {vpc} is excluded from it")
    else:
        yield broken(
            f"VPC block public access is {mode}: no client reaches {vpc}",
            f"aws ec2 create-vpc-block-public-access-exclusion --region {place.env.region} --vpc-id {vpc} "
            "--internet-gateway-exclusion-mode allow-bidirectional",
        )


def names(place: Place) -> Iterator[Told]:
    """Name service: whether each site's name leads to the fixed addresses."""
    if place.outputs("addresses") is None:
        yield not_deployed("addresses")
        return
    ours = {one.address for one in addresses.read(place.aws, place.env)}
    hosts = [name for site in place.env.sites for name in (site.host, *site.aliases) if not name.startswith("*.")]
    found = _resolved(hosts)
    for host in hosts:
        seen = found.get(host)
        if not seen:
            yield unknown(f"{host} cannot be resolved from here")
        elif missing := seen - ours:
            yield broken(f"{host} leads to {', '.join(sorted(missing))}, which is no fixed address of {place.env.name}", "its DNS records")
        elif unnamed := ours - seen:
            yield warning(f"{host} does not lead to {', '.join(sorted(unnamed))}: that zone gets no client by this name", "its DNS records")
        else:
            yield ok(f"{host} leads to the fixed addresses")


def certificate(place: Place) -> Iterator[Told]:
    """acm:DescribeCertificate: until when it is valid, whether ACM renews it, and which names it has."""
    arn = place.env.certificate.arn or (place.outputs("certificate") or {}).get("CertificateArn")
    if arn is None:
        yield not_deployed("certificate")
        return
    try:
        found = place.aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    except RefusedError as refused:
        if refused.code != "ResourceNotFoundException":
            raise
        yield broken(f"there is no certificate {arn}", f"the certificate's arn in stacks/environments/{place.env.name}.toml")
        return
    if found["Status"] != "ISSUED":
        yield broken(
            f"the certificate is {found['Status']}", f"aws acm describe-certificate --region {place.env.region} --certificate-arn {arn}"
        )
    yield _expiry(found, datetime.now(UTC))
    held = {found["DomainName"], *found.get("SubjectAlternativeNames", [])}
    hosts = {name for site in place.env.sites for name in (site.host, *site.aliases)}
    if bare := sorted(host for host in hosts if not _covered(host, held)):
        yield broken(f"the certificate does not have {', '.join(bare)}", "a certificate with these names")
    else:
        yield ok("the certificate has every site's name")


def _expiry(found: dict[str, Any], now: datetime) -> Told:
    if "NotAfter" not in found:
        return unknown("the certificate has no end yet")
    ends = found["NotAfter"]
    # ACM renews what it issued itself while the certificate is in use and its validation records are there.
    renewed = found.get("RenewalEligibility") == "ELIGIBLE"
    failed = found.get("RenewalSummary", {}).get("RenewalStatus") == "FAILED"
    told = f"the certificate is valid until {ends:%Y-%m-%d}, " + (
        "ACM could not renew it" if failed else "ACM renews it" if renewed else "ACM does not renew it"
    )
    mend = (
        "the validation records of its names in DNS"
        if renewed or failed
        else "import its successor: aws acm import-certificate --certificate-arn ..."
    )
    left = ends - now
    if left < VERY_SOON or (left < SOON and failed):
        return broken(told, mend)
    return warning(told, mend) if left < SOON else ok(told)


def _covered(host: str, held: set[str]) -> bool:
    # A wildcard stands for one label.
    return host in held or f"*.{host.partition('.')[2]}" in held


def _vpc(place: Place) -> str | None:
    if place.env.network.existing:
        return place.env.network.existing.vpc
    return (place.outputs("network") or {}).get("VpcId")


def _resolved(hosts: Sequence[str]) -> dict[str, set[str]]:
    """The system's resolver knows no time limit; a thread that nobody waits for ends with the process."""
    found: dict[str, set[str]] = {}

    def resolve(host: str) -> None:
        try:
            found[host] = {str(one[4][0]) for one in socket.getaddrinfo(host, 443, socket.AF_INET, socket.SOCK_STREAM)}
        except OSError:
            found[host] = set()

    threads = [threading.Thread(target=resolve, args=(host,), daemon=True) for host in dict.fromkeys(hosts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DNS_SECONDS)
    return dict(found)
