# The cron page of LangGraph's documentation, with curl.
set -eu
url=${CRONLANE_URL:-http://127.0.0.1:8123}
id() { sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }

curl -sf "$url/assistants/search" --json '{"limit": 10, "offset": 0}'
echo

# On a thread: every run continues the same conversation.
thread_id=$(curl -sf "$url/threads" --json '{}' | id thread_id)
cron_id=$(curl -sf "$url/threads/$thread_id/runs/crons" --json '{
  "assistant_id": "agent",
  "schedule": "27 15 * * *",
  "input": {"messages": [{"role": "user", "content": "What time is it?"}]}
}' | id cron_id)
echo "on a thread: $cron_id"
curl -sf --request DELETE "$url/runs/crons/$cron_id"

# Stateless: every run gets a thread of its own.
cron_id=$(curl -sf "$url/runs/crons" --json '{
  "assistant_id": "agent",
  "schedule": "27 15 * * *",
  "input": {"messages": [{"role": "user", "content": "What time is it?"}]}
}' | id cron_id)
echo "stateless: $cron_id"
curl -sf --request DELETE "$url/runs/crons/$cron_id"
