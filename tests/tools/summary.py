"""What the demo tells a person at its end: how the call was, which way it took, who saw what, and what it cost."""

import os

from tools import rtp
from tools.testnet import LINK_PORT

RULE = "-" * 100
HEADERS = 28  # IPv4 and UDP, bytes


def cpu_seconds(net):
    """Processor time that each daemon has used so far."""
    tick, used = os.sysconf("SC_CLK_TCK"), {}
    for node in net.nodes:
        try:
            with open(f"/proc/{node.process.pid}/stat", encoding="ascii") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended, of which somebody else complains
        used[node.name] = (int(fields[11]) + int(fields[12])) / tick
    return used


def _value(number, unit="", digits=1):
    return "not measured" if number is None else f"{number:.{digits}f}{unit}"


def _call(report, people):
    call = report["call"]
    if not call["established"]:
        return ["The call did not come about."]
    a, b = people
    lines = [f"{a} heard it ring after {_value(call['setup_ms'], ' ms', 0)}; they talked for {call['duration_s']:.0f} s.", "",
             f"{'':36}{'p50':>9}{'p95':>9}{'p99':>9}{'jitter':>10}{'loss':>9}{'sound':>9}{'MOS':>7}"]
    for name, way in (("a_to_b", f"{a} to {b}"), ("b_to_a", f"{b} to {a}")):
        f = call[name]
        row = [*f["one_way_ms"].values(), f["jitter_ms"], f["loss_pct"], f["audio_match"], f["mos"]]
        shown = ["-" if v is None else t.format(v) for v, t in zip(row, ("{:.1f}",) * 3 + ("{:.2f} ms", "{:.2f} %", "{:.4f}", "{:.2f}"))]
        lines.append(f"  {way:34}" + "".join(f"{v:>{w}}" for v, w in zip(shown, (9, 9, 9, 10, 9, 9, 7))))
    lines.append("  (one way, phone to phone, ms; sound: likeness of what was said and heard; MOS by ITU-T G.107, 4.41 at best)")
    message = report["message"]
    lines.append("")
    lines.append(f"A message each way: {'delivered, ' + _value(message['ms'], ' ms at most', 0) if message['delivered'] else 'NOT delivered'}.")
    return lines


def _journey(report, details, people):
    """Where time went, from the times at which the relays of the path had each cell."""
    path, crossings = details["path"], details["crossings"]
    if not path:
        return []
    total = report["call"]["a_to_b"]["one_way_ms"]["p50"]
    legs = []
    for i in range(len(path) - 1):
        took = rtp.percentile([(way[i + 1].time - way[i].time) / 1e6 for way in crossings], 50)
        legs.append((f"{path[i]} to {path[i + 1]}" if path[i] != path[i + 1] else f"{path[i]}, where both circuits meet", took))
    if total is not None:
        legs.append(("both phones and clients, their links, the first and the last relay", total - sum(t for _, t in legs)))
    voice = f"{people[0]}'s voice" if details["got"] else "A voice"
    lines = [f"{voice} went through {report['path_relays']} relays, counted by following {len(crossings)} cells; the median"
             " time went here:", ""]
    longest = max(t for _, t in legs)
    return lines + [f"  {name:70}{took:6.1f} ms  {'#' * max(1, round(16 * took / longest))}" for name, took in legs]


def _neighbours(got):
    """Who had datagrams from whom, by address."""
    met = {}
    for d in got or ():
        if LINK_PORT in (d.sport, d.dport):
            met.setdefault(d.dst, set()).add(d.src)
    return met


def _who_saw(net, seats, report, details, people):
    path, finds = details["path"], details["finds"]
    if finds is None:
        return ["What each relay saw was not searched: that needs a capture."]
    layer = {relay["name"]: relay["layer"] for relay in net.description["relays"]}
    place = {node.name: node.place.ip for node in net.nodes}
    met = _neighbours(details["got"])
    lines = [f"Looked for names, addresses, Call-IDs, SSRCs, user agents and more ({details['needles']} things), also in disguise:", "",
             f"  {'who':32}{'could see':58}{'found':>8}"]
    for name in dict.fromkeys(path):
        users = [f"{person}'s address" for person, (_, _, _, client) in zip(people, seats)
                 if client["uplink_ip"] in met.get(place[name], ())]
        sees = "; ".join(users + [f"{sum(s.relay == name for s in details['steps']):,} deciphered cells"])
        if layer[name] == "end":
            sees += "; that somebody calls"
        lines.append(f"  {name + ', ' + layer[name]:32}{sees:58}{len(finds[name]):8}")
    others = [node.name for node in net.kind("relay") if node.name not in path]
    lines.append(f"  {f'the other {len(others)} relays':32}{'cells that are not of this call':58}{sum(len(finds[n]) for n in others):8}")
    links = details["links"]["call"]
    sizes = sorted({size for link in links.values() for size in link.sizes})
    lines.append(f"  {'who taps all links':32}{f'{len(links)} flows of datagrams of {sizes} bytes':58}{len(finds['wire']):8}")
    for (_, phone, _, _), (_, _, _, client), person in zip(seats[::-1], seats, people[::-1]):
        seen = f"{person}'s phone"
        lines.append(f"  {seen:32}{client['address']:58}{len(finds['leg to ' + phone.ip]):8}")
    lines.append(f"  {'all logs':32}{'':58}{len(finds['logs']):8}")
    if details["plain"]:
        lines.append(f"  {'a plain SIP call, for control':32}{'everything':58}{details['plain']['leaks'] or 0:8}")
    idle, busy = report["cover"]["datagrams_per_s_idle"], report["cover"]["datagrams_per_s_in_call"]
    lines += ["", f"All links together carried {_value(idle, '', 1)} datagrams a second before the call and {_value(busy, '', 1)} in it."]
    return lines


def _cost(seats, details):
    lines = []
    for name, link in details["links"]["call"].items():
        source = name.split(":")[0]
        if source == seats[0][3]["uplink_ip"]:
            size = sum(link.sizes) // len(link.sizes)
            lines.append(f"A client's link: {link.per_s:.1f} datagrams/s of {size} bytes each way, all day: "
                         f"{link.per_s * (size + HEADERS) * 8 / 1000:.0f} kb/s, in a call or not.")
    cpu = details["cpu"]
    if cpu:
        relay = max((v, n) for n, v in cpu.items() if n.startswith("relay"))
        client = max((v, n) for n, v in cpu.items() if n.startswith("client"))
        lines.append(f"Processor: {100 * relay[0]:.1f} % of a core in the busiest relay, {100 * client[0]:.1f} % in a client.")
    punctual = details["witness"]
    if not punctual.is_good():
        lines.append(f"Mind that {punctual.text()}: busy machines lose cells.")
    return lines


def text(net, seats, report, details):
    people = [person.display.removeprefix("The ").split()[-1 if person.display.startswith("The") else 0]
              for person, _, _, _ in seats]
    parts = [_call(report, people), _journey(report, details, people), _who_saw(net, seats, report, details, people),
             _cost(seats, details)]
    return "\n".join(["", RULE, *("\n".join(part + [RULE]) for part in parts if part)])
