#!/usr/bin/env bash
# Sends a document, again where that is of use, and says what is wrong: errors.sh invoice.pdf
# OCRSITE_URL says where the site is, OCRSITE_KEY is the API key. Needs curl and jq.
set -euo pipefail
headers=$(mktemp) && trap 'rm -f "$headers" "$headers.body"' EXIT
key="sample-$(basename "$1")" # the same at each try: nothing is read twice
url="$OCRSITE_URL/extract"
form=(-F "file=@$1" -F "companyID=${OCRSITE_COMPANY:-DEMO}" -F username=sample)

for try in 1 2 3 4 5; do
  # 000: no answer at all.
  status=$(curl --silent --max-time 90 --dump-header "$headers" --output "$headers.body" \
    --write-out '%{http_code}' "$url" -H "Authorization: Api-Key $OCRSITE_KEY" \
    -H "Idempotency-Key: $key" "${form[@]}") || status=000
  wait=$((2 ** try))
  case $status in
    000) ;;
    429 | 503) # nothing is wrong with the document
      after=$(tr -d '\r' <"$headers" | sed -n 's/^Retry-After: //Ip')
      wait=${after:-2}
      address=$(jq -r '.extraction // empty' "$headers.body")
      # What was recorded is read again; what was not is sent again.
      if [ -n "$address" ]; then url="$OCRSITE_URL${address}retry/" form=(--data '') key="$key-$try"; fi
      ;;
    *) break ;;
  esac
  [ "$try" = 5 ] || sleep "$(awk -v wait="$wait" 'BEGIN { srand(); print wait * (1 + rand() / 4) }')"
done

answer=$(cat "$headers.body" 2>/dev/null || true)
case $status in
  000) echo "no answer" >&2; exit 1 ;;
  2*) jq -r '"\(.status) \(.extraction)"' <<<"$answer" ;;
  502 | 504) # the service has tried for minutes; later: POST to the extraction's retry/
    jq -r '"later: \(.code), \(.extraction)retry/"' <<<"$answer" >&2; exit 2 ;;
  *) # the request or the document has to change: detail says how
    jq -r '"\(.code): \(.detail) (request \(.request_id))"' <<<"$answer" >&2; exit 1 ;;
esac
