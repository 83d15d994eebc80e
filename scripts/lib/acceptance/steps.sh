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

# typed RUN 'COMMAND': a command that the README shows does its work, typed as it stands there; RUN is given it as one word.
typed() {
    grep -qF "    $2" "$root/README.md" || fail "the README does not show: $2" "it, or this check, has to change"
    holds "typed from the README: $2" "$1" "$2"
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
