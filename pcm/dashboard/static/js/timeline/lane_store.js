/**
 * The lanes that the server told of: what is seen is asked for, with some beyond its edges, one
 * question at a time. What came for another window is shown until the right one is there.
 */

const MARGIN_LANES = 30;
const MARGIN_SHARE = 0.25;
const MOST_COLUMNS = 2000;
const KEPT_LANES = 600;
const PAUSE_MS = 60;

export class LaneStore {
  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    this.clear();
  }

  clear() {
    /** @type {Map<number, any>} */
    this.lanes = new Map();
    this.total = 0;
    this.age = 0;
    this.asking?.abort();
    this.asking = null;
    this.wish = null;
  }

  /** The run went on: what is there is still shown, and asked for anew. */
  renew() {
    this.age += 1;
  }

  /**
   * @param {{start: number, stop: number, columns: number, first: number, lanes: number,
   *   sort: string, at: number | null, ask: Function}} wish
   */
  want(wish) {
    this.wish = wish;
    if (this.asking || this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.fetch();
    }, PAUSE_MS);
  }

  /** Whether a lane that is there is good enough for the wish. */
  suits(lane, wish) {
    const column = (wish.stop - wish.start) / wish.columns;
    return (
      lane &&
      lane.age === this.age &&
      lane.start <= wish.start &&
      lane.stop >= wish.stop &&
      lane.column <= column * 1.5
    );
  }

  satisfied(wish) {
    if (this.total === 0 && this.known === this.age) return true;
    const last = Math.min(wish.first + wish.lanes, this.total || 1);
    for (let place = wish.first; place < last; place++)
      if (!this.suits(this.lanes.get(place), wish)) return false;
    return true;
  }

  async fetch() {
    const { wish, age } = this;
    if (!wish || this.satisfied(wish)) return;
    const stop = new AbortController();
    this.asking = stop;
    const beyond = (wish.stop - wish.start) * MARGIN_SHARE;
    const first = Math.max(0, wish.first - MARGIN_LANES);
    const words = {
      start: (wish.start - beyond).toFixed(3),
      stop: (wish.stop + beyond).toFixed(3),
      columns: Math.min(MOST_COLUMNS, Math.round(wish.columns * (1 + 2 * MARGIN_SHARE))),
      first_lane: first,
      lanes: wish.lanes + wish.first - first + MARGIN_LANES,
      sort: wish.sort,
    };
    try {
      this.take(await wish.ask("timeline", words, stop.signal), words, age);
    } catch {
      // What is there stays; the page says when the connection is lost.
      if (this.asking === stop) this.wish = null;
    }
    if (this.asking !== stop) return;
    this.asking = null;
    if (this.wish && !this.satisfied(this.wish)) this.want(this.wish);
  }

  take(answer, words, age) {
    const column = (words.stop - words.start) / words.columns;
    this.total = answer.total_lanes;
    this.known = age;
    answer.lanes.forEach((lane, place) => {
      const spans = lane.spans.map(([start, stop, use, context, batch, share]) => ({
        start,
        stop,
        use,
        context: answer.contexts[context] ?? "",
        batch,
        share,
      }));
      // A server may draw the window in to where the run is: what was asked for is covered.
      this.lanes.set(answer.first_lane + place, {
        ...lane,
        spans,
        start: Number(words.start),
        stop: Number(words.stop),
        column,
        age,
      });
    });
    if (this.lanes.size > KEPT_LANES) {
      const middle = answer.first_lane + answer.lanes.length / 2;
      const far = [...this.lanes.keys()].sort(
        (a, b) => Math.abs(b - middle) - Math.abs(a - middle),
      );
      for (const place of far.slice(0, this.lanes.size - KEPT_LANES)) this.lanes.delete(place);
    }
    for (const place of this.lanes.keys()) if (place >= this.total) this.lanes.delete(place);
    this.onChange();
  }
}
