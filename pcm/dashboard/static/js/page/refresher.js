/**
 * Does one thing again when it is asked to: not more often than is said (once a second), never twice
 * at a time, and not while nobody looks.
 */
const LEAST_MS = 1000;

export class Refresher {
  /** @param {(signal: AbortSignal) => Promise<void>} work */
  constructor(work) {
    this.work = work;
    this.last = 0;
    this.due = false;
    this.least = LEAST_MS;
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) clearTimeout(this.timer);
      else if (this.due) this.plan();
    });
  }

  /** Something changed: soon, but `least` milliseconds after the last time. */
  soon(least = LEAST_MS) {
    this.least = this.due ? Math.min(this.least, least) : least;
    this.due = true;
    this.plan();
  }

  /** Something else shall be shown: at once, and what is under way is worth nothing. */
  now() {
    this.stop?.abort();
    this.running = false;
    this.last = 0;
    this.soon();
  }

  plan() {
    clearTimeout(this.timer);
    if (document.hidden || this.running) return;
    this.timer = setTimeout(
      () => this.run(),
      Math.max(0, this.last + this.least - performance.now()),
    );
  }

  async run() {
    const stop = new AbortController();
    this.stop = stop;
    this.due = false;
    this.running = true;
    this.last = performance.now();
    try {
      await this.work(stop.signal);
    } finally {
      if (this.stop === stop) {
        this.running = false;
        if (this.due) this.plan();
      }
    }
  }
}
