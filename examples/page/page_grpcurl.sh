# The same page with grpcurl, which needs no proto files: the server describes itself.
set -eu
host=${CRONLANE_GRPC:-127.0.0.1:50051}
id() { tr -d ' \n' | sed "s/.*\"$1\":\"\([^\"]*\)\".*/\1/"; }

grpcurl -plaintext "$host" list
grpcurl -plaintext -d '{}' "$host" cronlane.v1.AssistantService/SearchAssistants

# On a thread: every run continues the same conversation.
thread_id=$(grpcurl -plaintext -d '{}' "$host" cronlane.v1.ThreadService/CreateThread | id threadId)
cron_id=$(grpcurl -plaintext -d '{"cron": {
  "assistant_id": "agent",
  "thread_id": "'"$thread_id"'",
  "schedule": "27 15 * * *",
  "input": {"value": {"messages": [{"role": "user", "content": "What time is it?"}]}}
}}' "$host" cronlane.v1.CronService/CreateCron | id cronId)
echo "on a thread: $cron_id"
grpcurl -plaintext -d '{"cron_id": "'"$cron_id"'"}' "$host" cronlane.v1.CronService/DeleteCron

# Stateless: every run gets a thread of its own.
cron_id=$(grpcurl -plaintext -d '{"cron": {
  "assistant_id": "agent",
  "schedule": "27 15 * * *",
  "timezone": "Europe/Berlin",
  "input": {"text": "{\"messages\": [{\"role\": \"user\", \"content\": \"What time is it?\"}]}"}
}}' "$host" cronlane.v1.CronService/CreateCron | id cronId)
echo "stateless: $cron_id"
grpcurl -plaintext -d '{"cron_id": "'"$cron_id"'"}' "$host" cronlane.v1.CronService/DeleteCron
