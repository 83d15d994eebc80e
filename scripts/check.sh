#!/usr/bin/env bash
# Rules of the house that a grep can enforce. Prints every violation as "file:line: what is wrong" and exits 1 if there is one.
# Needs nothing but git, grep, awk; runs shellcheck over the scripts when it is installed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

failures=0
rule() { # rule "sentence" "offending lines"
    [ -z "$2" ] && return
    failures=$((failures + 1))
    printf '✗ %s\n%s\n\n' "$1" "$2" >&2
}
# Tracked files plus new ones not ignored, so that the check speaks before the commit.
files() { git ls-files --cached --others --exclude-standard -- "$@" | while read -r f; do [ -f "$f" ] && echo "$f"; done; }
find_in() { # find_in PATTERN FILES...   (no file: no output)
    local pattern=$1
    shift
    [ $# -gt 0 ] && grep -nHE "$pattern" "$@"
}

mapfile -t sources < <(files 'Sources/*.swift' 'dev/*.swift')
mapfile -t tests < <(files 'Tests/*.swift')
mapfile -t machines < <(files 'Sources/*Machine.swift')
mapfile -t scripts < <(files 'scripts/*' '.ci/run' | while read -r f; do head -1 "$f" | grep -qE '^#!.*(bash|sh)$' && echo "$f"; done)

# --- Layers: an import points down or sideways, never up -------------------------------------------------------------
declare -A layer=(
    [JSONValues]=0 [LogKeys]=0 [UTCTime]=0 [NetworkAddresses]=0 [Timing]=0 [TextEncodings]=0 [CNATS]=0 [CNGHTTP2]=0 [NATSAddressing]=0 [CDatagrams]=0 [CEpoll]=0 [CSpawn]=0 [EpollTransport]=0 [RedisClient]=0 [NATS]=0 [DockerEngine]=0 [DNSCore]=0 [ACME]=0
    [PlaneProtocol]=1 [PlaneState]=1
    [ConfigurationReading]=2 [ConfigurationFiles]=2 [PlaneService]=2 [PlaneMessaging]=2 [StateReplication]=2 [PlaneClient]=2 [PlaneDoctor]=2 [ClusterNames]=2 [CertificateCore]=2 [SchedulerCore]=2 [DroneStore]=2 [DroneCore]=2 [ProxyCore]=2 [TierHop]=2 [ProxyPages]=2 [TierProxyPolicy]=2 [TierProxy]=2 [ProxyProgram]=2 [DroneProxyPolicy]=2 [DroneProxy]=2 [PlanBPolicy]=2 [PlanBProxy]=2 [GatewayCore]=2 [GatewayHTTP]=2 [VisitorTokens]=2
    [scheduler]=3 [dns]=3 [gateway]=3 [drone-agent]=3 [drone-proxy]=3 [gateway-proxy]=3 [cert-refresher]=3 [plane]=3 [planb]=3
)
# What layer 0 imports of ours, apart from the C modules.
declare -A sideways=(
    [NATSAddressing]="TextEncodings" [NATS]="JSONValues NATSAddressing UTCTime Timing" [DockerEngine]="UTCTime Timing TextEncodings"
    [ACME]="Timing TextEncodings UTCTime"
    [EpollTransport]="NetworkAddresses" [RedisClient]="EpollTransport LogKeys" [DNSCore]="NetworkAddresses"
)
upward=""
for folder in Sources/*/; do
    target=$(basename "$folder")
    if [ -z "${layer[$target]:-}" ]; then
        upward+="Sources/$target: not in the layer table of scripts/check.sh"$'\n'
        continue
    fi
    while IFS=: read -r file line text; do
        [ -z "$file" ] && continue
        module=$(sed -E 's/.*import (struct |class |enum |protocol |func |typealias )?([A-Za-z_0-9]+).*/\2/' <<<"$text")
        [ -z "${layer[$module]:-}" ] && continue
        [ "${layer[$target]}" -eq 0 ] && [[ "$module" != C[A-Z]* ]] && [[ " ${sideways[$target]:-} " != *" $module "* ]] && allowed=no || allowed=yes
        if [ "${layer[$module]}" -gt "${layer[$target]}" ] || [ "$allowed" = no ]; then
            upward+="$file:$line: $target (layer ${layer[$target]}) imports $module (layer ${layer[$module]})"$'\n'
        fi
    done < <(grep -rnE '^ *(@[a-zA-Z_]+(\([a-z]*\))? +)*((package|internal|public|private|fileprivate) +)?import ' --include='*.swift' "$folder")
done
rule 'An import points up (or sideways in layer 0, where the table says nothing of it).' "$upward"

# Programs that share a configuration file read all of it, without linking one another's components.
mapfile -t configurations < <(printf '%s\n' "${sources[@]}" | grep -E '^Sources/[A-Za-z]+/Configuration/')
values=" JSONValues LogKeys UTCTime NetworkAddresses Timing TextEncodings NATSAddressing PlaneProtocol ConfigurationReading PlaneService VisitorTokens "
components=$(printf '%s\n' "${!layer[@]}" | while read -r module; do [[ "$values" == *" $module "* ]] || echo "$module"; done | sort | paste -sd '|')
rule "A component's Configuration folder is a module that knows no component." "$(find_in "^ *(package |internal )?import ($components)\$" "${configurations[@]}")"
mapfile -t outside_nats < <(printf '%s\n' "${sources[@]}" | grep -v '^Sources/NATS/')
rule 'Only the NATS target may import CNATS.' "$(find_in '^ *(package |internal )?import CNATS' "${outside_nats[@]}")"
mapfile -t pure < <(printf '%s\n' "${sources[@]}" | grep -E '^Sources/(PlaneProtocol|PlaneState)/')
rule 'PlaneProtocol and PlaneState do no IO: no NIO, logger, dispatch or clock in them.' \
    "$(find_in 'import (NIO|Logging|Metrics|Dispatch|NATS|GRDB|Glibc|ServiceLifecycle)|Date\(\)|\.now\b|Task *\{' "${pure[@]}")"
mapfile -t timed < <(printf '%s\n' "${sources[@]}" | grep -E '^Sources/(DroneCore|CertificateCore)/' |
    grep -vE '/(AgentTime|ReadinessProber|DockerEngineAdapter[+A-Za-z]*|ChallengeVisibility)\.swift$')
rule 'In DroneCore and CertificateCore time is given: AgentTime, CertificateRefresher.Time; only what asks a peer waits by a clock of its own.' \
    "$(find_in '(Task|clock)\.sleep\(|Date\(\)|ContinuousClock\(\)|WireTime\.now\(\)' "${timed[@]}" | grep -vF 'Sources/CertificateCore/CertificateRefresher.swift:')"
rule 'In DroneCore and CertificateCore a time limit waits by the time that is given: withTimeLimit(…, sleep: …).' \
    "$(find_in 'withTimeLimit\(' "${timed[@]}" | grep -v 'sleep:')"
rule 'A machine knows no IO, logger or task, and switches over every state (no default:).' \
    "$(find_in 'import (NIOPosix|Logging|Metrics|Dispatch|NATS|GRDB|Glibc)|^ *default:|\bawait\b|Task *\{|Date\(\)' "${machines[@]}")"

# --- Sources ---------------------------------------------------------------------------------------------------------
rule 'Targets share by package; nothing is public.' "$(find_in '^ *(public|open) (import|final|class|struct|enum|actor|func|var|let|init|protocol|extension|static|typealias)' "${sources[@]}")"
rule 'Markers and traps: finish it, or handle it.' "$(find_in 'TODO|FIXME|XXX|fatalError\(|try!|\bas!' "${sources[@]}")"
unexplained=$(awk '
    FNR == 1 { previous = ""; before = "" }
    /@unchecked Sendable|nonisolated\(unsafe\)/ && $0 !~ /\/\// && previous !~ /\/\// && before !~ /\/\// { print FILENAME ":" FNR ": " $0 }
    { before = previous; previous = $0 }' "${sources[@]}" /dev/null)
# TCP_NODELAY has the number of SO_DEBUG, which only CAP_NET_ADMIN may set: to root nothing seems wrong.
rule 'TCP options have a level of their own: tcpOption(.tcp_…).' "$(find_in 'socketOption\(\.tcp_' "${sources[@]}")"
rule 'Each @unchecked Sendable and nonisolated(unsafe) says beside it what protects it.' "$unexplained"
rule 'print( is for the command line tools; services log.' \
    "$(printf '%s\n' "${sources[@]}" | grep -vE '^(Sources/plane/|Sources/planb/|Sources/PlaneService/|dev/)' | xargs -r grep -nHE '^ *print\(')"
# The text may stand on the line of the call or on the next one. Names keep their capital letters.
capitals=$(awk '
    function tell(text) {
        if (match(text, /^ *"[A-Z]/) && text !~ /^ *"(NATS|JetStream|Docker|Podman|SQLite)/) print FILENAME ":" FNR ": " text
    }
    FNR == 1 { open = 0 }
    open { tell($0); open = 0 }
    match($0, /ogger\.(trace|debug|info|notice|warning|error|critical)\(/) {
        rest = substr($0, RSTART + RLENGTH)
        if (rest == "") open = 1; else tell(rest)
    }' "${sources[@]}" /dev/null)
rule 'A log message begins with a small letter.' "$capitals"
rule 'The keys beside a log line are written once, in Sources/LogKeys/LogKey.swift (those of the NATS library in NATSLogKey.swift).' \
    "$(find_in '(metadata: |Metadata = )\["|[^.]metadata\["|metadataKey: "' "${sources[@]}")"
if unformatted=$(scripts/format --check 2>&1); then
    :
elif [ $? -eq 1 ]; then
    rule 'The sources are as scripts/format leaves them.' "$unformatted"
else
    echo "check: $unformatted, the format was not checked" >&2
fi
rule 'Longer than 600 lines: there is a second thing in it.' "$(wc -l "${sources[@]}" "${tests[@]}" | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }')"
rule 'What a compiler writes is not kept.' "$(files '*.h' '*.dia' '*.o' '*.d' '*.swiftmodule' '*.swiftdoc' '*.swiftsourceinfo' '*.abi.json' | grep -vE '^Sources/C[A-Za-z0-9]+/')"
twice=$(grep -hoE '^(package |final |indirect )*(struct|class|enum|actor|protocol) [A-Z][A-Za-z0-9]*' "${sources[@]/#dev\/*//dev/null}" | awk '{ print $NF }' | sort | uniq -d)
rule 'Two types of one name: whoever reads one target would take it for the other.' "$twice"
rule 'What is thrown is named Error (Failure alone inside of the type that throws it); a Failure is a value that tells what went wrong.' \
    "$(find_in '(struct|class|enum|actor) [A-Za-z]+Failure: ([A-Za-z]+, )*Error\b' "${sources[@]}")"
mapfile -t named < <(printf '%s\n' "${sources[@]}" | grep -vE '^(dev/|Sources/(NATS|ConfigurationReading|ConfigurationFiles)/|Sources/[A-Za-z]+/Configuration/)')
rule 'A …Configuration is a table of a configuration file, in a folder Configuration.' "$(find_in '^(package |final )*(struct|class|enum|actor) [A-Za-z]+Configuration\b' "${named[@]}")"
rule 'No file named after nothing.' "$(files 'Sources/*' 'Tests/*' | grep -E '(Utils?|Helpers?|Common|Shared|Manager)\.swift$')"

# --- Tests -----------------------------------------------------------------------------------------------------------
# `eventually` is where tests wait; a blow of a chaos test lasts for a random time.
mapfile -t waiting < <(printf '%s\n' "${tests[@]}" | grep -vE '^Tests/(PlaneTestSupport/Eventually|IntegrationTests/Chaos/[A-Za-z+]*)\.swift$')
rule 'Tests wait for facts, they do not sleep, by whichever clock.' \
    "$(find_in '\.sleep\((for|until|forTimeInterval|nanoseconds)|(nano|u)sleep\(|[^a-zA-Z.]sleep\(|0\.\.<[0-9]+ *\{ *await Task\.yield' "${waiting[@]}")"
rule 'No test is disabled.' "$(find_in '\.disabled\(|XCTSkip' "${tests[@]}")"

# --- Package, scripts, README ----------------------------------------------------------------------------------------
rule 'Dependencies are pinned with exact:.' "$(grep -nE '\.package\(url' Package.swift | grep -v 'exact:')"
undocumented=""
for folder in Sources/*/; do
    grep -q "\`$(basename "$folder")\`" dev/docs/architecture.md || undocumented+="dev/docs/architecture.md: no word about $(basename "$folder")"$'\n'
done
rule 'The table of targets in dev/docs/architecture.md names every target.' "$undocumented"
rule 'The README has 200 lines at most; the rest belongs into dev/docs.' "$(wc -l README.md | awk '$1 > 200 { print $2 ": " $1 " lines" }')"

unlisted=""
for document in dev/docs/*.md; do
    [ "$document" = dev/docs/README.md ] && continue
    grep -qF "]($document" README.md || unlisted+="README.md: no link to $document"$'\n'
    grep -qF "](${document##*/})" dev/docs/README.md || unlisted+="dev/docs/README.md: no link to ${document##*/}"$'\n'
done
# shellcheck disable=SC2016  # backquotes are what is looked for
while IFS=: read -r document path; do
    [ -e "$path" ] || unlisted+="$document: there is no $path"$'\n'
done < <(grep -HoE '`(Sources|Tests|scripts|dev)/[A-Za-z0-9_/+.-]+[` ]' README.md dev/README.md dev/docs/*.md | tr -d '` ' | sort -u)
rule 'README.md and dev/docs/README.md lead to every document, and documents name files that are there.' "$unlisted"

# --- Citations: what a comment refers to is in the repository -----------------------------------------------------------
# Messages are numbered M1 to M17 by dev/docs/protocol.md.
declare -A known=()
while read -r code; do known[$code]=1; done < <(sed -nE 's/^#+ (M[0-9]+) .*/\1/p' dev/docs/protocol.md)
dangling=""
while IFS=: read -r file line code; do
    code=${code//[^A-Z0-9]/}
    [ -n "${known[$code]:-}" ] || dangling+="$file:$line: $code is no message of dev/docs/protocol.md"$'\n'
done < <(grep -nHE '//.*\([A-Z][0-9]{1,2}\)' "${sources[@]}" | sed -E 's/^([^:]+:[0-9]+):.*(\([A-Z][0-9]{1,2}\)).*/\1:\2/')
# Paths of documents count from the root, as in `dev/docs/protocol.md, Containers`; what follows the comma is a heading of it.
while IFS=: read -r file line document section; do
    if [ ! -f "$document" ]; then
        dangling+="$file:$line: there is no $document"$'\n'
    elif [ -n "$section" ] && ! grep -qxE "#+ ${section//[.+*]/.}" "$document"; then
        dangling+="$file:$line: $document has no section $section"$'\n'
    fi
done < <(files 'Sources/*' 'Tests/*' 'dev/*' 'scripts/*' docker-compose.yml Package.swift | grep -v '\.md$' | tr '\n' '\0' |
    xargs -0 grep -nHIE '(//|#).*\b(README|[A-Za-z0-9_./-]+)\.md\b' |
    sed -nE 's/^([^:]+:[0-9]+):.*(\/\/|#)[^"]*[^A-Za-z0-9_."$\/-]([A-Za-z0-9_.\/-]+\.md)(, ([A-Z][A-Za-z0-9'"'"' ]*)\))?.*/\1:\3:\5/p')
rule 'A comment cites documents, sections and messages that are in the repository.' "$dangling"
if command -v shellcheck >/dev/null; then
    rule 'shellcheck' "$(shellcheck -xa "${scripts[@]}" 2>&1)"
else
    echo "check: shellcheck is not installed, scripts were not checked" >&2
fi

if [ "$failures" -gt 0 ]; then
    echo "check: $failures rule(s) broken" >&2
    exit 1
fi
echo "check: ${#sources[@]} source files, ${#tests[@]} test files, ${#scripts[@]} scripts: all rules hold"
