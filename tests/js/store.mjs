// The long-term store with the official JavaScript SDK, unmodified. Exits 0 when all is as on the platform.
import assert from "node:assert/strict";
import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.CRONLANE_URL });
const place = ["js", "users"];

await client.store.putItem(place, "ann", { age: 42, ratio: 1.5, tags: ["a"] });
await client.store.putItem(place, "bob", { age: 7 }, { index: false, ttl: 60 });

const item = await client.store.getItem(place, "ann");
assert.deepEqual(item.namespace, place);
assert.equal(item.key, "ann");
assert.deepEqual(item.value, { age: 42, ratio: 1.5, tags: ["a"] });
assert.match(item.createdAt, /\+00:00$/);
assert.equal(await client.store.getItem(place, "nobody"), null);

const found = await client.store.searchItems(["js"], { filter: { age: 7 }, limit: 5 });
assert.deepEqual(found.items.map((each) => each.key), ["bob"]);
const listed = await client.store.listNamespaces({ prefix: ["js"], maxDepth: 2 });
assert.deepEqual(listed.namespaces, [place]);

await client.store.deleteItem(place, "ann");
await client.store.deleteItem(place, "ann");
assert.equal(await client.store.getItem(place, "ann"), null);
await assert.rejects(() => client.store.putItem([], "k", {}), /422/);
console.log("store: ok");
