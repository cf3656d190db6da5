"""Every constant that a decision of the core depends on, in one place."""

from __future__ import annotations

import msgspec


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The scheduler's constants. Seconds and bytes unless said otherwise."""

    # -- batch size
    batch_seconds_min: float = 0.02
    """No batch is planned shorter, unless it is the tail of a run."""
    batch_seconds_max: float = 30.0
    """No batch is planned longer."""
    batch_items_max: int = 4096
    """No batch has more items."""
    first_batch_items: int = 1
    """Items of the first batch on a kind of worker whose speed is unknown."""
    batch_growth: float = 4.0
    """A batch costs at most so many times the dearest one that its kind has finished."""
    tail_share: float = 0.5
    """The part of a worker's fair share of the rest that one batch may take (guided
    self-scheduling)."""
    batch_overhead_seconds: float = 0.005
    """Cost of a batch beyond its work, until it is measured."""
    eviction_prior_seconds: float = 3600.0
    """Mean time between evictions of a worker that is assumed before any was seen."""

    dearest_first: bool = True
    """Whether the few dearest items of a run are begun first."""

    # -- placement
    prefetch_below_seconds: float = 1.0
    """A second batch is queued at a worker whose present one is predicted to end within this."""
    speculation_seconds: float = 1.0
    """No batch is copied that is predicted to need less than this..."""
    speculation_share: float = 0.02
    """...or, where that is less, than this part of its run's time so far."""
    watch_seconds: float = 1.0
    """Where workers idle because others are predicted to do what is left, it is looked at again
    after so long."""
    rivals: int = 8
    """How many of the workers that are free soonest, or of the batches that end last, are looked at
    for one decision of the tail."""
    speculate: bool = True
    """Whether idle workers run late batches a second time."""
    speculation_gain: float = 2.0
    """A copy is begun if it is predicted to end so many times sooner than the batch."""
    losers: int = 2
    """How many losing candidates an explanation names."""

    heed_ends: bool = True
    """Whether no item is begun that its worker is known to leave too soon for."""
    riskier: float = 4.0
    """Where workers are evicted so many times as often as the steadiest..."""
    risk_max: float = 0.1
    """...no dear item is begun that takes more than this part of the time that they last."""

    heed_prefixes: bool = True
    """Whether a worker that keeps the state of some tasks' prefixes works for these first."""

    # -- residency
    load_seconds: float = 10.0
    """Time to load a context, until it is measured."""
    turn_seconds: float = 60.0
    """Where contexts outnumber workers, each keeps a worker at least so long..."""
    turn_loads: float = 20.0
    """...and for so many times what a load takes."""
    stage_ahead: bool = True
    """Whether files of a context are brought to workers that will soon change over to it..."""
    ahead_seconds: float = 1.0
    """...if they take so long at least."""
    offload: bool = True
    """Whether contexts that can leave the accelerator do, where they would be given up..."""
    host_share: float = 0.5
    """...for this part of their host's memory at most."""
    return_share: float = 0.1
    """Until it is measured a return from there is held to take this part of a load."""
    give_up_by_cost: bool = True
    """Whether a context is given up that is cheap to do without, or else the first that came."""
    load_lease_seconds: float = 3600.0
    """A load or an eviction that is not answered within this costs the worker; while files are
    staged, every word of progress counts as an answer."""

    # -- leases
    lease_floor_seconds: float = 60.0
    """No batch is taken back for lack of progress before this, unless the user gave a bound."""
    lease_factor: float = 10.0
    """A batch may go without progress for so many times its predicted time."""
    first_lease_seconds: float = 1800.0
    """The same while the speed is unknown."""
    lease_growth: float = 4.0
    """A lease grows so many times with each death of its item: slow is not dead."""
    timeout_slack_seconds: float = 0.5
    """Added to the user's bound for what passes between the worker and the core."""
    cancel_grace_seconds: float = 10.0
    """A Cancel that is not answered within this costs the worker its life."""

    # -- items that kill
    quarantine_deaths: int = 3
    """An item is quarantined after so many deaths..."""
    quarantine_alone: int = 2
    """...if it was the only item in flight in the last so many of them..."""
    quarantine_chance: float = 1e-4
    """...and if it is no more likely than this that its workers were lost by themselves."""
    death_chance: float = 0.01
    """The least chance that a single death has another cause than its items."""
    wave_seconds: float = 60.0
    """Workers that were lost within so long may have been lost for one reason."""

    # -- replicas that fail
    replica_deaths: int = 3
    """A replica that died so often without finishing an item is not loaded there for a while."""
    loader_workers: int = 2
    """A context whose loader failed on so many workers, and worked on none, is given up."""
    backoff_seconds: float = 60.0
    """The first such while; it doubles each time."""
    backoff_seconds_max: float = 3600.0

    # -- the pool
    short_life_seconds: float = 10.0
    """A worker that leaves earlier, without having finished an item, counts as a failed start; one
    that was taken back only delays the next."""
    start_failures: int = 5
    """Runs fail after so many failed starts in a row."""
    start_backoff_seconds: float = 1.0
    """Wait before a worker is asked for after the first failed start; it doubles each time."""
    start_backoff_seconds_max: float = 60.0

    # -- offered pools
    look_seconds: float = 5.0
    """How often the wanted number of workers is thought over while there is work."""
    wait_seconds: float = 60.0
    """From asking for a worker until it joins, until it is measured."""
    worker_start_seconds: float = 5.0
    """What a worker takes of its machine's time before it can load."""
    repay: float = 1.0
    """A worker is asked for if it is expected to compute for so many times its cold start."""
    withdraw_after_seconds: float = 30.0
    """Workers that have not come are taken back when they were too many for so long."""
    idle_cold_seconds: float = 15.0
    """A worker with nothing loaded that had nothing to do for so long is handed back."""
    idle_seconds_max: float = 300.0
    """One with something loaded waits for as long as its cold start took, but no longer than
    this."""
