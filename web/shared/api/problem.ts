/** What goes wrong: RFC 9457 problem details as an error that can be caught. */

import type { components } from "./schema.ts";

/** Longest text of an answer that is no problem document and is still shown, in characters. */
const SHOWN_MAX_CHARS = 200;

/**
 * The server refused, or could not answer. Decide by {@link Problem.code}, which stays; show {@link Problem.message} and
 * {@link Problem.next} to people.
 */
export class Problem extends Error {
  override readonly name = "Problem";
  /** Stable kebab-case code, such as `digest-mismatch`; `not-a-problem` where something between answered instead. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** What to do now, in a sentence. */
  readonly next: string | undefined;
  /** After a 409 on a decision: what waits now. */
  readonly waits: unknown;
  /** After a 409 on a decision about an earlier revision: what changed since. */
  readonly delta: components["schemas"]["DeltaWire"] | undefined;
  /** Path of the code's help page on the server. */
  readonly help: string;
  /** The request's id, under which the server's log has it. */
  readonly requestId: string | undefined;

  /** From the document and the answer that it came with. */
  constructor(document: components["schemas"]["Problem"], response: Response) {
    super(document.detail);
    this.code = document.code;
    this.status = response.status;
    this.next = document.next ?? undefined;
    this.waits = document.waits ?? undefined;
    this.delta = document.delta ?? undefined;
    this.help = document.type;
    this.requestId = response.headers.get("x-request-id") ?? undefined;
  }

  /** From the body of an answer, parsed or as text, which may come from a proxy and be anything. */
  static of(body: unknown, response: Response): Problem {
    if (isDocument(body)) {
      return new Problem(body, response);
    }
    const said = typeof body === "string" ? body.trim().slice(0, SHOWN_MAX_CHARS) : "";
    const detail = `${response.url} answered ${response.status}${said === "" ? "" : `: ${said}`}`;
    const { status, statusText: title } = response;
    return new Problem({ type: "about:blank", code: "not-a-problem", title, status, detail }, response);
  }

  /** Reads the rest of a failed answer. */
  static async read(response: Response): Promise<Problem> {
    const text = await response.text();
    try {
      return Problem.of(JSON.parse(text), response);
    } catch {
      return Problem.of(text, response);
    }
  }
}

function isDocument(body: unknown): body is components["schemas"]["Problem"] {
  return (
    typeof body === "object" &&
    body !== null &&
    "code" in body &&
    typeof body.code === "string" &&
    "detail" in body &&
    typeof body.detail === "string" &&
    "type" in body &&
    typeof body.type === "string"
  );
}
