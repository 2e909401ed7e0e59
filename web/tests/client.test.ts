/**
 * The client against a running server. Whoever starts this (`web_client.rs`) says where the server is, restarts it when
 * the file named in `RESTART` appears, and does something at the terminal while it is down.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import test from "node:test";
import { Countersign, Problem, idempotencyKey, ok, signIn } from "../shared/api/index.ts";
import { submitAndFollow } from "./example.ts";
import type { Changed, NewWorkflow } from "../shared/api/index.ts";

const origin = said("ORIGIN");
const server = new Countersign({ origin, token: said("KEY") });
const diff = said("DIFF");
const change: NewWorkflow = {
  text: "Say so",
  repositories: [{ name: "tollgate" }],
  diffs: [{ repository: "tollgate", diff }],
};

function said(name: string): string {
  const value = process.env[name];
  assert.ok(value !== undefined, `${name} is not set: run the Rust test web_client`);
  return value;
}

function problem(code: string, status: number) {
  return (error: unknown) => {
    assert.ok(error instanceof Problem, String(error));
    assert.deepEqual([error.code, error.status], [code, status]);
    assert.match(error.help, new RegExp(`/${code}$`));
    assert.ok(error.message !== "" && error.requestId !== undefined);
    return true;
  };
}

test("a code becomes a session and works once", async () => {
  const { token } = await signIn(origin, said("CODE"));
  const me = await ok(new Countersign({ origin, token: async () => token }).api.GET("/api/v1/session"));
  assert.equal(me.kind, "person");
  await assert.rejects(signIn(origin, said("CODE")), problem("code-refused", 403));
});

test("what is there is listed", async () => {
  const repositories = await ok(server.api.GET("/api/v1/repositories"));
  assert.deepEqual(
    repositories.map((repository) => repository.name),
    ["tollgate", "larder"],
  );
});

test("a wrong key is a problem with a code and what to do next", async () => {
  const stranger = new Countersign({ origin, token: `csk_0123456789ab_${"0".repeat(64)}` });
  await assert.rejects(ok(stranger.api.GET("/api/v1/workflows")), problem("sign-in-needed", 401));
  await assert.rejects(stranger.submit(change), (error) => {
    return error instanceof Problem && error.next?.startsWith("Sign in") === true;
  });
  // It is not tried again and again.
  await assert.rejects(stranger.follow().next(), problem("sign-in-needed", 401));
});

test("what answers instead of the server is a problem, too", async () => {
  const proxied = new Countersign({
    origin,
    fetch: async () => new Response("<h1>Bad gateway</h1>", { status: 502 }),
  });
  const asked = ok(proxied.api.GET("/api/v1/workflows"));
  await assert.rejects(asked, (error) => error instanceof Problem && error.code === "not-a-problem");
});

test("the same call twice is one workflow, and its events are live until it waits", async () => {
  const over = new AbortController();
  const events = server.follow({ signal: over.signal });
  const first = events.next();
  const key = idempotencyKey("issue", 8);
  const submitted = await server.submit(change, key);
  assert.equal((await server.submit(change, key)).id, submitted.id);
  await assert.rejects(
    server.submit({ ...change, text: "Say other" }, key),
    problem("idempotency-key-reused", 409),
  );
  await assert.rejects(server.submit(change), problem("duplicate", 409));

  const seen: Changed[] = [];
  for (let next = await first; !next.done; next = await events.next()) {
    seen.push(next.value);
    const waiting = await ok(
      server.api.GET("/api/v1/requests", { params: { query: { workflow: submitted.id } } }),
    );
    if (waiting.requests.length > 0) {
      assert.equal(waiting.requests[0]?.about, "patch-set");
      break;
    }
  }
  over.abort();
  assert.equal((await events.next()).done, true);
  withoutGap(seen);
  assert.ok(seen.some((event) => event.workflow === submitted.id));
});

test("events go on without a gap over a server that was killed and started again", async () => {
  const before = (await ok(server.api.GET("/api/v1/ledger"))).size;
  const connections: boolean[] = [];
  const over = new AbortController();
  const seen: Changed[] = [];
  const after = before - 4;
  for await (const event of server.follow({
    after,
    signal: over.signal,
    onConnection: (connected) => connections.push(connected),
  })) {
    seen.push(event);
    if (event.index === before - 1) {
      writeFileSync(said("RESTART"), "now");
    }
    if (event.kind === "member.added" && event.index >= before) {
      over.abort();
    }
  }
  withoutGap(seen);
  assert.equal(seen[0]?.index, after + 1);
  assert.deepEqual([connections[0], connections[1], connections.at(-1)], [true, false, true]);
});

test("the example in README.md does what it says", async () => {
  const id = await submitAndFollow(server, diff);
  const { state } = await ok(server.api.GET("/api/v1/workflows/{id}", { params: { path: { id } } }));
  assert.equal(state, "AwaitingApproval");
});

test("all workflows come, page by page", async () => {
  const made = [];
  for (const count of [1, 2, 3, 4]) {
    made.push((await server.submit({ ...change, text: `Say it ${count} times` })).id);
  }
  const listed = [];
  for await (const workflow of server.workflows({ limit: 2 })) {
    listed.push(workflow.id);
  }
  assert.equal(new Set(listed).size, listed.length);
  assert.deepEqual(listed.slice(0, 4), made.reverse());
  assert.equal(listed.length, 6);
  for await (const workflow of server.workflows({ limit: 1 })) {
    assert.equal(workflow.id, made[0], "nobody has to take all");
    break;
  }
});

function withoutGap(events: Changed[]): void {
  const indices = events.map((event) => event.index);
  assert.deepEqual(
    indices,
    indices.map((_, at) => (indices[0] ?? 0) + at),
  );
}
