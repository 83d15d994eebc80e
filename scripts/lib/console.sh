# shellcheck shell=bash
# How the scripts speak: one line per step, details indented, errors with what to do next.

if [ -t 1 ]; then bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' reset=$'\e[0m'; else bold='' green='' red='' reset=''; fi

step() { printf '%s▸ %s%s\n' "$bold" "$*" "$reset"; }
info() { printf '  %s\n' "$*"; }
good() { printf '%s✓ %s%s\n' "$green" "$*" "$reset"; }

# fail "what went wrong" ["what to do next"]
fail() {
    printf '%s✗ %s%s\n' "$red" "$1" "$reset" >&2
    [ $# -gt 1 ] && printf '  %s\n' "$2" >&2
    exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "this needs root: $*" "run the script as root, or install sudo"
    fi
}
