// Sends a document, and asks for its result until it is there: node submit_and_poll.mjs invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs Node.js 18 alone.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const { OCRSITE_URL, OCRSITE_KEY, OCRSITE_COMPANY = "DEMO" } = process.env;
const headers = { Authorization: `Api-Key ${OCRSITE_KEY}` };
const path = process.argv[2];

const form = new FormData();
form.append("file", new Blob([await readFile(path)]), basename(path));
form.append("companyID", OCRSITE_COMPANY);
form.append("username", "sample");
let response = await fetch(`${OCRSITE_URL}/api/v1/extractions/`, {
  method: "POST",
  // The name of your own document: sent twice, it is the same extraction.
  headers: { ...headers, "Idempotency-Key": `sample-${basename(path)}` },
  body: form,
});
let answer = await response.json();
while (answer.status === "pending") {
  await sleep(1000 * Number(response.headers.get("Retry-After") ?? 2));
  response = await fetch(`${OCRSITE_URL}${answer.extraction}`, { headers });
  answer = await response.json();
}

if (answer.status === "ok") {
  const { invoice_number, total_amount, needs_review } = answer.invoice;
  console.log(`${invoice_number} ${total_amount} needs_review=${needs_review}`);
} else {
  console.error(`${answer.code}: ${answer.detail}`);
  process.exitCode = 1;
}
