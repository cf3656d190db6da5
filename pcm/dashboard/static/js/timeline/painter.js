/**
 * Draws lanes on a canvas. Uses differ in height as well as in colour: useful and lost are full,
 * loading is lower, idle is a line, and no work is a thin one.
 */
import { plain } from "../page/foreign.js";
import { colours, onTheme } from "../page/themes.js";
import { timeTicks } from "../charts/ticks.js";

export const AXIS_HEIGHT = 24;
const NAMES = [
  "use-useful",
  "use-loading",
  "use-lost",
  "use-idle",
  "use-no_work",
  "ink",
  "faint-ink",
  "rule",
  "paper",
  "accent",
  "hatch",
];
const HEIGHTS = { useful: 1, loading: 0.62, lost: 1, idle: 0.22, no_work: 0.1 };
const MARKED = new Set(["evicted", "lost", "refused"]);
const FONT = "12px system-ui, sans-serif";

/** @typedef {{width: number, height: number, gutter: number, lane: number, first: number, shift: number}} Layout */

export class Painter {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (
      canvas.getContext("2d", { alpha: false })
    );
    this.learn();
    onTheme(() => this.learn());
  }

  learn() {
    this.colour = colours(NAMES);
  }

  /** The canvas has this size in CSS pixels. */
  resize(width, height) {
    const ratio = window.devicePixelRatio || 1;
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
  }

  /**
   * @param {Layout} layout
   * @param {import("./view_window.js").ViewWindow} view
   * @param {Map<number, any>} lanes
   * @param {{lane: number, span: any} | null} chosen
   */
  draw(layout, view, lanes, chosen) {
    const { context: c, colour } = this;
    const { width, height, gutter, lane, first, shift } = layout;
    c.fillStyle = colour.paper;
    c.fillRect(0, 0, width, height);
    c.font = FONT;
    const scale = (width - gutter) / view.width;
    const x = (at) => gutter + (at - view.start) * scale;
    const ticks = timeTicks(view.start, view.stop, Math.max(2, (width - gutter) / 90));
    c.fillStyle = colour.rule;
    for (const { at } of ticks) c.fillRect(Math.round(x(at)), AXIS_HEIGHT - 4, 1, height);
    const rows = Math.ceil((height - AXIS_HEIGHT + shift) / lane);
    for (let row = 0; row < rows; row++) {
      const there = lanes.get(first + row);
      const y = AXIS_HEIGHT + row * lane - shift;
      if (chosen?.lane === first + row) {
        c.fillStyle = colour.rule;
        c.fillRect(0, y, width, lane);
      }
      if (there) this.lane(there, view, x, y, layout);
    }
    if (chosen?.span && lane >= 4) this.outline(chosen, x, layout);
    this.axis(ticks, x, layout);
  }

  lane(lane, view, x, y, { width, gutter, lane: tall }) {
    const { context: c, colour } = this;
    const room = tall >= 8 ? tall - 3 : tall - 1;
    const top = y + (tall >= 8 ? 1.5 : 0.5);
    const { spans } = lane;
    for (let place = firstAfter(spans, view.start); place < spans.length; place++) {
      const span = spans[place];
      if (span.start >= view.stop) break;
      // In a lane that is too low for gaps between batches, those that follow are drawn as one.
      if (tall < 8)
        while (place + 1 < spans.length && continues(span, spans[place], spans[place + 1])) place++;
      const left = Math.max(gutter, x(span.start));
      let right = Math.min(width, x(spans[place].stop));
      if (right - left > 3 && tall >= 8) right -= 1;
      const across = Math.max(right - left, 0.5);
      const high =
        tall < 8 ? Math.max(1, Math.round(room * HEIGHTS[span.use])) : room * HEIGHTS[span.use];
      c.fillStyle = colour[`use-${span.use}`];
      c.globalAlpha = span.share >= 1 ? 1 : 0.4 + 0.6 * span.share;
      c.fillRect(left, top + (room - high) / 2, across, high);
      if (span.use === "lost" && tall >= 8 && across >= 6) this.hatch(left, top, across, room);
    }
    c.globalAlpha = 1;
    if (
      lane.left_at !== null &&
      lane.left &&
      lane.left_at >= view.start &&
      lane.left_at <= view.stop
    )
      this.left(lane, x(lane.left_at), top, room);
    if (tall >= 12) {
      c.fillStyle = lane.left_at === null ? colour.ink : colour["faint-ink"];
      c.fillText(fitted(c, plain(lane.worker, 60), gutter - 12), 6, y + tall / 2 + 4);
    }
  }

  /** Lost work has stripes, for who does not see its colour. */
  hatch(left, top, across, room) {
    const { context: c } = this;
    c.save();
    c.beginPath();
    c.rect(left, top, across, room);
    c.clip();
    c.beginPath();
    for (let from = left - room; from < left + across; from += 5) {
      c.moveTo(from, top + room);
      c.lineTo(from + room, top);
    }
    c.strokeStyle = this.colour.hatch;
    c.lineWidth = 1.2;
    c.stroke();
    c.restore();
  }

  /** The end of a worker: a cross where it was taken or lost, a bar where it was let go. */
  left(lane, x, top, room) {
    const { context: c, colour } = this;
    const taken = [...MARKED].some((word) => lane.left.startsWith(word));
    c.fillStyle = taken ? colour["use-lost"] : colour["faint-ink"];
    if (!taken || room < 8) return c.fillRect(x - 0.5, top, room < 8 ? 3 : 1.5, room);
    const [middle, arm] = [top + room / 2, Math.min(5, room / 2 - 1)];
    c.beginPath();
    c.arc(x, middle, arm + 2.5, 0, 7);
    c.fillStyle = colour.paper;
    c.fill();
    c.beginPath();
    c.moveTo(x - arm, middle - arm);
    c.lineTo(x + arm, middle + arm);
    c.moveTo(x + arm, middle - arm);
    c.lineTo(x - arm, middle + arm);
    c.strokeStyle = colour["use-lost"];
    c.lineWidth = 2.2;
    c.stroke();
  }

  outline({ lane: place, span }, x, { width, gutter, lane, first, shift }) {
    const { context: c } = this;
    const y = AXIS_HEIGHT + (place - first) * lane - shift;
    const left = Math.max(gutter, x(span.start));
    c.strokeStyle = this.colour.ink;
    c.lineWidth = 1.5;
    c.strokeRect(left, y + 0.5, Math.max(2, Math.min(width, x(span.stop)) - left), lane - 1);
  }

  axis(ticks, x, { width, gutter }) {
    const { context: c, colour } = this;
    c.fillStyle = colour.paper;
    c.fillRect(0, 0, width, AXIS_HEIGHT);
    c.fillStyle = colour.rule;
    c.fillRect(0, AXIS_HEIGHT - 1, width, 1);
    c.fillStyle = colour["faint-ink"];
    c.textAlign = "center";
    for (const { at, text } of ticks) {
      const half = c.measureText(text).width / 2;
      if (x(at) - half > gutter - 8)
        c.fillText(text, Math.min(x(at), width - half - 2), AXIS_HEIGHT - 9);
    }
    c.textAlign = "start";
  }
}

function continues(first, last, next) {
  return next.use === first.use && next.share === first.share && next.start - last.stop < 1e-3;
}

/** The first span that ends after a moment, by halving. */
export function firstAfter(spans, at) {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (spans[middle].stop <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** As much of a text as has room: its middle goes first, since names differ at their ends. */
const cuts = new Map();
function fitted(context, text, room) {
  const key = `${room}:${text}`;
  if (!cuts.has(key)) {
    if (cuts.size > 5000) cuts.clear();
    let cut = text;
    for (let kept = text.length - 1; kept > 1 && context.measureText(cut).width > room; kept--) {
      const tail = Math.ceil(kept * 0.6);
      cut = `${text.slice(0, kept - tail)}…${text.slice(text.length - tail)}`;
    }
    cuts.set(key, cut);
  }
  return cuts.get(key);
}
