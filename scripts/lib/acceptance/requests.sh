#!/usr/bin/env bash
# Asks a proxy for HOST again and again, each time on a new connection, until there is a file /tmp/enough; then says how many failed.
#   requests.sh HOST
count=0 failed=0
while [ ! -e /tmp/enough ]; do
    curl -fsS --max-time 20 -o /dev/null -H "Host: $1" http://127.0.0.1/healthz 2>>/tmp/failures || failed=$((failed + 1))
    count=$((count + 1))
done
echo "$failed of $count failed" >/tmp/counted
