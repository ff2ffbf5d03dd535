#!/usr/bin/env bash
# Sends a document, and asks for its result until it is there: submit_and_poll.sh invoice.pdf
# OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs curl and jq.
set -euo pipefail
headers=$(mktemp) && trap 'rm -f "$headers"' EXIT

call() { # prints the body; the headers are in the file
  curl --silent --show-error --dump-header "$headers" -H "Authorization: Api-Key $OCRSITE_KEY" "$@"
}
header() { tr -d '\r' <"$headers" | sed -n "s/^$1: //Ip"; }

# The name of your own document: sent twice, it is the same extraction.
answer=$(call "$OCRSITE_URL/api/v1/extractions/" -H "Idempotency-Key: sample-$(basename "$1")" \
  -F "file=@$1" -F "companyID=${OCRSITE_COMPANY:-DEMO}" -F username=sample)
address=$(jq -r '.extraction // empty' <<<"$answer")

while [ -n "$address" ] && [ "$(jq -r .status <<<"$answer")" = pending ]; do
  wait=$(header Retry-After)
  sleep "${wait:-2}"
  answer=$(call "$OCRSITE_URL$address")
done

case $(jq -r .status <<<"$answer") in
  ok) jq -r '.invoice | "\(.invoice_number) \(.total_amount) needs_review=\(.needs_review)"' <<<"$answer" ;;
  *) jq -r '"\(.code): \(.detail)"' <<<"$answer" >&2; exit 1 ;;
esac
