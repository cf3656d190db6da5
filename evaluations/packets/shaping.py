"""What makes a link bad: a rate, and loss by chance.

tbf holds packets back to a rate (tc-tbf(8)). For loss, htb has a class whose queue takes nothing,
and a classic BPF program that draws a random number sends packets there; it needs neither netem nor
an nft program, which not every kernel and machine has.
"""

from __future__ import annotations

from evaluations.packets.namespaces import call

RANDOM = 0xFFFFF000 + 56
"""SKF_AD_OFF + SKF_AD_RANDOM of ``linux/filter.h``: where BPF loads a random number from."""


def limit(interface: str, bits_per_second: int, queue_bytes: int = 1 << 20) -> None:
    """What leaves through it goes at most at this rate; ``queue_bytes`` wait, more is dropped."""
    call("tc", "qdisc", "replace", "dev", interface, "root", "tbf",
         "rate", f"{bits_per_second}bit", "burst", "8kb", "limit", str(queue_bytes))  # fmt: skip


def lose(interface: str, share: float) -> None:
    """This share of what would leave through it is dropped."""
    bound = int(share * 0xFFFFFFFF)
    # Load the number; if it is greater than the bound, no match; else a match.
    program = f"4,32 0 0 {RANDOM},37 0 1 {bound},6 0 0 0,6 0 0 4294967295"
    clear(interface)
    call("tc", "qdisc", "add", "dev", interface, "root", "handle", "1:", "htb", "default", "1")
    for kind in ("1", "2"):
        call("tc", "class", "add", "dev", interface, "parent", "1:", "classid", f"1:{kind}",
             "htb", "rate", "10gbit", "quantum", "60000")  # fmt: skip
    call("tc", "qdisc", "add", "dev", interface, "parent", "1:2", "bfifo", "limit", "1")
    call("tc", "filter", "add", "dev", interface, "parent", "1:", "bpf",
         "bytecode", program, "flowid", "1:2")  # fmt: skip


def clear(interface: str) -> None:
    """As it was."""
    call("tc", "qdisc", "replace", "dev", interface, "root", "pfifo")
    call("tc", "qdisc", "del", "dev", interface, "root")
