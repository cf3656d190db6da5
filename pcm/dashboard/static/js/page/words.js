/** Times, sizes and numbers as people read them: the same words as `pcm/durations.py`. */

const LONG = [
  { unit: "d", size: 86400, smaller: "h", part: 3600 },
  { unit: "h", size: 3600, smaller: "min", part: 60 },
];
const BRIEF = [
  { unit: "d", size: 86400, least: 172800 },
  { unit: "h", size: 3600, least: 5400 },
  { unit: "min", size: 60, least: 90 },
];
const PER = [
  { unit: "s", size: 1 },
  { unit: "min", size: 60 },
  { unit: "h", size: 3600 },
];

const whole = new Intl.NumberFormat("en");

/** @param {number} number */
export function count(number) {
  return whole.format(Math.round(number));
}

/** `1 item`, `1,200 items`. */
export function counted(number, noun) {
  return `${count(number)} ${noun}${number === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;
}

/** Seconds in the two largest units that matter: `48 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "unknown";
  if (seconds < 0) return `-${duration(-seconds)}`;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const total = Math.round(seconds);
  for (const { unit, size, smaller, part } of LONG) {
    if (total >= size)
      return `${Math.floor(total / size)} ${unit} ${Math.floor((total % size) / part)} ${smaller}`;
  }
  return total >= 60 ? `${Math.floor(total / 60)} min ${total % 60} s` : `${total} s`;
}

/** One unit only, for narrow places: `48 s`, `3 min`, `2 d`. */
export function briefly(seconds) {
  for (const { unit, size, least } of BRIEF) {
    if (Math.abs(seconds) >= least) return `${Math.round(seconds / size)} ${unit}`;
  }
  return `${Math.round(seconds)} s`;
}

/** A speed: per second, or per minute or hour where that is below one. */
export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "";
  for (const { size, unit } of PER) {
    const value = perSecond * size;
    if (value >= 1 || unit === "h")
      return `${value >= 100 ? count(value) : value.toFixed(1)}/${unit}`;
  }
  return "";
}

/** Bytes with a prefix of 1000: `80.0 GB`. */
export function size(bytes) {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (value < 1000 || unit === "TB")
      return `${unit === "B" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return "";
}

/** A share of 1. Never 100% unless it is all, never 0% unless it is nothing. */
export function percent(share, digits = 0) {
  if (share === null || share === undefined) return "unknown";
  const least = 10 ** -digits;
  const value = share * 100;
  if (value > 0 && value < least) return `< ${least}%`;
  if (value < 100 && value > 100 - least / 2) return `> ${(100 - least).toFixed(digits)}%`;
  return `${value.toFixed(digits)}%`;
}

let today = Date.now() / 1000;

/** The moment that is shown: times of its day are told without a date. */
export function setToday(at) {
  today = at;
}

/** The time of day of a unix time; with the date where it is another day than the one shown. */
export function clock(at, seconds = true) {
  const date = new Date(at * 1000);
  const time = date.toLocaleTimeString(
    "en-GB",
    seconds ? {} : { hour: "2-digit", minute: "2-digit" },
  );
  const same = date.toDateString() === new Date(today * 1000).toDateString();
  return same
    ? time
    : `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}

/** What the five uses of a worker's time are called. */
export const USES = /** @type {const} */ ({
  useful: "useful",
  loading: "loading",
  lost: "lost",
  idle: "idle",
  no_work: "no work",
});

export const TIERS = { gpu: "GPU", host: "host memory", disk: "disk", absent: "nowhere" };
