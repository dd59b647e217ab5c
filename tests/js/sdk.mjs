// The official JavaScript SDK, unmodified, against a running server. Exits 0 when all is as on the platform.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const AGENT = "fe096781-5601-53d2-b2f6-0d3403f7e9ca";
const NOBODY = "00000000-0000-7000-8000-000000000000";
const YEARLY = "0 0 1 1 *";
const input = { messages: [{ role: "user", content: "What time is it?" }] };
const client = new Client({ apiUrl: process.env.CRONLANE_URL });
const port = Number(process.env.GATE_PORT); // runs of the graph `waiting` stay until they are cancelled

const keys = (object) => Object.keys(object).sort().join(" ");
const sorted = (text) => text.split(" ").sort().join(" ");
const THREAD = "thread_id created_at updated_at state_updated_at metadata status config values interrupts";
const CRON =
  "cron_id assistant_id thread_id user_id schedule timezone end_time enabled on_run_completed next_run_date " +
  "metadata payload created_at updated_at";
const RUN =
  "run_id thread_id assistant_id created_at updated_at status metadata kwargs multitask_strategy " +
  "langsmith_session_name";

const refused = (call, status, text) =>
  assert.rejects(call, (error) => {
    assert.equal(error.status, status);
    assert.match(error.message, text);
    return true;
  });

const told = async (stream) => {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return parts;
};

