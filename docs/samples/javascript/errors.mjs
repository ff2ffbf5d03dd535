// Sends a document, again where that is of use, and says what is wrong: node errors.mjs invoice.pdf
// OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs Node.js 18 alone.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const { OCRSITE_URL, OCRSITE_KEY, OCRSITE_COMPANY = "DEMO" } = process.env;
const TRIES = 5;

/** Send a document until it is answered for good, or the last try has failed. */
async function submit(path) {
  let key = `sample-${basename(path)}`; // the same at each try: nothing is read twice
  let address = "/extract";
  let body = new FormData();
  body.append("file", new Blob([await readFile(path)]), basename(path));
  body.append("companyID", OCRSITE_COMPANY);
  body.append("username", "sample");
  for (let number = 1; ; number += 1) {
    let wait = 2 ** number;
    try {
      const response = await fetch(`${OCRSITE_URL}${address}`, {
        method: "POST",
        headers: { Authorization: `Api-Key ${OCRSITE_KEY}`, "Idempotency-Key": key },
        body,
        signal: AbortSignal.timeout(90_000),
      });
      const answer = await response.json();
      if (![429, 503].includes(response.status) || number === TRIES) return [response, answer];
      // Nothing is wrong with the document.
      wait = Number(response.headers.get("Retry-After") ?? 2);
      if (answer.extraction) {
        // What was recorded is read again; what was not is sent again.
        [address, body, key] = [`${answer.extraction}retry/`, undefined, `${key}-${number}`];
      }
    } catch (error) {
      if (number === TRIES) throw error; // no answer at all
    }
    await sleep(1000 * wait * (1 + Math.random() / 4));
  }
}

const [response, answer] = await submit(process.argv[2]);
if (response.ok) {
  console.log(`${answer.status} ${answer.extraction}`);
} else if ([502, 504].includes(response.status)) {
  // The service has tried for minutes; later: POST to the extraction's retry/.
  console.error(`later: ${answer.code}, ${answer.extraction}retry/`);
  process.exitCode = 2;
} else {
  // The request or the document has to change: detail says how.
  console.error(`${answer.code}: ${answer.detail} (request ${answer.request_id})`);
  process.exitCode = 1;
}
