#!/usr/bin/env bash
# Says whether a webhook's message is genuine, to look into one by hand: verify_webhook.sh body.json
# secret, webhook_id, webhook_timestamp and webhook_signature hold the secret and the headers.
set -euo pipefail
body=$1

key=$(printf %s "${secret#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \n')
expected=$( { printf '%s.%s.' "$webhook_id" "$webhook_timestamp"; cat "$body"; } |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64)
case " $webhook_signature " in
  *" v1,$expected "*) echo genuine ;;
  *) echo forged ;;
esac
