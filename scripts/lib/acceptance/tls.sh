# shellcheck shell=bash
# drone-proxy with a certificate of either kind of key, as testssl.sh sees it: nothing worse than LOW that is the proxy's. What it says of the
# certificate itself, which is made here and trusted by nobody, does not count.
# shellcheck source=scripts/lib/acceptance/steps.sh
. "$root/scripts/lib/acceptance/steps.sh"

folder=$(mktemp --directory)
clean_up() {
    stop acceptance-proxy
    rm -rf "$folder"
}
http_port=$(choose_port PLANE_UP_HTTP_PORT $((clone_ports + 7)) http)
https_port=$(choose_port PLANE_UP_HTTPS_PORT $((clone_ports + 8)) https)

serve() { # serve OPTIONS-OF-OPENSSL-REQ...
    openssl req -x509 -nodes -days 90 -subj /CN=b-1.plane.test -addext subjectAltName=DNS:b-1.plane.test "$@" \
        -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>"$folder/openssl.log" || fail "openssl makes no certificate" "see $folder/openssl.log"
    start acceptance-proxy env PLANE_CLUSTER_DOMAIN=plane.test PLANE_DRONE_ID=drone-1 PLANE_DB_PATH="$folder/drone.sqlite3" \
        PLANE_CERT__KEY_PATH="$folder/key.pem" PLANE_CERT__CERT_PATH="$folder/cert.pem" PLANE_PROXY__BIND_IP=127.0.0.1 \
        PLANE_PROXY__HTTP_PORT="$http_port" PLANE_PROXY__HTTPS_PORT="$https_port" PLANE_PROXY__HSTS_MAX_AGE_SECS=31536000 "$binaries/drone-proxy"
    wait_for_line acceptance-proxy 'drone-proxy is ready' 20
}

# Protocols, suites, their order, forward secrecy, what the server says of itself, and all that is known to have gone wrong with TLS.
examine() {
    rm -f "$folder/findings.csv"
    testssl --quiet --color 0 --warnings off --protocols --std --pfs --server-preference --server-defaults --vulnerable \
        --csvfile "$folder/findings.csv" "https://127.0.0.1:$https_port/" >"$folder/testssl.log" 2>&1 </dev/null || true
    [ "$(wc -l <"$folder/findings.csv")" -gt 40 ] || fail "testssl.sh did not get to its end" "$(tail -n 5 "$folder/testssl.log")"
}

# Fields of a line: id, address, port, severity, finding, CVE, CWE.
bad_findings() { awk -F '","' '$4 ~ /MEDIUM|HIGH|CRITICAL|FATAL/ && $1 !~ /^"(cert|DNS_CAA|intermediate_cert|OCSP)/ { print $1, $4, $5 }' "$folder/findings.csv"; }
finds_nothing_bad() {
    local findings
    findings=$(bad_findings)
    printf '%s\n' "$findings"
    [ -z "$findings" ]
}
finds() { grep -E "^\"$1\"" "$folder/findings.csv" | says "$2" cat; }
told_to_use_https() { says 'strict-transport-security: max-age=31536000' curl --silent --insecure --head "https://127.0.0.1:$https_port/"; }

for key in ec rsa; do
    step "a certificate with a key of kind $key"
    if [ $key = ec ]; then serve -newkey ec -pkeyopt ec_paramgen_curve:P-256; else serve -newkey rsa:2048; fi
    examine
    holds "testssl.sh finds nothing above LOW" finds_nothing_bad
    holds "the order of suites is the proxy's" finds cipher_order server
    holds "sessions have forward secrecy" finds PFS offered
    holds "browsers are told to come by HTTPS" told_to_use_https
    stop acceptance-proxy
done
good "TLS is as Mozilla's intermediate list has it"
