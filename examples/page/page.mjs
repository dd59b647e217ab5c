// The cron page of LangGraph's documentation, with the official JavaScript SDK.
import { Client } from "@langchain/langgraph-sdk";

const client = new Client({ apiUrl: process.env.CRONLANE_URL ?? "http://127.0.0.1:8123" });
const input = { messages: [{ role: "user", content: "What time is it?" }] };

// On a thread: every run continues the same conversation.
const thread = await client.threads.create();
const cron = await client.crons.createForThread(thread.thread_id, "agent", {
  schedule: "27 15 * * *",
  input,
});
console.log("on a thread:", cron.cron_id, "next at", cron.next_run_date);
await client.crons.delete(cron.cron_id);

// Stateless: every run gets a thread of its own.
const stateless = await client.crons.create("agent", { schedule: "27 15 * * *", input });
console.log("stateless:", stateless.cron_id, "next at", stateless.next_run_date);
await client.crons.delete(stateless.cron_id);
