"""The death of relays in mid-call: who is killed, how long nothing is heard, and what a watcher of the access links sees."""

import time

from tools import access, stage, views, witness

TALK_SECONDS = 2.0     # before the kill
WATCH_SECONDS = 8.0    # after it
ENDS_SECONDS = 25.0    # until a call that can't go on must have ended
CERTAIN_SECONDS = 0.2  # before the kill, in which the call must still go that way
ROUTE_TRIES = 2        # the next call often takes the same circuits
WHOLE_SECONDS = 400    # until the network is as before: after three deaths in an epoch a circuit waits for the next
IDLE = "idle client's guard"


class NoSuchRoute(Exception):
    """The call did not take a way in which that can be tried."""


def victims(route, positions):
    """The relays at those positions, if each stands there alone and all six are there."""
    if len(route) != 6 or len(set(route)) != 6:
        return []
    return [route[p] for p in positions]


def open_call(where, tape, positions, choose):
    """A call whose way suits: phones, marks, guards and the way.  `choose` may take what it needs from any way."""
    for _ in range(ROUTE_TRIES):
        phones, marks = where.call()
        time.sleep(TALK_SECONDS)
        guards = where.guards(tape)
        for _ in range(stage.VIEW_TRIES):
            if route := where.route(guards):
                break
        if names := choose(route, positions):
            return phones, marks, guards, route, names
        where.hang_up(phones, marks)
        time.sleep(3)
    raise NoSuchRoute(f"no call of {ROUTE_TRIES} went through six relays, but {route}")


def strike(where, guards, names):
    """Kills the relays; the time, and the way that the last cells before it had taken."""
    with where.net.viewing():
        time.sleep(CERTAIN_SECONDS + 0.1)
        killed = time.time_ns()
        for name in names:
            where.net.node(name).kill()
    first, last = (guards[node.name] for node in where.net.kind("client")[:2])
    begin = killed - int(CERTAIN_SECONDS * 1e9)
    return killed, views.route(where.tail.read(), first, last, begin, killed)


def once(where, positions, choose=victims):
    """One try: a call, the relays at those positions killed, what came of it.  The network is whole again afterwards."""
    with where.tape() as tape, witness.Witness() as punctual:
        phones, marks, guards, route, names = open_call(where, tape, positions, choose)
        killed, last_route = strike(where, guards, names)
        end = killed + int(WATCH_SECONDS * 1e9)
        time.sleep(WATCH_SECONDS)
        if len(names) > 1:  # such a call may end, but must not hang
            wait_for_end(phones, marks, killed)
            end = time.time_ns()
        tail = end - int(2e9)
        done = {"positions": [stage.POSITIONS[p] for p in positions], "relays": names, "route": list(route),
                "certain": last_route == route, "heard_before": stage.both_flow(phones, killed - int(1e9), killed),
                "gap_ms": stage.gaps(phones, killed, end),
                "recovered": stage.both_flow(phones, tail, end), "dialogs": stage.untouched(phones, marks),
                "ended": [e["param"] for phone, mark in zip(phones, marks) for e in phone.events(mark) if e["type"] == "CALL_CLOSED"],
                "late_own_frames": [sum(killed <= t < end for t, _ in phone.late()) for phone in phones]}
        after = where.route(where.guards(tape))
        done["route_after"] = list(after)
        got = tape.stop()
    done["late_ms"] = punctual.late_ms
    done["access"] = watched(where, got, guards, names, killed, killed + int(WATCH_SECONDS * 1e9))
    where.hang_up(phones, marks)
    heal(where, names)
    return done


def wait_for_end(phones, marks, killed):
    """Until the call goes on or has ended at both phones."""
    while time.time_ns() < killed + int(ENDS_SECONDS * 1e9):
        now = time.time_ns()
        if all(phone.has("CALL_CLOSED", mark) for phone, mark in zip(phones, marks)) or stage.both_flow(phones, now - int(2e9), now):
            return
        time.sleep(0.5)


def heal(where, names):
    for name in names:
        where.net.revive(where.net.node(name))
    time.sleep(2)  # until the clients' own figures tell what they lost
    where.net.wait_whole(WHOLE_SECONDS)


def watched(where, got, guards, names, begin, end):
    """Of each client's access link: how it looks after the kill, what tells it from before, and from an idle one's."""
    keys, clients = where.keys(), where.net.kind("client")
    looks = {node.name: where.look(got, node, keys, begin, end) for node in clients}
    before = {node.name: where.look(got, node, keys, begin - int(TALK_SECONDS * 1e9), begin) for node in clients}
    quiet = [node.name for node in clients[2:] if guards[node.name] not in names]
    return {node.name: {"busy": i < 2, "guard_killed": guards[node.name] in names, **looks[node.name].figures(),
                        "from_before": access.differences(before[node.name], looks[node.name]),
                        "from_idle": access.differences(looks[quiet[0]], looks[node.name]) if quiet else None}
            for i, node in enumerate(clients)}


def idle_guard(where):
    """The guard of the third client, which makes no call, is killed: what its link shows."""
    with where.tape() as tape, witness.Witness() as punctual:
        time.sleep(TALK_SECONDS)
        guards = where.guards(tape)
        name = guards[where.net.kind("client")[2].name]
        killed = time.time_ns()
        where.net.node(name).kill()
        time.sleep(WATCH_SECONDS + 0.5)
        got = tape.stop()
    links = watched(where, got, guards, [name], killed, killed + int(WATCH_SECONDS * 1e9))
    for link in links.values():
        link["busy"] = False
    heal(where, [name])
    return {"positions": [IDLE], "relays": [name], "access": links, "late_ms": punctual.late_ms}


def gap_of(t):
    return max(t["gap_ms"].values())
