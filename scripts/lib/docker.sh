# shellcheck shell=bash
# Docker: the one that runs, or a private one with its own socket, data root and bridge, which is stopped again.

answers() { curl -fsS --max-time 5 --unix-socket "$1" http://localhost/_ping >/dev/null 2>&1; }

# need_docker: sets $docker_socket, and $docker_as to “as_root” if only root may use it.
need_docker() {
    docker_as=''
    local socket given=${DOCKER_HOST:-}
    for socket in "${given#unix://}" /var/run/docker.sock "${XDG_RUNTIME_DIR:-/nonexistent}/docker.sock" "$private_socket"; do
        [ -S "$socket" ] || continue
        if answers "$socket"; then
            docker_socket=$socket
        elif [ "$(id -u)" -ne 0 ] && as_root curl -fsS --max-time 5 --unix-socket "$socket" http://localhost/_ping >/dev/null 2>&1; then
            docker_socket=$socket docker_as=as_root
        else
            continue
        fi
        info "using the Docker at $docker_socket"
        return
    done
    start_private_docker
}

# Sockets have short paths (108 bytes), so they do not live in the clone.
private_runtime=/run/plane-$clone_id
private_socket=$private_runtime/docker.sock
private_bridge=plane$clone_id

start_private_docker() {
    step "no Docker is running: starting a private one (data in ${run_folder#"$root"/}/docker)"
    as_root mkdir -p "$private_runtime" "$run_folder/docker"
    as_root "$root/scripts/lib/make-bridge" "$private_bridge"
    local as=()
    [ "$(id -u)" -eq 0 ] || as=(sudo)
    start dockerd "${as[@]}" env "PATH=$PATH:/usr/sbin:/sbin" dockerd --host "unix://$private_socket" --data-root "$run_folder/docker" \
        --exec-root "$private_runtime/exec" --pidfile "$private_runtime/dockerd.pid" --bridge "$private_bridge" --add-runtime crun=/usr/bin/crun --group "$(id -gn)"
    wait_for_line dockerd 'API listen on' 60
    docker_socket=$private_socket
    docker_as=''
}

# stop_private_docker: ends the private Docker if we started it, and with it what it has made of networks. Its images stay for the next run.
stop_private_docker() {
    [ -f "$run_folder/dockerd.pid" ] || return 0
    docker --host "unix://$private_socket" network prune --force >/dev/null 2>&1 || true
    stop dockerd
    as_root ip link delete "$private_bridge" 2>/dev/null || true
    forget_bridge "$private_bridge"
    # Left where a container had the network of this machine, and of every container where Docker had to be killed.
    # shellcheck disable=SC2016 # the inner shell's own variables
    as_root sh -c 'for namespace in "$1"/exec/netns/*; do umount --lazy "$namespace"; done' sh "$private_runtime" 2>/dev/null || true
    as_root rm -rf "$private_runtime"
}

# forget_bridge NAME: takes the firewall's rules away that Docker made for a bridge, and leaves there.
forget_bridge() {
    local table rule
    for table in filter nat; do
        as_root env "PATH=$PATH:/usr/sbin:/sbin" iptables --wait --table "$table" --list-rules 2>/dev/null | grep -wF -- "$1" | while read -r rule; do
            # shellcheck disable=SC2086 # the words of one rule
            as_root env "PATH=$PATH:/usr/sbin:/sbin" iptables --wait --table "$table" --delete ${rule#-A } </dev/null 2>/dev/null || true
        done || true
    done
}

docker_cli() { ${docker_as:+as_root} docker --host "unix://$docker_socket" "$@"; }
