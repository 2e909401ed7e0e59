import assert from "node:assert/strict";
import test from "node:test";
import { EventReader } from "../shared/api/sse.ts";

const STREAM =
  "\uFEFF: hello\r\nid: 7\nevent: changed\ndata: {\"a\":\ndata: 1}\r\n\r\ndata:  two blanks\r\rid: 8\n\n:\n\ndata\n\ndata: cut";

test("an event is the same however its stream is cut", () => {
  const expected = [
    { type: "changed", data: '{"a":\n1}', id: "7" },
    { type: "message", data: " two blanks", id: "7" },
    { type: "message", data: "", id: "8" },
  ];
  for (let size = 1; size <= STREAM.length; size += 1) {
    const reader = new EventReader();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) {
      found.push(...reader.read(STREAM.slice(at, at + size)));
    }
    assert.deepEqual(found, expected, `in pieces of ${size}`);
  }
});

test("an event without an end is given up", () => {
  const reader = new EventReader();
  const endless = () => {
    for (let piece = 0; piece < 100; piece += 1) {
      assert.deepEqual([...reader.read(`data: ${"x".repeat(100_000)}\n`)], []);
    }
  };
  assert.throws(endless, RangeError);
});
