# shellcheck shell=bash
# How the checks of scripts/acceptance speak, and what they share.

# What may tell why something was not so.
diagnose() { :; }

# holds "sentence" COMMAND...: says that something is so, or ends with what was found instead.
holds() {
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1); then
        good "$sentence"
    else
        printf '%s\n' "$output" | tail -n 30 >&2
        diagnose >&2
        fail "not so: $sentence" "the command was: $*"
    fi
}

# eventually SECONDS "sentence" COMMAND...: the same, when it may take a while.
eventually() {
    local seconds=$1 sentence=$2 output='' end
    end=$((SECONDS + $1))
    shift 2
    while [ "$SECONDS" -lt "$end" ]; do
        if output=$("$@" 2>&1); then
            good "$sentence"
            return
        fi
        sleep 0.5
    done
    printf '%s\n' "$output" | tail -n 30 >&2
    diagnose >&2
    fail "not so after $seconds s: $sentence" "the command was: $*"
}

# typed RUN 'COMMAND': a command that README.md or dev/docs/operating.md shows does its work, typed as it stands there; RUN is given it as
# one word.
typed() {
    grep -qF "    $2" "$root/README.md" "$root/dev/docs/operating.md" || fail "no document shows: $2" "it, or this check, has to change"
    holds "typed as documented: $2" "$1" "$2"
}

# says TEXT COMMAND...: what the command prints contains the text; if not, prints what it was instead.
says() {
    local output
    output=$("${@:2}" 2>&1) || true
    [[ $output == *"$1"* ]] || {
        printf '%s\n' "$output"
        return 1
    }
}

# 16 ports from here on are for this clone's checks. Below 32768, where the kernel begins to take ports for outgoing connections. Two
# clones in 700 have the same; choose_port then looks further.
clone_ports=$((20480 + 16 * (16#$clone_id % 700)))

# own_ports_and_networks: what docker-compose.yml is to take in place of the usual ones, which a cluster of this machine may have.
own_ports_and_networks() {
    local networks
    HTTP_PORT=$(choose_port PLANE_UP_HTTP_PORT "$clone_ports" http) HTTPS_PORT=$(choose_port PLANE_UP_HTTPS_PORT $((clone_ports + 1)) https)
    NATS_PORT=$(choose_port PLANE_UP_NATS_PORT $((clone_ports + 2)) nats) DNS_PORT=$(choose_port PLANE_UP_DNS_PORT $((clone_ports + 3)) dns)
    ACME_PORT=$(choose_port PLANE_UP_ACME_PORT $((clone_ports + 4)) acme)
    mapfile -t networks < <(free_subnets 24 2)
    CONTROL_NET=${networks[0]%.*} BACKENDS_NET=${networks[1]%.*}
    export HTTP_PORT HTTPS_PORT NATS_PORT DNS_PORT ACME_PORT CONTROL_NET BACKENDS_NET
}
