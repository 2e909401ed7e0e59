/**
 * The client: every endpoint by its path, typed by the server's own description, and a few words for what is done most.
 *
 * It keeps no state but the token's source, retries nothing by itself (live events apart) and decides nothing.
 */

import createClient from "openapi-fetch";
import type { Client } from "openapi-fetch";
import { follow } from "./live.ts";
import type { FollowOptions } from "./live.ts";
import { Problem } from "./problem.ts";
import type { components, paths } from "./schema.ts";

type Schemas = components["schemas"];

/** An API key (`csk_…`) or a session's token (`css_…`), or where to get the one in force. */
export type Token = string | (() => string | Promise<string>);

/** Where the server is, and who calls. */
export interface Options {
  /** Origin without a path, such as `https://review.example.org` or `http://127.0.0.1:7171`. */
  origin: string;
  /**
   * Leave it out on the server's own pages only: there the browser sends the session's cookie and says by
   * `Sec-Fetch-Site` that the page is the server's own, which is the whole of the protection against forged requests.
   */
  token?: Token;
  /** Another `fetch`, for tests and proxies. */
  fetch?: (input: Request) => Promise<Response>;
}

/** Which workflows: the query of `GET /api/v1/workflows` but for the cursor; `limit` is the size of a page. */
export type WorkflowFilter = Omit<
  NonNullable<paths["/api/v1/workflows"]["get"]["parameters"]["query"]>,
  "cursor"
>;

/** One server, one caller. */
export class Countersign {
  /**
   * Every endpoint, typed: `server.api.GET("/api/v1/workflows/{id}", { params: { path: { id } } })`. It gives
   * `{ data, error, response }`; {@link ok} makes that the data or a thrown {@link Problem}.
   */
  readonly api: Client<paths>;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
    const { origin, token, fetch } = options;
    this.api = createClient<paths>({
      baseUrl: origin,
      credentials: "same-origin",
      redirect: "error",
      ...(fetch === undefined ? {} : { fetch }),
    });
    if (token !== undefined) {
      this.api.use({
        async onRequest({ request }) {
          request.headers.set("Authorization", await authorization(token));
          return request;
        },
      });
    }
  }

  /**
   * Starts a workflow. With the same `key` the same call gives the same workflow, however often it is made, so that
   * repeating after a lost answer is safe; another call under a used key is a {@link Problem} `idempotency-key-reused`.
   * `judged` is false where it still waits in the server's inbox after five seconds.
   */
  async submit(
    workflow: Schemas["NewWorkflow"],
    key: string = idempotencyKey(),
    signal?: AbortSignal,
  ): Promise<Schemas["Submitted"]> {
    return ok(
      this.api.POST("/api/v1/workflows", {
        params: { header: { "Idempotency-Key": key } },
        body: workflow,
        signal: signal ?? null,
      }),
    );
  }

  /** All workflows that match, newest first, page by page as they are taken; stop any time with `break`. */
  async *workflows(
    filter: WorkflowFilter = {},
    signal?: AbortSignal,
  ): AsyncGenerator<Schemas["WorkflowRowWire"], void, undefined> {
    let cursor: string | null | undefined;
    do {
      const query = { ...filter, ...(cursor == null ? {} : { cursor }) };
      const asked = this.api.GET("/api/v1/workflows", {
        params: { query },
        signal: signal ?? null,
      });
      const page: Schemas["WorkflowsPage"] = await ok(asked);
      yield* page.workflows;
      cursor = page.next;
    } while (cursor != null);
  }

  /** Live events, without a gap until `signal` aborts; see {@link follow}. */
  follow(options: FollowOptions = {}): AsyncGenerator<Schemas["Changed"], void, undefined> {
    const { origin, token, fetch = (input) => globalThis.fetch(input) } = this.#options;
    const headers = async () =>
      new Headers(token === undefined ? {} : { Authorization: await authorization(token) });
    const size = async (signal?: AbortSignal) =>
      (await ok(this.api.GET("/api/v1/ledger", { signal: signal ?? null }))).size;
    return follow({ origin, fetch, headers, size }, options);
  }
}

/** What a call of {@link Countersign.api} gives, or a thrown {@link Problem}. */
export async function ok<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) {
    throw Problem.of(error, response);
  }
  return data as T;
}

/** Trades a one-time code (`countersign code`) for a session's token, which is valid for 14 days. */
export async function signIn(
  origin: string,
  code: string,
  fetch?: Options["fetch"],
): Promise<Schemas["Token"]> {
  const { api } = new Countersign({ origin, ...(fetch === undefined ? {} : { fetch }) });
  return ok(api.POST("/api/v1/sessions", { body: { code } }));
}

/**
 * A key for {@link Countersign.submit}. Out of what names the work (`idempotencyKey("issue", 7)`) it is the same in every
 * process that does this work; without anything it is a new one. Keys are each caller's own and need not be secret.
 */
export function idempotencyKey(...names: (string | number)[]): string {
  if (names.length > 0) {
    return names.map((name) => encodeURIComponent(name)).join("/");
  }
  // `crypto` is missing on pages without TLS and in Node 18; nobody gains by guessing this.
  const letters = () => Math.random().toString(36).slice(2);
  return `${Date.now().toString(36)}-${letters()}${letters()}`;
}

async function authorization(token: Token): Promise<string> {
  return `Bearer ${typeof token === "string" ? token : await token()}`;
}
