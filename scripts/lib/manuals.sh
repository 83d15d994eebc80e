# shellcheck shell=bash
# Manual pages that are made from what the programs say of themselves, in the macros of mdoc(7).

: "${binaries:=$root/.build/release}"

# Text as mdoc reads it: a backslash is written out, and no line begins with a macro's dot or apostrophe.
mdoc_text() { sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/"; }

manual_head() { printf '.Dd %s\n.Dt %s %s\n.Os\n.Sh NAME\n.Nm %s\n.Nd %s\n' "$(LC_ALL=C date --utc --date "@${SOURCE_DATE_EPOCH:-$(date +%s)}" '+%B %-d, %Y')" "${1^^}" "$2" "$1" "$3"; }

# service_manual PROGRAM: section 8, from its --help.
service_manual() {
    local help overview file
    help=$("$binaries/$1" --help)
    overview=$(sed -n '/^OVERVIEW: /,/^$/p' <<<"$help" | sed -e 's/^OVERVIEW: //' | paste -sd ' ' | sed -E 's/ +$//')
    file=$(basename "$(configuration_of "$1")")
    manual_head "plane-$1" 8 "$(sed -E 's/^([^.:;]+).*/\1/; s/^./\L&/' <<<"$overview")"
    printf '.Sh SYNOPSIS\n.Nm %s\n.Op Ar options\n.Ar configuration-file\n.Sh DESCRIPTION\n' "/usr/lib/plane/$1"
    mdoc_text <<<"$overview"
    printf '.Pp\nIt is started by systemd, as\n.Li plane-%s.service ,\nand reads\n.Pa /etc/plane/%s .\n.Bd -literal\n' "$1" "$file"
    sed -nE '/^(ARGUMENTS|OPTIONS):/,$p' <<<"$help" | mdoc_text
    printf '.Ed\n.Sh EXIT STATUS\n64 for a wrong configuration or call, which systemd does not repeat, and 1 where it cannot go on, as its log says.\n'
    printf '.Sh SEE ALSO\n.Xr plane 1 ,\n.Xr plane-%s 5\n' "$file"
}

# configuration_manual controller|drone|gateway-proxy: section 5, from the declarations of its keys. The last reads a file of the second kind,
# without what is the agent's.
configuration_manual() {
    manual_head "plane-$1.toml" 5 "configuration of a machine's plane services"
    printf '.Sh SYNOPSIS\n.Pa /etc/plane/%s.toml\n.Sh DESCRIPTION\nThe file is TOML. A variable of the environment overrides a key:\n.Li PLANE_A__B\nis\n.Li a.b .\n' "$1"
    printf '%s\n' 'Each service checks the file with' '.Fl Fl check .' 'The keys are these, each with its value and what is taken if it is not set.' '.Bl -tag -width Ds'
    "$binaries/plane" reference "${1/gateway-proxy/drone}" | if [ "$1" = gateway-proxy ]; then sed '/^| `agent\./d'; else cat; fi | sed -n -e '/^| `/!d' -e 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g' -e p | mdoc_text | awk '
        # A bar within a cell is written with a backslash before it.
        { gsub(/\\e\|/, "\001"); split($0, cell, / \| /); for (i in cell) gsub("\001", "|", cell[i])
          key = cell[1]; sub(/^\| /, "", key); gsub(/`/, "", key); last = cell[4]; sub(/ \|$/, "", last); gsub(/`/, "", last); gsub(/`/, "", cell[3]); gsub(/`/, "", cell[2])
          print ".It Li " key; print "\\&" cell[2] (cell[3] == "–" ? "." : "; " cell[3] "."); print ".br"; print "\\&" last }'
    printf '%s\n' '.El' '.Sh SEE ALSO' '.Xr plane 1'
}
