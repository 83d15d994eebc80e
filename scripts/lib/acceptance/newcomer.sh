# shellcheck shell=bash
# Somebody who has a fresh Debian, a Swift toolchain, a clone and its documents, and types what README.md and dev/docs/operating.md show.
# ACCEPTANCE_VOLUMES="FROM:TO:ro …" gives the machine more of this one, such as a mirror of the packages and the configuration of git
# that leads there. Its clusters have ports and networks of their own, so that other clones may do the same on this machine.
# shellcheck source=scripts/lib/acceptance/steps.sh
. "$root/scripts/lib/acceptance/steps.sh"

need_swift
toolchain=$(dirname "$(dirname "$(dirname "$(readlink -f "$(command -v swift)")")")")
machine=plane-newcomer-$clone_id-$$ image=plane-acceptance-newcomer-$clone_id
own_ports_and_networks
project=plane-newcomer-$clone_id
# What docker-compose.yml and the scripts read in place of their usual ports and names.
own=(--env "COMPOSE_PROJECT_NAME=$project" --env "DRONE_ID=drone-newcomer-$clone_id")
for variable in HTTP_PORT HTTPS_PORT DNS_PORT ACME_PORT CONTROL_NET BACKENDS_NET; do own+=(--env "$variable=${!variable}"); done
own+=(--env "NATS_PORT=$NATS_PORT" --env "PLANE_UP_NATS_PORT=$((clone_ports + 5))")
# Scripts that choose ports take turns by a lock in /tmp, and the machine has a /tmp of its own.
own+=(--env "PLANE_UP_PROXY_PORT=$((clone_ports + 6))" --env "PLANE_UP_DNS_PORT=$((clone_ports + 7))" --env "PLANE_UP_GATEWAY_PORT=$((clone_ports + 8))")
# Docker, which is outside, is to find under the same path what the newcomer asks it to mount: parts of the clone, its own socket, and what
# tests put into the folder for temporary files. Its name is short, since sockets in it have paths of at most 107 bytes.
shared=$(mktemp -d /tmp/n.XXXXXX)
clone=$shared/plane
clean_up() {
    # What a failed run leaves would come back with the next Docker.
    docker_cli ps --all --quiet --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.project.working_dir=$clone" |
        while read -r container; do docker_cli rm --force --volumes "$container" >/dev/null; done
    docker_cli rm --force --volumes "$machine" >/dev/null 2>&1 || true
    as_root rm -rf "$shared"
}
in_machine() { docker_cli exec "$machine" "$@"; }
in_clone() { docker_cli exec --workdir "$clone" --env DOCKER_HOST="unix://$docker_socket" --env TMPDIR="$shared" "${own[@]}" --env PATH="$toolchain/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" "$machine" bash -c "$1"; }
took() { info "after $((SECONDS - began)) s"; }

step "making the machine"
git clone --quiet "$root" "$clone"
# What https://www.swift.org/install/linux asks of a Debian, and no more.
docker_cli build --quiet --tag "$image" - >/dev/null <<END
FROM $base_image
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends binutils-gold gcc git libcurl4-openssl-dev \\
    libc-dev libedit2 libpython3-dev libsqlite3-0 libstdc++-12-dev libxml2-dev libncurses-dev libz3-dev pkg-config tzdata zlib1g-dev
END
volumes=(--volume "$docker_socket:$docker_socket" --volume "$toolchain:$toolchain:ro" --volume "$shared:$shared")
for volume in ${ACCEPTANCE_VOLUMES:-}; do volumes+=(--volume "$volume"); done
# The network of this machine, since backends and registries are reached by the addresses that Docker, outside, gives them; and the rights
# of a machine's root, which the tests need to mount small disks and to start a Docker of their own.
docker_cli run --detach --init --name "$machine" --network host --cap-add SYS_ADMIN --cap-add NET_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
    --cgroupns=host --volume /sys/fs/cgroup:/sys/fs/cgroup:rw --tmpfs /tmp:exec --tmpfs /run "${volumes[@]}" "$image" sleep infinity >/dev/null
in_machine git config --global --add safe.directory "$clone"

step "the first of two commands"
began=$SECONDS
typed_detached() { in_clone "$1 --detach"; }
typed typed_detached 'scripts/up'
took
url() { in_clone 'scripts/up --detach' | grep -oE 'http://[0-9a-f-]{36}\.plane\.localhost:[0-9]+/' | head -n 1; }
page=$(url)
[ -n "$page" ] || fail "scripts/up names no URL" "see what it prints"
holds "the URL it ends with can be opened" in_clone "curl -fsS --max-time 10 '$page'"

step "one request by hand"
request=$(sed -n "/^    request='/,/^\$/s/^    //p" README.md | sed "s|/4222|/$((clone_ports + 5))|")
holds "the request by hand is answered" says '"spawned":true' in_clone "$request"

step "the command line"
holds "plane tells what runs" says Ready in_clone '.build/release/plane list-backends'

holds "scripts/down stops everything" in_clone scripts/down

step "a package"
typed in_clone 'scripts/package-deb'
# Also on a machine on which systemd does not run.
typed_with_consent() { in_clone "yes | $1"; }
typed typed_with_consent 'apt-get install ./.run/plane_*.deb'
holds "the package goes away" in_clone 'apt-get purge -y -q plane'

step "containers, and an upgrade of them under a running backend"
typed in_clone 'scripts/compose up --build --detach'
eventually 60 "a drone takes backends" says Ready in_clone 'docker-compose exec -T scheduler plane list-drones'
spawned=$(in_clone 'docker-compose exec -T scheduler plane spawn plane.localhost plane-demo --pull-policy never --max-idle 900 --json')
backend=$(sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
[ -n "$backend" ] || fail "plane spawn did not name a backend: $spawned"
answers_over_https() { in_machine curl -fsSk --max-time 5 -o /dev/null --resolve "$backend.plane.localhost:$HTTPS_PORT:127.0.0.1" "https://$backend.plane.localhost:$HTTPS_PORT/healthz"; }
eventually 90 "the backend answers over HTTPS" answers_over_https
typed in_clone 'PLANE_TAG=next scripts/compose up --build --detach'
eventually 60 "the upgraded services know the backend" says '"state":"Ready"' in_clone 'docker-compose exec -T scheduler plane list-backends --json'
eventually 30 "and it answers" answers_over_https
in_own_project() { in_clone "${1/plane-backends/$project-backends}"; }
typed in_own_project 'docker ps --all --quiet --filter network=plane-backends --filter label=dev.plane.managed=true | xargs --no-run-if-empty docker rm --force'
typed in_clone 'docker-compose down --volumes'

step "the second of two commands"
began=$SECONDS
typed in_clone 'scripts/test'
took
good "the documents are enough"
