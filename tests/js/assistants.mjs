// Assistants and the graphs behind them with the official JavaScript SDK. Exits 0 when all is as on the platform.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const NOBODY = "00000000-0000-7000-8000-000000000000";
const client = new Client({ apiUrl: process.env.CRONLANE_URL });
const ids = (assistants) => assistants.map((assistant) => assistant.assistant_id);

const refused = (call, status, text) =>
  assert.rejects(call, (error) => {
    assert.equal(error.status, status);
    assert.match(error.message, text);
    return true;
  });

const stories = {
  async versions() {
    const made = await client.assistants.create({
      graphId: "told",
      name: "First",
      description: "says it",
      context: { model: "large" },
      metadata: { js: "versions" },
    });
    assert.deepEqual([made.version, made.name, made.description], [1, "First", "says it"]);
    assert.deepEqual([made.context, made.config.configurable], [{ model: "large" }, { model: "large" }]);
    const id = made.assistant_id;
    const changed = await client.assistants.update(id, { graphId: "nested", name: "Second", metadata: { more: 1 } });
    assert.deepEqual([changed.version, changed.graph_id, changed.name], [2, "nested", "Second"]);
    assert.deepEqual(changed.metadata, { js: "versions", more: 1 });
    const versions = await client.assistants.getVersions(id);
    assert.deepEqual(versions.map((version) => version.version), [2, 1]);
    assert.deepEqual((await client.assistants.getVersions(id, { limit: 1, offset: 1 }))[0].name, "First");
    const again = await client.assistants.setLatest(id, 1);
    assert.deepEqual([again.version, again.name], [1, "First"]);
    const values = await client.runs.wait(null, id, { input: { said: [] } });
    assert.deepEqual(values.said, ["large 1 large []"]);
    await client.assistants.delete(id);
    await refused(() => client.assistants.get(id), 404, /not found/);
    await refused(() => client.assistants.setLatest(NOBODY, 1), 404, /not found/);
  },

  async duplicates() {
    const wanted = { graphId: "agent", assistantId: "11111111-1111-4111-8111-111111111111", name: "One" };
    const made = await client.assistants.create(wanted);
    await refused(() => client.assistants.create(wanted), 409, /already exists/);
    assert.deepEqual(await client.assistants.create({ ...wanted, name: "Other", ifExists: "do_nothing" }), made);
    await refused(() => client.assistants.create({ graphId: "nosuchgraph" }), 404, /nosuchgraph/);
    await client.assistants.delete(made.assistant_id, { deleteThreads: true });
  },

  async searching() {
    const metadata = { js: "searching" };
    const one = await client.assistants.create({ graphId: "agent", name: "Anna", metadata });
    const two = await client.assistants.create({ graphId: "agent", name: "Hannah", metadata });
    const byName = { metadata, sortBy: "name", sortOrder: "asc" };
    assert.deepEqual(ids(await client.assistants.search(byName)), [one.assistant_id, two.assistant_id]);
    assert.deepEqual(ids(await client.assistants.search({ metadata, name: "HAN" })), [two.assistant_id]);
    const page = await client.assistants.search({ ...byName, limit: 1, includePagination: true });
    assert.deepEqual([ids(page.assistants), page.next], [[one.assistant_id], "1"]);
    const rest = await client.assistants.search({ ...byName, offset: 1, includePagination: true });
    assert.deepEqual([ids(rest.assistants), rest.next], [[two.assistant_id], null]);
    assert.deepEqual(await client.assistants.search({ ...byName, select: ["name"] }), [{ name: "Anna" }, { name: "Hannah" }]);
    assert.equal(await client.assistants.count({ metadata, name: "anna" }), 2);
    for (const { assistant_id } of [one, two]) await client.assistants.delete(assistant_id);
  },

  async graphs() {
    const drawn = await client.assistants.getGraph("nested", { xray: true });
    assert.deepEqual(drawn.nodes.map((node) => node.id).sort(), ["__end__", "__start__", "middle:inner:leaf"]);
    const [nested] = await client.assistants.search({ graphId: "nested" });
    const schemas = await client.assistants.getSchemas(nested.assistant_id);
    assert.equal(schemas.graph_id, "nested");
    assert.deepEqual(Object.keys(schemas.input_schema.properties), ["said"]);
    assert.deepEqual(Object.keys(schemas.context_schema.properties), ["model", "depth"]);
    const deep = await client.assistants.getSubgraphs(nested.assistant_id, { recurse: true });
    assert.deepEqual(Object.keys(deep), ["middle", "middle|inner"]);
    const named = await client.assistants.getSubgraphs(nested.assistant_id, { namespace: "middle" });
    assert.deepEqual(Object.keys(named), ["middle"]);
    await refused(() => client.assistants.getSchemas(NOBODY), 404, /not found/);
  },
};

for (const [name, story] of Object.entries(stories)) {
  await story();
  console.log(`${name}: ok`);
}
