// Sends many documents, or one ZIP, and waits until all have ended: node batch.mjs 1.pdf 2.pdf …
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs Node.js 18 alone.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const { OCRSITE_URL, OCRSITE_KEY, OCRSITE_COMPANY = "DEMO" } = process.env;
// One key for each batch of yours: sent twice, nothing is read twice.
const { OCRSITE_BATCH = randomUUID() } = process.env;
const headers = { Authorization: `Api-Key ${OCRSITE_KEY}` };

const form = new FormData();
for (const path of process.argv.slice(2)) {
  form.append("file", new Blob([await readFile(path)]), basename(path));
}
form.append("companyID", OCRSITE_COMPANY);
form.append("username", "sample");
const response = await fetch(`${OCRSITE_URL}/api/v1/batches/`, {
  method: "POST",
  headers: { ...headers, "Idempotency-Key": OCRSITE_BATCH },
  body: form,
});
const sent = await response.json();
if (!sent.files) {
  console.error(`${sent.code}: ${sent.detail}`);
  process.exit(1);
}
for (const { name, code, came_before, extraction } of sent.files) {
  if (code) console.log(`refused ${name} ${code}`);
  else if (came_before) console.log(`known ${name} ${extraction}`);
}

while (sent.address) {
  const asked = await fetch(`${OCRSITE_URL}${sent.address}`, { headers });
  const batch = await asked.json();
  console.error(`${batch.counts.succeeded} of ${batch.documents} read`);
  if (batch.ended) {
    for (const { status, file_name, invoice_number, total_amount } of batch.extractions) {
      console.log(`${status} ${file_name} ${invoice_number} ${total_amount}`);
    }
    break;
  }
  await sleep(1000 * Number(asked.headers.get("Retry-After") ?? 2));
}
