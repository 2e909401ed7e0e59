import { type Countersign, idempotencyKey, ok } from "../shared/api/index.ts";

/** Submits a diff and follows it until a person has to decide; a key never does. */
export async function submitAndFollow(server: Countersign, diff: string): Promise<string> {
  const { id } = await server.submit(
    { text: "Prices go in grams", repositories: [{ name: "tollgate" }], diffs: [{ repository: "tollgate", diff }] },
    idempotencyKey("issue", 7), // the same call again gives the same workflow
  );
  for await (const event of server.follow({ workflow: id, after: 0 })) {
    const { state, reason } = await ok(server.api.GET("/api/v1/workflows/{id}", { params: { path: { id } } }));
    console.log(event.index, state, reason);
    if (state === "AwaitingApproval") break;
  }
  return id;
}
