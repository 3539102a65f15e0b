"""Firewalls of others that drop what must come through are named, with what to do; others are not."""

import pytest

from tests.lab.waiting import wait_until

DROPPING = """
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "lo" accept
    tcp dport 22 accept
  }
}
"""
ALLOWING = DROPPING.replace(
    "tcp dport 22 accept",
    "ip saddr 10.0.0.0/24 meta l4proto { tcp, udp } th dport { 22, 53, 7000-7999 } accept",
)
SERVICE = "services: {mqtt: {vip: 10.0.0.101, ports: {tcp/1883: [a, b]}}}\n"
IPTABLES = """
iptables -P INPUT DROP
iptables -A INPUT -i lo -j ACCEPT
iptables -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A INPUT -p tcp -m tcp --dport 22 -m comment --comment ssh -j ACCEPT
"""
# What ufw makes of `default deny` and `allow OpenSSH`, the chains that matter here.
UFW = """
iptables -P INPUT DROP
iptables -P FORWARD DROP
iptables -N ufw-before-input
iptables -N ufw-not-local
iptables -N ufw-user-input
iptables -N ufw-before-forward
iptables -A INPUT -j ufw-before-input
iptables -A FORWARD -j ufw-before-forward
iptables -A ufw-before-input -i lo -j ACCEPT
iptables -A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A ufw-before-input -m conntrack --ctstate INVALID -j DROP
iptables -A ufw-before-input -p udp -d 224.0.0.251 --dport 5353 -j ACCEPT
iptables -A ufw-before-input -j ufw-not-local
iptables -A ufw-not-local -m addrtype --dst-type LOCAL -j RETURN
iptables -A ufw-not-local -m limit --limit 3/min -j LOG
iptables -A ufw-not-local -j DROP
iptables -A ufw-before-input -j ufw-user-input
iptables -A ufw-user-input -p tcp --dport 22 -j ACCEPT
iptables -A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
"""
UFW_OPENED = """
iptables -A ufw-user-input -p udp --dport 53 -j ACCEPT
iptables -A ufw-user-input -p tcp -m multiport --dports 53,80,1883,7531 -j ACCEPT
iptables -A ufw-before-forward -p tcp --dport 1883 -j ACCEPT
"""
FIREWALLD = """
table inet firewalld {
  chain filter_INPUT {
    type filter hook input priority 10; policy accept;
    ct state { established, related } accept
    ct status dnat accept
    iifname "lo" accept
    ct state invalid drop
    jump filter_INPUT_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_INPUT_ZONES {
    iifname "eth0" goto filter_IN_public
    goto filter_IN_public
  }
  chain filter_IN_public {
    jump filter_IN_public_allow
    meta l4proto { icmp, ipv6-icmp } accept
    reject with icmpx admin-prohibited
  }
  chain filter_IN_public_allow {
    tcp dport 22 accept
  }
}
"""
HARMLESS = """
table inet filter {
  chain input {
    type filter hook input priority filter; policy accept;
    ct state invalid drop
    tcp dport { 23, 445 } drop
    ip saddr 192.0.2.0/24 drop
    iifname "wlan*" drop
    meta mark 7 drop
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
  }
}
table ip nat {
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; tcp dport 8080 redirect to :80; }
}
"""


def problem(node) -> str:
    found = [one["detail"] for one in node.control.status()["problems"] if one["name"] == "firewall"]
    return found[0] if found else ""


def nft(node, rules: str) -> None:
    node.host.run(["nft", "-f", "-"], stdin=rules)


def shell(node, script: str) -> None:
    node.host.run(["sh", "-e", "-c", script])


def wait_problem(node, *parts: str) -> None:
    wait_until(lambda: all(part in problem(node) for part in parts), 10, what=f"a problem of {parts}: {problem(node)}")


def wait_none(node) -> None:
    wait_until(lambda: problem(node) == "", 10, what=f"no problem, but {problem(node)}")


def serving(lan, more: str = ""):
    lan.write_document(lan.document(more=more).replace("peers:", "dns: {vip: dns}\npeers:"))
    for node in lan.nodes:
        node.start_lb()
    return lan.nodes[0]


