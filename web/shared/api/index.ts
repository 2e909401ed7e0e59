/** The API of a Countersign server, for browsers and Node. Start with {@link Countersign}. */

export { Countersign, idempotencyKey, ok, signIn } from "./client.ts";
export type { Options, Token, WorkflowFilter } from "./client.ts";
export { follow } from "./live.ts";
export type { FollowOptions } from "./live.ts";
export { Problem } from "./problem.ts";
export type * from "./schema.ts";
