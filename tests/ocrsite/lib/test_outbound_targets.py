"""Which addresses are called, whatever way they are written in."""

import pytest

from ocrsite.lib.outbound_targets import (
    LONGEST_URL,
    RefusedTarget,
    Target,
    is_allowed,
    is_public,
    parse,
)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://files.example.com", Target("files.example.com", 443, "/")),
        ("HTTPS://Files.Example.COM./a", Target("files.example.com", 443, "/a")),
        ("https://files.example.com:8443/a?b=c#d", Target("files.example.com", 8443, "/a?b=c")),
        ("https://files.example.com?x=1", Target("files.example.com", 443, "/?x=1")),
        ("https://bücher.example/ä b".replace(" ", "%20"), None),
        ("https://a_b.example/%2e%2e/x", Target("a_b.example", 443, "/%2e%2e/x")),
        ("https://[2606:4700::1111]:444/x", Target("2606:4700::1111", 444, "/x")),
        ("https://1.1.1.1/x", Target("1.1.1.1", 443, "/x")),
    ],
)
def test_address_is_read_in_its_parts(url: str, target: Target | None) -> None:
    if target is None:
        target = Target("xn--bcher-kva.example", 443, "/%C3%A4%20b")

    assert parse(url) == target
    assert parse(target.url) == target


@pytest.mark.parametrize(
    "url",
    [
        "",
        "files.example.com/x",
        "http://files.example.com/x",
        "ftp://files.example.com/x",
        "file:///etc/passwd",
        "https:files.example.com",
        "https:///x",
        "https://user@files.example.com/",
        "https://user:word@files.example.com/",
        "https://files.example.com@evil.example/",
        "https://files.example.com%40evil.example/",
        "https://files.example.com\\@evil.example/",
        "https://files.example.com\r\nX: y/",
        "https://files.example.com/a b",
        "https://files.example.com/\x00",
        "https://files.example.com:0/",
        "https://files.example.com:65536/",
        "https://files.example.com:443:80/",
        "https://files.example.com:٤٤٣/",
        "https://files..example.com/",
        "https://-files.example.com/",
        "https://files.example.com-/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://[example.com]/",
        "https://exa​mple.com/",
        f"https://{'a' * 64}.example/",
        f"https://files.example.com/{'a' * LONGEST_URL}",
    ],
)
def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(RefusedTarget):
        parse(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://files.example.com/", True),
        ("https://FILES.example.com./", True),
        ("https://files.example.com:444/", False),
        ("https://files.example.com.evil.example/", False),
        ("https://xfiles.example.com/", False),
        ("https://a.trusted.example/", True),
        ("https://a.b.trusted.example/", True),
        ("https://trusted.example/", False),
        ("https://nottrusted.example/", False),
        ("https://ports.example:8443/", True),
        ("https://ports.example/", False),
        ("https://xn--bcher-kva.example/", True),
        ("https://bücher.example/", True),
        ("https://[2606:4700:0:0::1111]/", True),
        ("https://8.8.8.8/", False),
    ],
)
def test_host_is_allowed_by_its_name_or_a_suffix(url: str, allowed: bool) -> None:
    hosts = [
        "files.example.com",
        " *.Trusted.example ",
        "ports.example:8443",
        "bücher.example",
        "[2606:4700::1111]",
        "*.",
        "not a host",
    ]

    assert is_allowed(parse(url), hosts) is allowed
    assert not is_allowed(parse(url), [])


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"],
)
def test_public_address_is_connected(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1"),
        *("127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192"),
        *("192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
        *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1"),
        *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1"),
        *("2002:7f00:1::1", "2002:101:101::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1"),
        *("2001:20::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0"),
        *("fec0::1", "ff02::1", "100::1", "5f00::1", "4000::1", "::2:1.1.1.1", "2606:4700::1%1"),
        *("", "localhost", "127.1", "2130706433", "0x7f000001"),
    ],
)
def test_no_other_address_is_connected(address: str) -> None:
    assert not is_public(address)
