"""The inline observer: what an interface's packets tell of workers, seen from outside their hosts.

``python -m workers.telemetry.observer --interface IF`` on a BlueField representor, a bridge port or
a veth. It touches no application: it reads headers and times, never a byte of payload, which the
kernel does not even copy (``header_filter``). All of it is vectors over some thousands of packets
at a time, its memory is of a fixed size, and what it could not see or keep it counts.
"""
