/** Where an axis has its marks. */

const TIME_STEPS = [
  0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
  43200, 86400, 172800, 604800,
];

/**
 * Marks of a stretch of time, at round times of day here.
 * @param {number} start @param {number} stop unix seconds
 * @param {number} most How many marks have room.
 * @returns {{at: number, text: string}[]}
 */
export function timeTicks(start, stop, most) {
  const step =
    TIME_STEPS.find((one) => (stop - start) / one <= most) ?? TIME_STEPS[TIME_STEPS.length - 1];
  const shift = new Date(start * 1000).getTimezoneOffset() * 60;
  const found = [];
  for (let at = Math.ceil((start - shift) / step) * step + shift; at <= stop; at += step)
    found.push({ at, text: named(at, step) });
  return found;
}

function named(at, step) {
  const date = new Date(at * 1000);
  if (step >= 86400) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const time = date.toLocaleTimeString("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    ...(step < 60 && { second: "2-digit" }),
  });
  if (step < 1) return `${time}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  return time;
}

/** The least round number that is not below `most`, and a few marks up to it. */
export function valueTicks(most, marks = 3) {
  if (!(most > 0)) return { top: 1, ticks: [0, 1] };
  const power = 10 ** Math.floor(Math.log10(most / marks));
  const step =
    [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one * marks >= most) ?? 10 * power;
  const top = Math.ceil(most / step - 1e-9) * step;
  return {
    top,
    ticks: Array.from({ length: Math.round(top / step) + 1 }, (_, place) => place * step),
  };
}
