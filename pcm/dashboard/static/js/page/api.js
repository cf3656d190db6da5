/** Questions to the server. Nothing but its own origin is ever asked. */

const PATIENCE_MS = 20_000;

/** The server answered with a refusal: `status` 401 or 403 is a wrong token. */
export class Refusal extends Error {
  constructor(status, text, mend = "") {
    super(text);
    this.status = status;
    this.mend = mend;
  }
}

/**
 * @param {string} path
 * @param {Record<string, any>} [words] Those that are null, undefined or "" are left out.
 * @param {AbortSignal} [signal]
 */
export async function ask(path, words = {}, signal) {
  const given = Object.entries(words).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const answer = await fetch(given.length ? `${path}?${query}` : path, {
    signal: signal ? AbortSignal.any([signal, patience]) : patience,
    cache: "no-store",
  });
  return settled(answer);
}

/** What a run's part of the API is called. */
export function of(run, part) {
  return `/api/runs/${encodeURIComponent(run)}/${part}`;
}

/** @returns {Promise<{done: boolean, text: string}>} */
export async function act(run, action, worker = "") {
  const answer = await fetch(of(run, "actions"), {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-PCM-Action": "1" },
    body: JSON.stringify({ action, worker }),
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return settled(answer);
}

async function settled(answer) {
  if (answer.ok) return answer.json();
  let said = {};
  try {
    said = await answer.json();
  } catch {
    // A refusal without a text says what its status says.
  }
  throw new Refusal(
    answer.status,
    said.error ?? `the server answered ${answer.status}`,
    said.mend ?? "",
  );
}