const stories = {
  async assistants() {
    const [agent] = await client.assistants.search({ graphId: "agent" });
    assert.equal(agent.assistant_id, AGENT);
    assert.deepEqual(agent.metadata, { created_by: "system" });
    assert.deepEqual(await client.assistants.get(AGENT), agent);
    assert.equal(await client.assistants.count({ graphId: "agent" }), 1);
    await refused(() => client.assistants.get(NOBODY), 404, /not found/);
  },

  async threads() {
    const thread = await client.threads.create();
    assert.equal(keys(thread), sorted(THREAD));
    assert.deepEqual([thread.metadata, thread.status, thread.config], [{}, "idle", {}]);
    assert.deepEqual([thread.values, thread.interrupts], [null, {}]);
    assert.deepEqual(await client.threads.get(thread.thread_id), thread);
    const changed = await client.threads.update(thread.thread_id, { metadata: { js: 1 } });
    assert.deepEqual(changed.metadata, { js: 1 });
    assert.deepEqual(await client.threads.search({ metadata: { js: 1 } }), [changed]);
    assert.equal(await client.threads.count({ metadata: { js: 1 } }), 1);
    const state = await client.threads.getState(thread.thread_id);
    assert.deepEqual([state.values, state.next, state.tasks, state.checkpoint], [{}, [], [], null]);
    await client.threads.delete(thread.thread_id);
    await refused(() => client.threads.get(thread.thread_id), 404, /not found/);
    await refused(() => client.threads.get("nobody"), 422, /must be a UUID/);
  },

  async cronsOnAThread() {
    const { thread_id } = await client.threads.create();
    const cron = await client.crons.createForThread(thread_id, "agent", {
      schedule: "27 15 * * *",
      input,
      metadata: { js: "thread" },
    });
    assert.equal(keys(cron), sorted(CRON));
    assert.deepEqual([cron.assistant_id, cron.thread_id, cron.on_run_completed], [AGENT, thread_id, null]);
    assert.match(cron.next_run_date, /T15:27:00\+00:00$/);
    assert.deepEqual(cron.payload.input, input);
    assert.equal(cron.payload.config.configurable.cron_id, cron.cron_id);
    assert.deepEqual(await client.crons.search({ threadId: thread_id }), [cron]);
    assert.equal(await client.crons.count({ threadId: thread_id }), 1);
    assert.deepEqual(await client.runs.list(thread_id), []);
    await client.crons.delete(cron.cron_id);
    assert.equal(await client.crons.count({ threadId: thread_id }), 0);
    await refused(() => client.crons.delete(cron.cron_id), 404, /./);
    await client.threads.delete(thread_id);
  },

  async statelessCrons() {
    const cron = await client.crons.create("agent", { schedule: YEARLY, input, metadata: { js: "stateless" } });
    assert.deepEqual([cron.thread_id, cron.on_run_completed], [null, "delete"]);
    const changed = await client.crons.update(cron.cron_id, {
      schedule: "0 6 * * *",
      endTime: "2050-01-01T00:00:00Z",
      enabled: false,
      metadata: { more: true },
      onRunCompleted: "keep",
    });
    assert.deepEqual([changed.schedule, changed.enabled, changed.on_run_completed], ["0 6 * * *", false, "keep"]);
    assert.equal(changed.end_time, "2050-01-01T00:00:00Z");
    assert.match(changed.next_run_date, /T06:00:00\+00:00$/);
    assert.deepEqual(changed.metadata, { js: "stateless", more: true });
    const selected = await client.crons.search({ metadata: { js: "stateless" }, select: ["cron_id"] });
    assert.deepEqual(selected, [{ cron_id: cron.cron_id }]);
    await client.crons.delete(cron.cron_id);
  },

  async refusedCrons() {
    await refused(() => client.crons.create("agent", { schedule: "often" }), 422, /Invalid cron schedule: 'often'/);
    await refused(() => client.crons.create("agent", {}), 422, /schedule/);
    await refused(() => client.crons.create("nosuchgraph", { schedule: YEARLY }), 404, /nosuchgraph/);
    await refused(() => client.crons.createForThread(NOBODY, "agent", { schedule: YEARLY }), 404, /Thread with ID/);
    assert.equal(await client.crons.count(), 0);
  },

  async runs() {
    const { thread_id } = await client.threads.create();
    const run = await client.runs.create(thread_id, "agent", { input });
    assert.equal(keys(run), sorted(RUN));
    assert.equal(run.status, "pending");
    assert.equal((await client.runs.join(thread_id, run.run_id)).messages.length, 2);
    assert.equal((await client.runs.get(thread_id, run.run_id)).status, "success");
    assert.equal((await client.runs.wait(thread_id, "agent", { input })).messages.length, 4);
    const listed = await client.runs.list(thread_id, { limit: 5, select: ["run_id"] });
    assert.equal(listed.length, 2);
    assert.deepEqual(listed[1], { run_id: run.run_id });
    const state = await client.threads.getState(thread_id);
    assert.equal(state.values.messages.length, 4);
    await client.runs.delete(thread_id, run.run_id);
    assert.equal((await client.runs.list(thread_id)).length, 1);
    await refused(() => client.runs.get(thread_id, run.run_id), 404, /./);
    assert.equal((await client.runs.wait(null, "agent", { input })).messages.length, 2);
  },

  async cancelledRuns() {
    const { thread_id } = await client.threads.create();
    const run = await client.runs.create(thread_id, "waiting", { input: { port } });
    await client.runs.cancel(thread_id, run.run_id, true);
    assert.equal((await client.runs.get(thread_id, run.run_id)).status, "interrupted");
    const other = await client.runs.create(thread_id, "waiting", { input: { port } });
    await client.runs.cancel(thread_id, other.run_id, false, "rollback");
    await client.runs.wait(thread_id, "agent", { input });
    await refused(() => client.runs.get(thread_id, other.run_id), 404, /./);
  },

  async streams() {
    const { thread_id } = await client.threads.create();
    const steps = { steps: ["input"] };
    const options = { input: steps, streamMode: ["values", "custom"], streamResumable: true };
    const parts = await told(client.runs.stream(thread_id, "telling", options));
    assert.deepEqual(
      parts.map((part) => part.event),
      ["metadata", "values", "custom", "values", "values"],
    );
    assert.deepEqual(parts.at(-1).data, { steps: ["input", "tells", "waits"] });
    const { run_id } = parts[0].data;
    const again = await told(client.runs.joinStream(thread_id, run_id, { lastEventId: parts[2].id }));
    assert.deepEqual(again, parts.slice(3));
    const all = await told(client.runs.joinStream(thread_id, run_id, { lastEventId: "-1", streamMode: "custom" }));
    assert.deepEqual(all, [parts[2]]);
    const nested = await told(
      client.runs.stream(null, "outer", { input: steps, streamMode: "updates", streamSubgraphs: true }),
    );
    assert.match(nested[1].event, /^updates\|inner:/);
    const said = await told(client.runs.stream(null, "chatting", { input, streamMode: "messages-tuple" }));
    assert.equal(said.slice(1).map((part) => part.data[0].content).join(""), "well hello there");
    const failed = await told(client.runs.stream(null, "telling", { input: { ...steps, text: "no luck" } }));
    assert.deepEqual(failed.at(-1).data, { error: "ValueError", message: "no luck" });
    await refused(() => told(client.runs.joinStream(thread_id, NOBODY)), 404, /./);
  },

  async batches() {
    const [one, other] = await client.runs.createBatch([
      { assistantId: "agent", input },
      { assistantId: "agent", input },
    ]);
    for (const run of [one, other]) {
      assert.equal((await client.runs.join(run.thread_id, run.run_id)).messages.length, 2);
    }
    await refused(() => client.runs.createBatch([{ assistantId: "nosuchgraph" }]), 422, /nosuchgraph/);
  },

  async failingRuns() {
    const { thread_id } = await client.threads.create();
    const failing = client.runs.wait(thread_id, "raising", { input: { text: "no luck" } });
    await assert.rejects(failing, /ValueError: no luck/);
    const thread = await client.threads.get(thread_id);
    assert.deepEqual([thread.status, thread.error], ["error", { error: "ValueError", message: "no luck" }]);
  },
};

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(`${name}: ok`);
}
