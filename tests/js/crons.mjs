// Changes of crons, and who follows their threads, with the official JavaScript SDK. Exits 0 when all is as on the platform.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const YEARLY = "0 0 1 1 *";
const input = { messages: [{ role: "user", content: "hi" }] };
const client = new Client({ apiUrl: process.env.CRONLANE_URL });

const refused = (call, status, text) =>
  assert.rejects(call, (error) => {
    assert.equal(error.status, status);
    assert.match(error.message, text);
    return true;
  });

async function until(stream, enough) {
  const parts = [];
  for await (const part of stream) {
    parts.push(part);
    if (enough(part)) return parts;
  }
  return parts;
}

const stories = {
  async nulls() {
    const { cron_id } = await client.crons.create("agent", { schedule: YEARLY, input, metadata: { a: 1 } });
    const ends = "2050-01-01T00:00:00Z";
    assert.equal((await client.crons.update(cron_id, { endTime: ends })).end_time, ends);
    assert.equal((await client.crons.update(cron_id, { enabled: false })).end_time, ends);
    assert.equal((await client.crons.update(cron_id, { endTime: null })).end_time, null);
    const merged = await client.crons.update(cron_id, { metadata: { a: null, b: 2 } });
    assert.deepEqual(merged.metadata, { a: null, b: 2 });
    await refused(() => client.crons.update(cron_id, { schedule: null }), 422, /schedule/);
    await refused(() => client.crons.update(cron_id, { onRunCompleted: null }), 422, /on_run_completed/);
    await refused(() => client.crons.update(cron_id, {}), 400, /Request body cannot be empty/);
    const [left] = await client.crons.search({ metadata: { b: 2 } });
    assert.deepEqual([left.schedule, left.enabled, left.metadata], [YEARLY, false, { a: null, b: 2 }]);
    await client.crons.delete(cron_id);
  },

  async replaced() {
    const { cron_id } = await client.crons.create("agent", { schedule: YEARLY, input, config: { tags: ["old"] } });
    const changed = await client.crons.update(cron_id, {
      input: { messages: [] },
      config: { tags: ["new"], configurable: { cron_id: "mine" } },
      interruptBefore: ["answer"],
      webhook: "https://example.com/hook",
    });
    assert.deepEqual(changed.payload.input, { messages: [] });
    assert.deepEqual(changed.payload.config, { tags: ["new"], configurable: { cron_id } });
    assert.deepEqual(changed.payload.interrupt_before, ["answer"]);
    assert.equal(changed.payload.webhook, "https://example.com/hook");
    await client.crons.delete(cron_id);
  },

  async followed() {
    const { thread_id } = await client.threads.create();
    const leave = new AbortController();
    const stream = client.threads.joinStream(thread_id, { signal: leave.signal, lastEventId: "-" });
    const done = until(stream, (part) => part.data?.status === "run_done");
    const cron = await client.crons.createForThread(thread_id, "talking", { schedule: "* * * * * *", input });
    const parts = await done;
    await client.crons.delete(cron.cron_id);
    leave.abort();
    assert.equal(parts[0].event, "metadata");
    const { run_id } = parts[0].data;
    assert.deepEqual(parts.at(-1).data, { status: "run_done", run_id });
    const run = await client.runs.get(thread_id, run_id);
    assert.deepEqual([run.status, run.kwargs.config.configurable.cron_id], ["success", cron.cron_id]);
  },

  async written() {
    const { thread_id } = await client.threads.create();
    await client.runs.wait(thread_id, "talking", { input });
    const leave = new AbortController();
    const stream = client.threads.joinStream(thread_id, { streamMode: "state_update", signal: leave.signal, lastEventId: "-" });
    await client.threads.updateState(thread_id, { values: input, asNode: "replies" });
    const [part] = await until(stream, () => true);
    leave.abort();
    assert.deepEqual([part.event, part.data.thread_id, part.data.state.next], ["state_update", thread_id, ["closes"]]);
    assert.deepEqual(part.data.state, await client.threads.getState(thread_id));
  },

  async resumed() {
    const { thread_id } = await client.threads.create();
    const stopped = await client.runs.wait(thread_id, "nesting", { input });
    assert.deepEqual(stopped.__interrupt__.map((each) => each.value), ["go on?"]);
    const thread = await client.threads.get(thread_id);
    assert.equal(thread.status, "interrupted");
    assert.deepEqual(Object.values(thread.interrupts).flat().map((each) => each.value), ["go on?"]);
    const stream = client.runs.stream(thread_id, "nesting", { command: { resume: "sure" }, streamMode: "values" });
    const parts = await until(stream, () => false);
    assert.equal(parts.at(-1).data.messages.at(-1).content, "you said sure");
    assert.deepEqual((await client.threads.get(thread_id)).interrupts, {});
  },
};

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(`${name}: ok`);
}
