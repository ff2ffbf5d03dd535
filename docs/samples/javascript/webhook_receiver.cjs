// Takes webhooks, and prints what happened: OCRSITE_WEBHOOK_SECRET=whsec_… node webhook_receiver.cjs
// Put it behind HTTPS. PORT is 8080 without it.
const http = require("node:http");
const crypto = require("node:crypto");

/** Whether ocrsite sent this body (a Buffer). */
function isGenuine(body, headers, secret) {
  const sentAt = headers["webhook-timestamp"];
  if (Math.abs(Date.now() / 1000 - Number(sentAt)) > 300) return false;
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const expected = crypto
    .createHmac("sha256", key)
    .update(`${headers["webhook-id"]}.${sentAt}.`)
    .update(body)
    .digest();
  return headers["webhook-signature"].split(" ").some((each) => {
    const given = Buffer.from(each.replace("v1,", ""), "base64");
    return given.length === expected.length && crypto.timingSafeEqual(given, expected);
  });
}

const { OCRSITE_WEBHOOK_SECRET, PORT = "8080" } = process.env;
const dealtWith = new Set(); // keep this in your database

http
  .createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { headers } = request;
    const genuine =
      headers["webhook-signature"] !== undefined && isGenuine(body, headers, OCRSITE_WEBHOOK_SECRET);
    // Answer at once; do your work afterwards.
    response.writeHead(genuine ? 204 : 401).end();
    // A message may come twice, with the same id.
    if (!genuine || dealtWith.has(headers["webhook-id"])) return;
    dealtWith.add(headers["webhook-id"]);
    const message = JSON.parse(body);
    console.log(`${message.type} ${message.data.extraction ?? ""}`);
  })
  .listen(Number(PORT));
