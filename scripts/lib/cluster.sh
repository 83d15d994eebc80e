# shellcheck shell=bash
# The cluster of scripts/up: nats-server, scheduler, dns, gateway, drone-agent, drone-proxy on loopback, configured by dev/config and the environment.

# In browsers and in most resolvers every name under localhost is this machine (RFC 6761 §6.3), so host names work without DNS.
cluster=plane.localhost
# The table of the drone, which its agent and its proxy share.
drone_database=$run_folder/drone.sqlite3
nats_store=$run_folder/nats
# Started in this order, stopped in the opposite one.
services=(scheduler dns gateway drone-agent drone-proxy)
# Whether a gateway-proxy stands before the drone's proxy; it is one of the services then.
with_tier=''
binaries=$root/.build/release
# The network of the backends, with a bridge of the same name.
backends_network=plane-$clone_id
# What scripts/up chose, for scripts/down and for a second scripts/up.
choices=$run_folder/choices.sh

# build_release PRODUCT...
build_release() {
    step "building (release; the first time takes some minutes, log in .run/build-release.log)"
    local product
    for product in "$@"; do
        if ! swift build -c release --static-swift-stdlib --product "$product" >"$run_folder/build-release.log" 2>&1; then
            grep -E 'error:' "$run_folder/build-release.log" | head -n 20 >&2 || true
            fail "building $product failed" "the whole output is in .run/build-release.log"
        fi
        info "$product"
    done
}

cluster_is_running() {
    local name
    for name in nats-server "${services[@]}"; do running "$name" || return 1; done
    # shellcheck source=/dev/null
    . "$choices"
    if [ -n "$with_tier" ]; then
        running gateway-proxy || return 1
        [[ " ${services[*]} " == *" gateway-proxy "* ]] || services+=(gateway-proxy)
    fi
    export_choices
}

# The environment of every service and of plane.
export_choices() {
    export PLANE_NATS_URL=nats://127.0.0.1:$nats_port PLANE_NATS__HOSTS=127.0.0.1:$nats_port
    export PLANE_PROXY__HTTP_PORT=$proxy_port PLANE_AGENT__PUBLIC_PORT=$proxy_port PLANE_DNS__PORT=$dns_port PLANE_GATEWAY__HTTP_PORT=$gateway_port PLANE_DB_PATH=$drone_database
    # Clones that share a Docker tell their containers apart by the drone's name.
    export PLANE_DRONE_ID=drone-$clone_id PLANE_AGENT__DOCKER__NETWORK=${PLANE_AGENT__DOCKER__NETWORK:-$backends_network}
    export PLANE_AGENT__DOCKER__CONNECTION__SOCKET=$docker_socket
    if [ -n "$with_tier" ]; then
        export PLANE_PROXY__INNER_PORT=$inner_port PLANE_PROXY__INNER_SECRET=$inner_secret PLANE_GATEWAY__PROXY_TIER=true
    fi
}

start_cluster() {
    need_docker
    scripts/demo-image "$binaries/demo-backend"
    lock_ports
    nats_port=$(choose_port PLANE_UP_NATS_PORT 4222 nats-server)
    proxy_port=$(choose_port PLANE_UP_PROXY_PORT 8080 "the proxy")
    dns_port=$(choose_port PLANE_UP_DNS_PORT 5300 dns)
    gateway_port=$(choose_port PLANE_UP_GATEWAY_PORT 8081 "the gateway")
    inner_port='' inner_secret='' tier_port=''
    if [ -n "$with_tier" ]; then
        tier_port=$(choose_port PLANE_UP_TIER_PORT 8090 "the tier")
        inner_port=$(choose_port PLANE_UP_INNER_PORT 8444 "the tier's way to the drone")
        inner_secret=$(openssl rand -hex 32)
    fi
    declare -p nats_port proxy_port dns_port gateway_port tier_port inner_port inner_secret with_tier docker_socket docker_as | sed 's/^declare --/declare -g/' >"$choices"
    export_choices

    step "starting nats-server on 127.0.0.1:$nats_port"
    start nats-server env "PATH=$PATH:/usr/sbin" nats-server --addr 127.0.0.1 --port "$nats_port" --jetstream --store_dir "$nats_store"
    wait_for_line nats-server 'Server is ready' 20

    # Only root may use some Dockers; agent and proxy share a database, so both run as the same user.
    local drone_as=()
    [ -z "$docker_as" ] || drone_as=(sudo --preserve-env)
    isolate_backends
    step "starting scheduler, dns (127.0.0.1:$dns_port), gateway (http://127.0.0.1:$gateway_port/), drone-agent and drone-proxy (http on 127.0.0.1:$proxy_port)"
    start scheduler "$binaries/scheduler" dev/config/controller.toml
    start dns "$binaries/dns" dev/config/controller.toml
    start gateway "$binaries/gateway" dev/config/controller.toml
    start drone-agent "${drone_as[@]}" "$binaries/drone-agent" dev/config/drone.toml
    start drone-proxy "${drone_as[@]}" "$binaries/drone-proxy" dev/config/drone.toml
    if [ -n "$with_tier" ]; then
        step "starting gateway-proxy (http on 127.0.0.1:$tier_port)"
        start gateway-proxy env -u PLANE_DRONE_ID -u PLANE_PROXY__INNER_PORT "PLANE_PROXY__HTTP_PORT=$tier_port" \
            "$binaries/gateway-proxy" dev/config/gateway-proxy.toml
    fi
    local name
    for name in "${services[@]}"; do wait_for_line "$name" "$name is ready" 30; done
    unlock_ports
    good "the cluster is up"
}