def test_rules_that_drop_dns_and_the_nodes_are_named_while_they_are_there(make_lan):
    a = serving(make_lan(2))
    assert problem(a) == ""
    nft(a, DROPPING)
    wait_problem(a, "chain input of table inet filter drops", "udp/53", "tcp/53", "the other nodes (tcp/7531)")
    assert "nftables: add" in problem(a)
    nft(a, "add rule inet filter input udp dport 53 accept")
    wait_until(lambda: "udp/53" not in problem(a) and "tcp/53" in problem(a))
    nft(a, "flush table inet filter\n" + ALLOWING)
    wait_none(a)


def test_rules_for_new_connections_alone_do_not_let_in_what_is_not_tracked(make_lan):
    a = serving(make_lan(2))
    nft(a, ALLOWING.replace("meta l4proto {", "ct state new meta l4proto {"))
    wait_problem(a, "chain input of table inet filter drops", "udp/53", "tcp/53")
    assert "the other nodes" not in problem(a) and "without `ct state new`" in problem(a)
    nft(a, "flush table inet filter\n" + ALLOWING.replace("meta l4proto {", "ct state { new, untracked } meta l4proto {"))
    wait_none(a)


def test_what_was_there_before_is_named_at_the_start(make_lan):
    lan = make_lan(2)
    nft(lan.nodes[0], DROPPING)
    a = serving(lan)
    assert "udp/53" in problem(a)
    b = lan.nodes[1]
    assert problem(b) == ""


@pytest.mark.parametrize("rules", [ALLOWING, HARMLESS], ids=["allowing", "harmless"])
def test_firewalls_that_let_it_through_are_not(make_lan, rules):
    lan = make_lan(2)
    nft(lan.nodes[0], rules)
    a = serving(lan)
    assert problem(a) == ""


def test_forwarding_to_backends(make_lan):
    a = serving(make_lan(2), SERVICE)
    nft(a, HARMLESS)
    wait_problem(a, "chain forward of table inet filter drops", "10.0.0.12:1883 for service mqtt")
    assert "10.0.0.11" not in problem(a) and "DNS" not in problem(a)
    nft(a, "add rule inet filter forward ct status dnat accept")
    wait_none(a)


def test_iptables(make_lan):
    a = serving(make_lan(2))
    shell(a, IPTABLES)
    wait_problem(a, "chain INPUT of table ip filter drops", "DNS (udp/53)", "iptables -I INPUT")
    shell(a, "iptables -A INPUT -s 10.0.0.0/24 -j ACCEPT")
    wait_none(a)


def test_ufw(make_lan):
    a = serving(make_lan(2), SERVICE)
    shell(a, UFW)
    wait_problem(a, "chain INPUT of table ip filter", "chain FORWARD of table ip filter", "sudo ufw allow", "tcp/7531")
    shell(a, UFW_OPENED)
    wait_none(a)


def test_firewalld(make_lan):
    a = serving(make_lan(2), SERVICE)
    nft(a, FIREWALLD)
    wait_problem(a, "table inet firewalld drops", "DNS (udp/53)", "firewall-cmd")
    assert "mqtt" not in problem(a), "what was translated is accepted"
    nft(a, "add rule inet firewalld filter_IN_public_allow th dport { 53, 7531 } accept")
    wait_none(a)


@pytest.mark.parametrize("program, rules", [("iptables-legacy", "2 rules for IPv4"), ("ip6tables-legacy", "2 rules for IPv6")])
def test_rules_of_iptables_legacy_are_said_not_to_be_known(make_lan, program, rules):
    a = serving(make_lan(1))
    shell(a, f"{program} -A INPUT -p tcp --dport 22 -j ACCEPT; {program} -P INPUT DROP")
    shell(a, f"{program} -A FORWARD -j DROP")

    def legacy() -> str:
        assert a.control.post("/reload").status == 200
        return next((p["detail"] for p in a.control.status()["problems"] if p["name"] == "firewall_legacy"), "")

    assert legacy().startswith(f"iptables-legacy has {rules}, and whether they let DNS"), legacy()
    shell(a, f"{program} -P INPUT ACCEPT; {program} -F")
    assert legacy() == ""
