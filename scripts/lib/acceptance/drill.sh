# shellcheck shell=bash
# The operator's drill: eight things fail, one after the other, and are mended. For each the transcript in .run/drill.txt holds what `plane doctor`,
# `plane why` and the logs say, in their own words; the check is that they name the cause.
# shellcheck source=scripts/lib/acceptance/steps.sh
. "$root/scripts/lib/acceptance/steps.sh"

plane=$binaries/plane
transcript=$run_folder/drill.txt
small_disk=$run_folder/small-disk
certificates=$(mktemp --directory)
: >"$transcript"

clean_up() {
    stop_cluster_but_docker
    if mountpoint --quiet "$small_disk"; then as_root umount "$small_disk"; fi
    rm -rf "$certificates" "$small_disk"
}

# --- What each failure is looked at with ------------------------------------------------------------------------------

# told TEXT: something that an operator has typed so far in this failure said this.
told() { says "$1" sed -n "$seen,\$p" "$transcript"; }

# failure "title": a chapter of the transcript.
failure() {
    step "$1"
    printf '\n# %s\n' "$1" >>"$transcript"
    seen=$(($(wc -l <"$transcript") + 1))
}

# ask COMMAND...: types it, as an operator would.
ask() {
    printf '\n$ plane %s\n' "$*" >>"$transcript"
    COLUMNS=80 timeout 60 "$plane" "$@" >>"$transcript" 2>&1 || printf '(exit status %s)\n' $? >>"$transcript"
}

# log_of SERVICE: its lines since the failure began.
log_of() {
    printf '\n$ journalctl -u plane-%s\n' "$1" >>"$transcript"
    tail -n +"${log_lines[$1]:-1}" "$run_folder/$1.log" | grep -E ' (warning|error|critical) ' | tail -n 6 >>"$transcript" || printf '(nothing)\n' >>"$transcript"
}
declare -A log_lines
mark_logs() {
    local service
    for service in nats-server "${services[@]}"; do log_lines[$service]=$(($(wc -l <"$run_folder/$service.log") + 1)); done
}