# Only root may set up the firewall. Without it the cluster works as well, and backends reach what listens on this machine.
isolate_backends() {
    local as=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo --non-interactive true 2>/dev/null; then
            info "backends are not kept away from this machine: that needs root"
            return
        fi
        as=(sudo --preserve-env)
    fi
    if ! "${as[@]}" env "DRONE_AGENT=$binaries/drone-agent" scripts/lib/isolate-network apply "$root/dev/config/drone.toml" 2>"$run_folder/isolation.log"; then
        info "backends are not kept away from this machine: $(tail -n 1 "$run_folder/isolation.log")"
        return
    fi
    start isolation "${as[@]}" env "DRONE_AGENT=$binaries/drone-agent" scripts/lib/isolate-network watch "$root/dev/config/drone.toml"
}

# Spawns the demo backend and requests its page, as a user's browser would.
show_demo() {
    step "spawning the demo backend: plane spawn $cluster plane-demo --max-idle 10m"
    local spawned backend url
    spawned=$("$binaries/plane" spawn "$cluster" plane-demo --max-idle 10m --env MAX_IDLE_SECS=600 --pull-policy never --json)
    backend=$(sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
    [ -n "$backend" ] || fail "plane spawn did not name a backend: $spawned"
    url=$(sed -nE 's/.*"url" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
    step "its first response through the proxy"
    curl -sS -i --resolve "$backend.$cluster:$proxy_port:127.0.0.1" "$url" >"$run_folder/first-response"
    grep -E '^HTTP|^[A-Za-z-]+: |<title>|<h1>' "$run_folder/first-response" | sed 's/^ */  /'
    good "open $url"
    cat <<END
  It is stopped after ten minutes in which nobody has a page of it open. What to try next:

    export PLANE_NATS_URL=$PLANE_NATS_URL
    alias plane=$binaries/plane
    plane list-drones
    plane list-backends
    plane logs -f $backend
    plane status -f $backend
    dig @127.0.0.1 -p $dns_port $backend.$cluster
    plane terminate $cluster $backend

  The same over HTTP; http://127.0.0.1:$gateway_port/ shows what runs:

    curl -s http://127.0.0.1:$gateway_port/ctrl/connect -H 'Content-Type: application/json' \\
      -d '{"key":{"name":"room-7"},"spawn_config":{"executable":{"image":"plane-demo","pull_policy":"Never"},"max_idle_seconds":60}}'

END
    if [ -n "$with_tier" ]; then
        cat <<END
  And through the tier, with the token of that answer:

    curl -H 'Host: $cluster' http://127.0.0.1:$tier_port/<token>/

END
    fi
    cat <<END
  And with any NATS client:

    nats -s $PLANE_NATS_URL request cluster.${cluster//./_}.schedule \\
      '{"cluster":"$cluster","max_idle_secs":60,"metadata":{},"executable":{"image":"plane-demo","env":{}}}'

END
}

# Ends the backends, then the parts in the opposite order of their start, then the Docker if it was started for them.
stop_cluster() {
    stop_cluster_but_docker
    stop_private_docker
    good "stopped"
}

stop_cluster_but_docker() {
    step "stopping the cluster"
    local index
    if cluster_is_running 2>/dev/null; then stop_backends; fi
    stop gateway-proxy
    for ((index = ${#services[@]} - 1; index >= 0; index--)); do stop "${services[index]}"; done
    stop nats-server
    if [ -f "$run_folder/isolation.pid" ]; then
        stop isolation
        as_root scripts/lib/isolate-network remove "$root/dev/config/drone.toml"
    fi
    remove_kept "drone-$clone_id"
    docker_cli network rm "$backends_network" >/dev/null 2>&1 || true
    rm -f "$choices"
}

# remove_kept DRONE: networks and containers that an agent has kept ready; they outlive it.
remove_kept() {
    local role kept
    for role in sandbox parked; do
        kept=$(docker_cli ps --all --quiet --filter "label=dev.plane.role=$role" --filter "label=dev.plane.drone=$1" 2>/dev/null) || return 0
        # shellcheck disable=SC2086 # one word each
        [ -z "$kept" ] || docker_cli rm --force $kept >/dev/null
    done
}

# The backends of this cluster that there are: NATS may remember some of an earlier run that are long gone, and the engine may run others'.
backends_that_run() {
    local containers
    containers=$(docker_cli ps --filter label=dev.plane.managed=true --format '{{.Label "dev.plane.backend"}}{{"\n"}}{{.Names}}' 2>/dev/null) || return 0
    "$binaries/plane" list-backends --json 2>/dev/null | grep -oE '"backend_id" *: *"[^"]+"' | cut -d '"' -f 4 | while read -r backend; do
        if grep -qxF -- "plane-$backend" <<<"$containers"; then echo "$backend"; fi
    done
}

# Ends them all at once, so that every end is in the history; 15 s is Docker's own patience and some.
stop_backends() {
    local backend
    for backend in $(backends_that_run); do
        "$binaries/plane" terminate --wait 15 "$cluster" "$backend" >/dev/null 2>&1 &
    done
    wait
}
