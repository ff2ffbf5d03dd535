#!/usr/bin/env bash
# Sends a document and waits for what it says: submit_and_wait.sh invoice.pdf
# OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs curl and jq.
set -euo pipefail

answer=$(curl --silent --show-error --max-time 90 "$OCRSITE_URL/extract" \
  -H "Authorization: Api-Key $OCRSITE_KEY" \
  -F "file=@$1" -F "companyID=${OCRSITE_COMPANY:-DEMO}" -F username=sample)

case $(jq -r .status <<<"$answer") in
  ok) jq -r '"\(.data.invoice_no) \(.data.total_amount) needs_review=\(.needs_review)"' <<<"$answer" ;;
  pending) jq -r '"not read yet: ask \(.extraction)"' <<<"$answer" ;;
  *) jq -r '"\(.code): \(.detail)"' <<<"$answer" >&2; exit 1 ;;
esac
