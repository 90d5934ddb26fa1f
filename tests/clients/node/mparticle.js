// Upload with the unmodified mParticle client for Node.
// Arguments: base URL, key, secret, run id. Prints {"single": n, "bulk": n} when every call was accepted.
"use strict";
const mParticle = require("mparticle");

const [base, key, secret, run] = process.argv.slice(2);
const client = new mParticle.ApiClient();
client.basePath = `${base}/v2`;
const api = new mParticle.EventsApi(new mParticle.Configuration(key, secret), client);

function batchOf(person, names) {
  const batch = new mParticle.Batch(mParticle.Batch.Environment.production);
  batch.user_identities = new mParticle.UserIdentities();
  batch.user_identities.customerid = `${run}-${person}`;
  batch.user_attributes = { "hair color": "brown", visits: 3, tags: ["a", "b"], tagged: null };
  batch.source_request_id = `${run}-${person}-${names[0]}`;
  for (const name of names) {
    const event = new mParticle.AppEvent(mParticle.AppEvent.CustomEventType.navigation, name);
    event.custom_attributes = { run };
    event.custom_flags = { foo: "bar", many: ["a", "b"], answer: 42 };
    batch.addEvent(event);
  }
  return batch;
}

function sent(call, body) {
  return new Promise((resolve, reject) => {
    api[call](body, (error, _data, response) => (error ? reject(error) : resolve(response.status)));
  });
}

async function main() {
  const single = await sent("uploadEvents", batchOf("node-1", ["Opened", "Closed"]));
  const bulk = await sent("bulkUploadEvents", [
    batchOf("node-1", ["Returned"]),
    batchOf("node-2", ["Opened", "Searched", "Closed"]),
  ]);
  process.stdout.write(JSON.stringify({ single, bulk }));
}

main().catch((error) => {
  process.stderr.write(`${error.status || ""} ${error.message}\n`);
  process.exit(1);
});