all_is_well() { COLUMNS=80 "$plane" doctor 2>&1 | tee "$run_folder/doctor.log" | { ! grep -E '✗|error'; }; }
restart() { # restart SERVICE COMMAND...
    start "$@"
    wait_for_line "$1" "$1 is ready" 30
}
spawn() { "$plane" spawn "$cluster" plane-demo --max-idle 1h --wait 60s --pull-policy never --json "$@"; }
backend_of() { sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' | head -n 1; }

# --- The cluster: its drone's table on a disk of 3 MB, its proxy with a certificate -----------------------------------

certificate() { # certificate DAYS
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=*.$cluster" -keyout "$certificates/key.new" \
        -out "$certificates/request.pem" 2>/dev/null
    openssl x509 -req -in "$certificates/request.pem" -signkey "$certificates/key.new" -days "$1" -out "$certificates/cert.new" 2>/dev/null
    mv "$certificates/key.new" "$certificates/key.pem"
    mv "$certificates/cert.new" "$certificates/cert.pem"
}
certificate 90
mkdir -p "$small_disk"
as_root mount -t tmpfs -o size=3m tmpfs "$small_disk"
drone_database=$small_disk/drone.sqlite3
# Drones that other runs had in their clusters are missing in this one, which doctor would tell.
nats_store=$certificates/nats
https_port=$(choose_port PLANE_UP_HTTPS_PORT $((clone_ports + 9)) https)
export PLANE_CERT__KEY_PATH=$certificates/key.pem PLANE_CERT__CERT_PATH=$certificates/cert.pem PLANE_PROXY__HTTPS_PORT=$https_port
export PLANE_AGENT__PUBLIC_SCHEME=https
start_cluster
export PLANE_AGENT__PUBLIC_PORT=$https_port
stop drone-agent
restart drone-agent "$binaries/drone-agent" dev/config/drone.toml
eventually 30 "doctor finds nothing wrong at first" all_is_well
backend=$(spawn | backend_of)
[ -n "$backend" ] || fail "the demo backend was not spawned" "see .run/scheduler.log and .run/drone-agent.log"

# --- The failures ------------------------------------------------------------------------------------------------------

mark_logs
failure "1. The agent is killed"
agent_command=("$binaries/drone-agent" dev/config/drone.toml)
kill -KILL "$(processes_of drone-agent)"
until ! running drone-agent; do :; done
ask doctor
ask why "$backend"
ask spawn "$cluster" plane-demo --max-idle 1m --wait 20s --pull-policy never
log_of scheduler
holds "doctor says that nobody answers for the drone, and where to look" told "Nobody answers for drone-$clone_id"
restart drone-agent "${agent_command[@]}"
log_of drone-agent
eventually 30 "all is well again" all_is_well

mark_logs
failure "2. The proxy is killed"
kill -KILL "$(processes_of drone-proxy)"
until ! running drone-proxy; do :; done
ask doctor
ask why "$backend"
log_of drone-agent
holds "doctor gets no page from the proxy, and says where to look" told "No page from the proxy of drone-$clone_id"
restart drone-proxy "$binaries/drone-proxy" dev/config/drone.toml
log_of drone-proxy
eventually 30 "all is well again" all_is_well

mark_logs
failure "3. The scheduler is killed"
kill -KILL "$(processes_of scheduler)"
until ! running scheduler; do :; done
ask doctor
ask why "$backend"
ask spawn "$cluster" plane-demo --max-idle 1m --wait 20s --pull-policy never
log_of drone-agent
holds "doctor hears no heartbeat, and says to start a scheduler" told "no scheduler runs"
holds "a request for a backend says that nobody answers, and whom it asked" told "Is the scheduler running"
restart scheduler "$binaries/scheduler" dev/config/controller.toml
log_of scheduler
eventually 30 "all is well again" all_is_well

mark_logs
failure "4. dns is killed"
kill -KILL "$(processes_of dns)"
until ! running dns; do :; done
ask doctor
ask why "$backend"
# Names under localhost are no name server's business to this machine's resolver, so that doctor, which asks that, cannot miss the server.
dig_backend() { dig +time=2 +tries=1 "@127.0.0.1" -p "$dns_port" "$backend.$cluster"; }
{ printf '\n$ dig @127.0.0.1 -p %s %s.%s\n' "$dns_port" "$backend" "$cluster" && dig_backend; } >>"$transcript" 2>&1 || true
log_of scheduler
holds "the name server is found to be away by asking it" told "refused"
restart dns "$binaries/dns" dev/config/controller.toml
log_of dns
eventually 20 "the name has its address again" says "127.0.0.1" dig_backend
eventually 30 "all is well again" all_is_well

mark_logs
failure "5. NATS is stopped"
stop nats-server
ask doctor
ask why "$backend"
for service in scheduler drone-agent gateway dns; do
    eventually 20 "the log of $service says that NATS is away" says "NATS" tail -n +"${log_lines[$service]}" "$run_folder/$service.log"
    log_of "$service"
done
holds "doctor names the address at which no NATS answers" told "127.0.0.1:$nats_port"
page() { curl -fsSk --max-time 20 -o /dev/null --resolve "$backend.$cluster:$https_port:127.0.0.1" "https://$backend.$cluster:$https_port/"; }
holds "the backend is served without it" page
start nats-server env "PATH=$PATH:/usr/sbin" nats-server --addr 127.0.0.1 --port "$nats_port" --jetstream --store_dir "$nats_store"
wait_for_line nats-server 'Server is ready' 20
eventually 60 "all is well again" all_is_well

mark_logs
failure "6. Docker does not answer"
if engine=$(processes_of dockerd) && [ -n "$engine" ]; then
    as_root kill -STOP "$engine"
    ask doctor
    ask why "$backend"
    ask spawn "$cluster" plane-demo --max-idle 1m --wait 20s --pull-policy never
    log_of drone-agent
    as_root kill -CONT "$engine"
    holds "doctor says that the drone's Docker does not answer" told "Docker does not answer on drone-$clone_id"
    eventually 60 "all is well again" all_is_well
else
    info "left out: the Docker at $docker_socket is not ours to stop"
fi

mark_logs
failure "7. The disk of the drone's table is full"
as_root dd if=/dev/zero of="$small_disk/filler" bs=4k 2>/dev/null || true
ask spawn "$cluster" plane-demo --max-idle 1m --wait 20s --pull-policy never
ask doctor
ask why "$backend"
log_of drone-agent
holds "the log or doctor names the full disk" told "disk is full"
as_root rm "$small_disk/filler"
eventually 60 "all is well again" all_is_well
eventually 60 "and the drone takes backends again" spawn

mark_logs
failure "8. The certificate has ended"
certificate -1
eventually 60 "the proxy serves it, and doctor says that it has ended" says "has ended" "$plane" doctor
ask doctor
ask why "$backend"
log_of drone-proxy
certificate 90
eventually 60 "all is well again" all_is_well

good "what was said is in $transcript"
