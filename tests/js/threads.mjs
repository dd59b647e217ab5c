// Threads and their states with the official JavaScript SDK. Exits 0 when all is as on the platform.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const NOWHERE = "1f000000-0000-6000-8000-000000000000";
const input = { messages: [{ role: "user", content: "hi" }] };
const client = new Client({ apiUrl: process.env.CRONLANE_URL });

const said = (values) => values.messages.map((message) => message.content);
const refused = (call, status, text) =>
  assert.rejects(call, (error) => {
    assert.equal(error.status, status);
    assert.match(error.message, text);
    return true;
  });

async function talked(graph = "talking") {
  const { thread_id } = await client.threads.create();
  await client.runs.wait(thread_id, graph, { input });
  return thread_id;
}

const stories = {
  async copies() {
    const thread = await talked();
    const copy = await client.threads.copy(thread);
    assert.deepEqual(said(copy.values), ["hi", "reply 1", "reply 2"]);
    assert.equal((await client.threads.getHistory(copy.thread_id)).length, 4);
    await refused(() => client.threads.copy(NOBODY), 404, /not found/);
  },

  async pruning() {
    const thread = await talked();
    const answer = (strategy) =>
      fetch(`${process.env.CRONLANE_URL}/threads/prune`, {
        method: "POST",
        body: JSON.stringify({ thread_ids: [thread, NOBODY], strategy }),
      }).then((response) => response.json());
    assert.deepEqual(await answer("keep_latest"), { pruned_count: 1 });
    assert.equal((await client.threads.getHistory(thread)).length, 1);
    assert.deepEqual(await answer("delete"), { pruned_count: 1 });
    await refused(() => client.threads.get(thread), 404, /not found/);
  },

  async updates() {
    const thread = await talked();
    const values = { messages: [{ role: "ai", content: "by hand" }] };
    const { configurable } = await client.threads.updateState(thread, { values, asNode: "replies" });
    const state = await client.threads.getState(thread);
    assert.deepEqual(state.checkpoint, configurable);
    assert.deepEqual(state.next, ["closes"]);
    assert.equal((await client.threads.get(thread)).status, "interrupted");
    assert.deepEqual(said(await client.runs.wait(thread, "talking", { input: null })).slice(-2), ["by hand", "reply 4"]);
    await refused(() => client.threads.updateState(thread, { values, asNode: "nosuch" }), 400, /does not exist/);
  },

  async history() {
    const thread = await talked();
    const whole = await client.threads.getHistory(thread);
    assert.deepEqual(await client.threads.getHistory(thread, { limit: 2 }), whole.slice(0, 2));
    const before = { configurable: whole[1].checkpoint };
    assert.deepEqual(await client.threads.getHistory(thread, { before }), whole.slice(2));
    assert.deepEqual(await client.threads.getHistory(thread, { before: whole[1].checkpoint }), whole.slice(2));
    assert.deepEqual(await client.threads.getHistory(thread, { metadata: { source: "input" } }), whole.slice(3));
    assert.deepEqual(await client.threads.getState(thread, whole[2].checkpoint), whole[2]);
    assert.deepEqual(await client.threads.getState(thread, whole[2].checkpoint.checkpoint_id), whole[2]);
    await refused(() => client.threads.getState(thread, NOWHERE), 404, /not found/);
  },

  async subgraphs() {
    const thread = await talked("nesting");
    const state = await client.threads.getState(thread, undefined, { subgraphs: true });
    const [task] = state.tasks;
    assert.deepEqual([task.name, task.interrupts[0].value, task.state.next], ["child", "go on?", ["asks"]]);
    const inner = await client.threads.getState(thread, task.state.checkpoint);
    assert.deepEqual(inner.values, task.state.values);
    const values = await client.runs.wait(thread, "nesting", { command: { resume: "yes" } });
    assert.equal(said(values).at(-1), "you said yes");
  },

  async patches() {
    await refused(() => client.threads.patchState(NOBODY, { a: 1 }), 405, /Method Not Allowed/);
  },

  async supersteps() {
    const supersteps = [{ updates: [{ values: input, asNode: "__start__" }] }];
    const thread = await client.threads.create({ graphId: "talking", supersteps, ttl: 5 });
    assert.deepEqual(said(thread.values), ["hi"]);
    const changed = await client.threads.update(thread.thread_id, { metadata: { js: "ttl" }, ttl: 6 });
    assert.equal(changed.metadata.js, "ttl");
    const found = await client.threads.search({ metadata: { js: "ttl" }, select: ["thread_id"] });
    assert.deepEqual(found, [{ thread_id: thread.thread_id }]);
  },
};

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(`${name}: ok`);
}
