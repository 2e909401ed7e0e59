/**
 * Live events: `GET /api/v1/events` as an async iterator that goes on without a gap after whatever broke it.
 *
 * An event says what changed, never what it became: read that again. It is `fetch` and not `EventSource`, because that
 * can't send a token.
 */

import { Problem } from "./problem.ts";
import type { components } from "./schema.ts";
import { EventReader } from "./sse.ts";

type Changed = components["schemas"]["Changed"];

/** The first pause before it connects again, in milliseconds; each further one is twice as long. */
const PAUSE_MIN_MS = 250;
/** The longest pause, in milliseconds. */
const PAUSE_MAX_MS = 15_000;
/** The server says something every 15 s; after this long without a byte the connection is taken for dead. */
const SILENCE_MAX_MS = 45_000;

/** What to listen to, and how. */
export interface FollowOptions {
  /** Only this workflow's events. */
  workflow?: string;
  /**
   * Everything after the entry with this index: the `index` of the last event that was dealt with. From now on if
   * nothing is said.
   */
  after?: number;
  /** Ends the iteration: it returns, it does not throw. */
  signal?: AbortSignal;
  /** Told whenever the connection is there, and whenever it is lost, with why; for a light on a page. */
  onConnection?: (connected: boolean, why?: unknown) => void;
}

/** What {@link follow} needs of a client. */
export interface Source {
  origin: string;
  fetch: (input: Request) => Promise<Response>;
  /** How the caller shows who it is; asked for before every connection. */
  headers: () => Promise<Headers>;
  /** How many entries the ledger has. */
  size: (signal: AbortSignal | undefined) => Promise<number>;
}

/**
 * The ledger's new entries in order, each once. A broken or silent connection, a restarted server, 429 and 5xx are waited
 * out with growing pauses of at most 15 s; everything else that the server refuses is a thrown {@link Problem}, such as
 * `sign-in-needed` when the session has ended.
 */
export async function* follow(
  source: Source,
  options: FollowOptions,
): AsyncGenerator<Changed, void, undefined> {
  const { signal, onConnection } = options;
  const isOver = () => signal?.aborted === true;
  let after = options.after;
  let failures = 0;
  while (!isOver()) {
    const headers = await source.headers();
    try {
      // From now on: from this call on, though the first connection may be lost before its first event.
      after ??= (await source.size(signal)) - 1;
      const request = ask(source.origin, headers, options.workflow, after);
      for await (const heard of listen(source, request, signal)) {
        if (isOver()) {
          return;
        }
        failures = 0;
        if (heard === "connected") {
          onConnection?.(true);
          continue;
        }
        after = heard.index;
        yield heard;
      }
      onConnection?.(false);
    } catch (error) {
      if (isOver()) {
        return;
      }
      if (!passes(error)) {
        throw error;
      }
      onConnection?.(false, error);
    }
    await pause(failures, signal);
    failures += 1;
  }
}

function ask(origin: string, headers: Headers, workflow: string | undefined, after: number): Request {
  const url = new URL("/api/v1/events", origin);
  if (workflow !== undefined) {
    url.searchParams.set("workflow", workflow);
  }
  headers.set("Accept", "text/event-stream");
  if (after >= 0) {
    headers.set("Last-Event-ID", String(after));
  }
  return new Request(url, { headers, credentials: "same-origin", cache: "no-store", redirect: "error" });
}

/** One connection, from the first word to its end. */
async function* listen(
  source: Source,
  request: Request,
  signal: AbortSignal | undefined,
): AsyncGenerator<Changed | "connected", void, undefined> {
  const connection = new AbortController();
  const stop = () => connection.abort(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const asked = source.fetch(new Request(request, { signal: connection.signal }));
    const response = await unlessSilent(asked, connection);
    if (!response.ok || response.body === null) {
      throw await Problem.read(response);
    }
    yield "connected";
    const pieces = response.body.getReader();
    const text = new TextDecoder();
    const events = new EventReader();
    for (;;) {
      const { done, value } = await unlessSilent(pieces.read(), connection);
      if (done) {
        return;
      }
      for (const event of events.read(text.decode(value, { stream: true }))) {
        if (event.type === "changed") {
          yield JSON.parse(event.data) as Changed;
        }
      }
    }
  } finally {
    signal?.removeEventListener("abort", stop);
    connection.abort();
  }
}

/** Nothing was heard for too long. */
class Silence extends Error {
  override readonly name = "Silence";
}

async function unlessSilent<T>(awaited: Promise<T>, connection: AbortController): Promise<T> {
  const silence = new Silence(`nothing was heard for ${SILENCE_MAX_MS / 1000} s`);
  const timer = setTimeout(() => connection.abort(silence), SILENCE_MAX_MS);
  try {
    return await awaited;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether waiting helps. `fetch` says `TypeError` for everything between here and the server. */
function passes(error: unknown): boolean {
  if (error instanceof Problem) {
    return error.status === 429 || error.status >= 500;
  }
  return error instanceof Silence || error instanceof TypeError;
}

/** Half to all of the pause, so that many clients of a restarted server don't come at once. */
function pause(failures: number, signal: AbortSignal | undefined): Promise<void> {
  const longest = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** failures);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, longest * (0.5 + Math.random() / 2));
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted === true) {
      end();
    }
  });
}
