"""The report of `make matrix` as a page of docs.  It says what was seen, not what should be."""

import subprocess

from tools import matrix

PACKAGES = {"baresip": "baresip-core", "linphone": "linphone-cli", "sipp": "sip-tester"}
HEAD = """\
# Phones with each other

Made by `make matrix`{when}, with {versions}; not to be edited. `make matrix` alone makes it
anew, and `make matrix T=linphone-tls` tries a part. Each row is one pair of phones, through one network of nine relays and
two clients, all real daemons; `SRTP` means that the phones are set to demand it (SDES), and that every packet of audio was seen to
be encrypted on its way to and from either phone. *a* calls *b*, then *b* calls *a*. SIPp has no audio of its own: frames that no
others equal come and go by sockets of the test; and it knows neither TLS nor SRTP.

| case | what is asked for |
|---|---|
| calls | ringing at both, an answer, audio both ways in both phones' packets, and speech at the end of both recordings |
| holds | the other phone is told, and no audio comes to the one that holds |
| resumes | the other phone is told, and audio flows both ways again |
| key | the key that was pressed is told by the other phone |
| hangs up | both phones end the call |
| text | it arrives once, letter by letter |
| trace | nothing of what the phone's signalling, RTP and RTCP name (Call-IDs, tags, branches, instance, user agent, SSRC, CNAME, its IP address, ...) is to be found, in any usual notation, in what the clients send and get on the wire, in the cells as any relay sees them before and after its layer, or in what comes to the other phone, but its address at sipmix there; over TLS only what stands in RTP can be known, and looked for |

"""


def versions():
    found = {}
    for phone, package in PACKAGES.items():
        done = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        found[phone] = done.stdout.strip() or "unknown"
    return found


def page(report):
    """`report` is build/matrix/report.json."""
    commit = f" at commit {report['commit'][:12]}{' (changed)' if report['changed'] else ''}" if report["commit"] else ""
    out = [HEAD.format(when=commit, versions=", ".join(f"{phone} {version}" for phone, version in report["phones"].items())),
           f"| a | b | transport | SRTP | {' | '.join(matrix.CASES)} |\n", "|---" * (4 + len(matrix.CASES)) + "|\n"]
    lines, failed = {}, []
    for r in report["rows"]:
        key = r["a"], r["b"], r["transport"], "yes" if r["srtp"] else "no"
        lines.setdefault(key, {})[r["case"]] = r["passed"]
        if not r["passed"]:
            failed.append(f"* {' '.join(key[:3])}{' SRTP' if r['srtp'] else ''}, {r['case']}: {r['why']}\n")
    for key, cases in lines.items():
        cells = ["ok" if cases.get(case) else "**no**" if case in cases else "" for case in matrix.CASES]
        out.append(f"| {' | '.join([*key, *cells])} |\n")
    out.append(f"\n{len(report['rows']) - len(failed)} of {len(report['rows'])} passed.\n")
    if failed:
        out += ["\n## What failed\n\n", *failed]
    return "".join(out)
