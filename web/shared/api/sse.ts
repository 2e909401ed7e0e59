/**
 * The text of an event stream, in pieces of any size, to events; as WHATWG HTML says in "Interpreting an event stream"
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html), but for `retry`, which our server doesn't send.
 */

/** Longest event that is read, in characters. Ours have some hundred. */
const EVENT_MAX_CHARS = 1 << 20;

/** One event. */
export interface ServerEvent {
  /** `message` if the stream said nothing. */
  type: string;
  data: string;
  /** The last id that the stream gave; empty if none. */
  id: string;
}

/** Reads one stream. */
export class EventReader {
  #line = "";
  #type = "";
  #data = "";
  #id = "";
  /** The piece before ended in CR: a LF at the beginning of the next one belongs to it. */
  #afterCr = false;
  #atStart = true;

  /** The events that this piece completes. Throws a `RangeError` where one has no end. */
  *read(piece: string): Generator<ServerEvent, void, undefined> {
    if (piece === "") {
      return;
    }
    let text = this.#afterCr && piece.startsWith("\n") ? piece.slice(1) : piece;
    if (this.#atStart) {
      this.#atStart = false;
      text = text.replace(/^\uFEFF/, "");
    }
    this.#afterCr = piece.endsWith("\r");
    const lines = text.split(/\r\n|\n|\r/);
    const unfinished = lines.pop() ?? "";
    for (const end of lines) {
      const line = this.#line + end;
      this.#line = "";
      const event = this.#take(line);
      if (event !== undefined) {
        yield event;
      }
    }
    this.#line += unfinished;
    if (this.#line.length + this.#data.length > EVENT_MAX_CHARS) {
      throw new RangeError(`an event has more than ${EVENT_MAX_CHARS} characters`);
    }
  }

  #take(line: string): ServerEvent | undefined {
    if (line === "") {
      return this.#finish();
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") {
      this.#data += `${value}\n`;
    } else if (field === "event") {
      this.#type = value;
    } else if (field === "id" && !value.includes("\0")) {
      this.#id = value;
    }
    return undefined;
  }

  #finish(): ServerEvent | undefined {
    const event = { type: this.#type || "message", data: this.#data.slice(0, -1), id: this.#id };
    const isEmpty = this.#data === "";
    this.#type = "";
    this.#data = "";
    return isEmpty ? undefined : event;
  }
}
