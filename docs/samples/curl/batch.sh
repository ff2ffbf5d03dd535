#!/usr/bin/env bash
# Sends many documents, or one ZIP of them, and waits until all have ended: batch.sh 1.pdf 2.pdf …
# OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs curl and jq.
set -euo pipefail
headers=$(mktemp) && trap 'rm -f "$headers"' EXIT

call() { # prints the body; the headers are in the file
  curl --silent --show-error --dump-header "$headers" -H "Authorization: Api-Key $OCRSITE_KEY" "$@"
}

files=()
for path in "$@"; do files+=(-F "file=@$path"); done
# One key for each batch of yours: sent twice, nothing is read twice.
sent=$(call "$OCRSITE_URL/api/v1/batches/" -H "Idempotency-Key: ${OCRSITE_BATCH:-$(date +%s)-$$}" \
  "${files[@]}" -F "companyID=${OCRSITE_COMPANY:-DEMO}" -F username=sample)
if ! jq --exit-status .files >/dev/null <<<"$sent"; then
  jq -r '"\(.code): \(.detail)"' <<<"$sent" >&2
  exit 1
fi
jq -r '.files[] | if .code then "refused \(.name) \(.code)"
  elif .came_before then "known \(.name) \(.extraction)" else empty end' <<<"$sent"

address=$(jq -r '.address // empty' <<<"$sent")
while [ -n "$address" ]; do
  batch=$(call "$OCRSITE_URL$address")
  jq -r '"\(.counts.succeeded) of \(.documents) read"' <<<"$batch" >&2
  if jq --exit-status .ended >/dev/null <<<"$batch"; then
    jq -r '.extractions[] | "\(.status) \(.file_name) \(.invoice_number) \(.total_amount)"' <<<"$batch"
    break
  fi
  wait=$(tr -d '\r' <"$headers" | sed -n 's/^Retry-After: //Ip')
  sleep "${wait:-2}"
done
