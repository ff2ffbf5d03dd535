// Sends a document and waits for what it says: node submit_and_wait.mjs invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs Node.js 18 alone.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";

const { OCRSITE_URL, OCRSITE_KEY, OCRSITE_COMPANY = "DEMO" } = process.env;
const path = process.argv[2];

const form = new FormData();
form.append("file", new Blob([await readFile(path)]), basename(path));
form.append("companyID", OCRSITE_COMPANY);
form.append("username", "sample");
const response = await fetch(`${OCRSITE_URL}/extract`, {
  method: "POST",
  headers: { Authorization: `Api-Key ${OCRSITE_KEY}` },
  body: form,
  signal: AbortSignal.timeout(90_000),
});
const answer = await response.json();
if (answer.status === "ok") {
  const { invoice_no, total_amount } = answer.data;
  console.log(`${invoice_no} ${total_amount} needs_review=${answer.needs_review}`);
} else if (answer.status === "pending") {
  console.log(`not read yet: ask ${answer.extraction}`);
} else {
  console.error(`${answer.code}: ${answer.detail}`);
  process.exitCode = 1;
}
