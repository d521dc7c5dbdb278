"""Several hosts with one storage: what they agree on through Redis (docs/decisions/0011-fleet-agreement.md).

On every host the main loop of ops runs `host.Host`: a heartbeat that keeps the host's own edge open for writes, and a follower that does
what the shared record of the gate says and publishes the host's journal. Jobs use the same parts as on a single host (lock, gate, journal),
whose fleet kinds are here; `ops.gc.setup` chooses.
"""
