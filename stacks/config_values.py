"""What a single value may be: account ids, networks, host names, origins, paths. Each type says what would be right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from stacks.config_cron import cron
from stacks.config_problems import choice, shown

T = TypeVar("T")


@dataclass(frozen=True)
class Pattern:
    """A text that matches as a whole; `right` says in words what the pattern means."""

    pattern: str
    right: str

    def check(self, value: str) -> str:
        if not re.fullmatch(self.pattern, value):
            raise ValueError(f"{shown(value)} is not {self.right}")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}


def network(value: str) -> IPv4Network:
    """The network that `value` writes exactly."""
    try:
        loose = IPv4Network(value, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise ValueError(f"{shown(value)} is not an IP network; write it like '203.0.113.0/28' (IPv4)") from None
    if "/" not in value:
        raise ValueError(f"{shown(value)} is not an IP network; the one address is '{loose}'")
    address = value.partition("/")[0]
    if address != str(loose.network_address):
        raise ValueError(f"{shown(value)} has host bits set; the network is '{loose}', the one address '{address}/32'")
    if value != str(loose):
        raise ValueError(f"{shown(value)} is not an IP network; write it as '{loose}'")
    return loose


RESERVED = tuple(IPv4Network(cidr) for cidr in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"))


def usable_network(value: str) -> str:
    # EC2 refuses these as a VPC, and no client connects from them.
    parsed = network(value)
    if any(parsed.subnet_of(reserved) for reserved in RESERVED):
        raise ValueError(f"{shown(value)} is reserved (loopback, link-local, multicast or future use); nobody has an address there")
    return value


LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_NAME = 253


def host_name(value: str) -> str:
    wrong = _wrong_with_host(value)
    if wrong:
        raise ValueError(f"{shown(value)} is not a host name: {wrong}")
    return value


def _wrong_with_host(value: str) -> str:
    labels = value.split(".")
    bad = next((label for label in labels if not LABEL.fullmatch(label)), None)
    wrong = (
        (not value.isascii(), _write_in_ascii(value)),
        (value != value.lower(), f"write it in lower case: {shown(value.lower())}"),
        (len(labels) == 1, "it needs a domain, like 'api.example.com'"),
        (len(value) > LONGEST_NAME, f"it has {len(value)} characters, at most {LONGEST_NAME} are allowed"),
        (bad is not None, f"the part {shown(bad)} has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"),
        (not labels[-1][:1].isalpha(), "it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"),
    )
    return next((text for applies, text in wrong if applies), "")


def _write_in_ascii(value: str) -> str:
    try:
        return f"write it in its ASCII form: {shown(value.encode('idna').decode().lower())}"
    except UnicodeError:
        return "only a-z, 0-9, '-' and '.' are allowed"


def host_with_port(value: str) -> str:
    name, colon, port = value.partition(":")
    host_name(name)
    if colon and not (re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) <= 65535):  # noqa: PLR2004 the highest TCP port
        raise ValueError(f"{shown(value)} has no valid port; ports are 1 to 65535")
    return value


def origin(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if scheme == "http" and separator:
        raise ValueError(f"{shown(value)} is not encrypted; an origin is reached by https, like 'https://origin.example.net'")
    if scheme != "https" or not separator:
        raise ValueError(f"{shown(value)} is not an https address; write it like 'https://origin.example.net'")
    if "@" in rest:
        # The value is not repeated, since the message ends up in logs.
        raise ValueError("holds a user name or password; an origin is only https://host or https://host:port")
    cut = re.split(r"[/?#]", rest, maxsplit=1)
    if len(cut) > 1:
        raise ValueError(
            f"{shown(value)} has a path or query; an origin is only https://host or https://host:port: {shown(f'https://{cut[0]}')}"
        )
    # nginx compares the certificate with a name (X509_check_host), so an IP address never passes, whatever its certificate says.
    host_with_port(rest)
    return value


# With every character escaped in a pattern it still fits into what nginx reads of its configuration at once.
LONGEST_PATH = 1024


def request_path(value: str) -> str:
    # The path is written into the nginx configuration and compared with the decoded and cleaned path of a request.
    if not value.startswith("/"):
        raise ValueError(f"{shown(value)} is not a path; it begins with '/'")
    bad = next((character for character in value if not re.fullmatch(r"[A-Za-z0-9/._~!()*+,=:@&-]", character)), None)
    if bad is not None:
        raise ValueError(f"{shown(value)} is not a path: {shown(bad)} is not allowed; use A-Z a-z 0-9 / . _ ~ ! ( ) * + , = : @ & -")
    if len(value) > LONGEST_PATH:
        raise ValueError(f"{shown(value)} has {len(value)} characters; at most {LONGEST_PATH} are allowed")
    if re.search(r"//|/\.\.?(/|$)", value):
        raise ValueError(f"{shown(value)} never matches: requests are cleaned of '//', '/./' and '/../' before they are compared")
    return value


def time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a folder of the database, like "Asia"
        raise ValueError(f"{shown(value)} is not a name of the time zone database; write it like 'Asia/Tokyo' or 'UTC'") from None
    return value


def one_line(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty; write a sentence that the next person understands")
    if not value.isprintable():
        raise ValueError(f"{shown(value)} holds a control character; write one plain line")
    return value


def branch(value: str) -> str:
    # What git check-ref-format refuses, and what CodePipeline's triggers would read as a pattern.
    bad = not re.fullmatch(r"[A-Za-z0-9._/+@=-]{1,255}", value) or re.search(r"^[-/.]|//|\.\.|/\.|@\{|(/|\.|\.lock)$", value)
    if bad:
        raise ValueError(f"{shown(value)} is not a branch, like 'main' or 'release/1'")
    return value


def file_pattern(value: str) -> str:
    if not value or len(value) > 255 or not value.isprintable():  # noqa: PLR2004 CodePipeline's limit for a pattern
        raise ValueError(f"{shown(value)} is not a file pattern; write 1 to 255 characters, like '**/*.md'")
    if set(value) <= set("*/"):
        raise ValueError(f"{shown(value)} is every file, so no push would start a deployment")
    return value


def certificate_name(value: str) -> str:
    host_name(value.removeprefix("*."))
    return value


# What CloudWatch Logs accepts for a log group (PutRetentionPolicy).
RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def retention(value: int) -> int:
    if value not in RETENTION:
        raise ValueError(f"{value} is not a retention that CloudWatch Logs offers; choose {choice(RETENTION)}")
    return value


AccountId = Annotated[str, Pattern(r"[0-9]{12}", "an AWS account id: 12 digits in quotes")]
Region = Annotated[
    str, Pattern(r"(?!us-(gov|iso)|cn-|eu-isoe)[a-z]{2}(-[a-z]+){1,2}-[1-9]", "a region of the partition aws, like 'ap-northeast-1'")
]
ProjectName = Annotated[
    str, Pattern(r"(?=.{2,14}$)[a-z][a-z0-9]*(-[a-z0-9]+)*", "a name: 2 to 14 of a-z, 0-9 and single '-', beginning with a letter")
]
ZoneLetter = Annotated[str, Pattern(r"[a-z]", "a zone letter, like 'a' for ap-northeast-1a")]
VpcId = Annotated[str, Pattern(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})", "the id of a VPC: vpc- and 8 or 17 hexadecimal digits")]
SubnetId = Annotated[str, Pattern(r"subnet-([0-9a-f]{8}|[0-9a-f]{17})", "the id of a subnet: subnet- and 8 or 17 hexadecimal digits")]
AllocationId = Annotated[
    str,
    Pattern(r"eipalloc-([0-9a-f]{8}|[0-9a-f]{17})", "the allocation id of an Elastic IP: eipalloc- and 8 or 17 hexadecimal digits"),
]
CertificateArn = Annotated[
    str,
    Pattern(
        r"arn:aws:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-f-]{36}",
        "a certificate of AWS Certificate Manager: arn:aws:acm:<region>:<account>:certificate/<id>",
    ),
]
HostedZoneId = Annotated[str, Pattern(r"Z[A-Z0-9]{1,31}", "the id of a Route 53 hosted zone, like 'Z0123456789ABCDEFGHIJ'")]
Email = Annotated[str, Pattern(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "an e-mail address, like 'team@example.com'")]
RepositoryName = Annotated[
    str, Pattern(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", "a repository, written owner/name as the Git host spells it")
]
# CodeBuild's own images are pulled with its own credentials; another image would need a role to pull it.
BuildImage = Annotated[
    str,
    Pattern(
        r"aws/codebuild/amazonlinux-aarch64-standard:[1-9][0-9]*\.[0-9]+",
        "an ARM image of CodeBuild, like 'aws/codebuild/amazonlinux-aarch64-standard:3.0'",
    ),
]
Branch = Annotated[str, AfterValidator(branch)]
FilePattern = Annotated[str, AfterValidator(file_pattern)]
Cidr = Annotated[str, AfterValidator(usable_network)]
HostName = Annotated[str, AfterValidator(host_name)]
HostHeader = Annotated[str, AfterValidator(host_with_port)]
Origin = Annotated[str, AfterValidator(origin)]
RequestPath = Annotated[str, AfterValidator(request_path)]
LogDays = Annotated[int, AfterValidator(retention)]
Cron = Annotated[str, AfterValidator(cron)]
TimeZone = Annotated[str, AfterValidator(time_zone)]
OneLine = Annotated[str, AfterValidator(one_line)]
CertificateName = Annotated[str, AfterValidator(certificate_name)]

# TOML gives lists where the models hold tuples.
Several = Annotated[tuple[T, ...], Field(strict=False)]
