# shellcheck shell=bash
# The Debian package under a real systemd: installed, started, killed, reloaded, upgraded under an open WebSocket, removed.
# shellcheck source=scripts/lib/acceptance/steps.sh
. "$root/scripts/lib/acceptance/steps.sh"
# shellcheck source=scripts/lib/lint.sh
. "$root/scripts/lib/lint.sh"

machine=plane-acceptance-$clone_id-$$
last_of_one_user=5eb3f282875c
image=plane-acceptance-systemd-$clone_id
clean_up() {
    docker_cli rm --force --volumes "$machine" >/dev/null 2>&1 || true
    local containers
    containers=$(docker_cli ps --all --quiet --filter "label=dev.plane.drone=$machine")
    # shellcheck disable=SC2086 # one word each
    [ -z "$containers" ] || docker_cli rm --force $containers >/dev/null
}
in_machine() { docker_cli exec "$machine" "$@"; }
# put FILE PATH: a copy in the machine, with the file's mode. `docker cp` would mount the clone into itself once more each time, with all that was mounted before.
put() { docker_cli exec --interactive "$machine" sh -c "cat >$2 && chmod $(stat -c %a "$1") $2" <"$1"; }
plane() { in_machine plane "$@"; }
diagnose() { in_machine true 2>/dev/null || return 0; in_machine journalctl --no-pager --lines 60 --unit 'plane-*' || true; }
pid_of() { in_machine systemctl show --property MainPID --value "$1"; }
is_active() { [ "$(in_machine systemctl is-active "$1")" = active ]; }
is_enabled() { in_machine systemctl is-enabled --quiet "$1"; }
# replaced UNIT PID: it is active, as another process.
replaced() { is_active "$1" && [ "$(pid_of "$1")" != "$2" ] && [ "$(pid_of "$1")" != 0 ]; }
runs_installed_program() { in_machine sh -c "readlink /proc/$(pid_of "$1")/exe | grep -qv deleted"; }
answers_backend() { in_machine curl -fsS --max-time 5 -o /dev/null -H "Host: $backend.plane.localhost" http://127.0.0.1/healthz; }

step "building the packages"
version=$("$binaries/plane" --version)
for package_version in "$version~1" "$version"; do scripts/package-deb --no-build --quick --version "$package_version" >/dev/null; done
first=plane_$version~1_$(dpkg --print-architecture).deb second=plane_${version}_$(dpkg --print-architecture).deb command=plane-cli_${version}_$(dpkg --print-architecture).deb
info "$(cd "$run_folder" && ls -sh "$first" "$second" | paste -sd ' ')"
# How quick packages are compressed is nothing for Debian's archive.
holds "lintian finds nothing in them" lint_packages --suppress-tags malformed-deb-archive "$run_folder/$second" "$run_folder/$command"

step "making the machine"
docker_cli build --quiet --tag "$image" - >/dev/null <<END
FROM $base_image
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends systemd systemd-sysv dbus \\
    nats-server redis-server redis-tools pebble openssl iptables binutils libnats3.4 libnghttp2-14 libsqlite3-0 libssl3 ca-certificates curl procps python3 man-db mandoc && systemctl disable redis-server
STOPSIGNAL SIGRTMIN+3
# On a machine of its own systemd shares its mounts with what it starts; in a container it leaves that to whoever made the container, and a service finds the folder of
# its credentials empty.
CMD ["/bin/sh", "-c", "mount --make-rshared / && exec /sbin/init"]
END
scripts/demo-image "$binaries/demo-backend"
# What a systemd needs in a container that is not --privileged. It is shown the one hierarchy that it has to itself (cgroup v2): shown those of
# version 1 it would mount and change them for the whole machine.
unified=/sys/fs/cgroup
[ "$(stat -f -c %T "$unified")" = cgroup2fs ] || unified=/sys/fs/cgroup/unified
[ "$(stat -f -c %T "$unified" 2>/dev/null)" = cgroup2fs ] || fail "this machine has no cgroup v2 tree" "mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified"
# The clone alone, without what a private Docker has mounted below it: every unit with ProtectSystem= remounts each mount that it sees.
hierarchies() { cut -f 1,2 /proc/cgroups; }
hierarchies_before=$(hierarchies)
docker_cli run --detach --name "$machine" --cap-add SYS_ADMIN --cap-add SYS_PTRACE --cap-add NET_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
    --cgroupns=host --volume "$unified:/sys/fs/cgroup:rw" --tmpfs /run --tmpfs /run/lock --tmpfs /tmp:exec \
    --volume "$docker_socket:/run/docker.sock" --mount "type=bind,source=$root,target=/src,readonly,bind-nonrecursive" "$image" >/dev/null
eventually 30 "systemd is up" says running in_machine systemctl is-system-running
# Docker runs outside; its group has the same number inside.
in_machine groupadd --non-unique --gid "$(stat -c %g "$docker_socket")" docker
in_machine sh -c 'mkdir -p /var/lib/nats && chown nats /var/lib/nats && echo "jetstream { store_dir: /var/lib/nats }" >>/etc/nats-server.conf'
in_machine systemctl restart nats-server
put "$run_folder/$first" /root/first.deb
put "$run_folder/$second" /root/second.deb

step "install"
holds "the package installs" in_machine apt-get install -y -q --no-install-recommends /root/first.deb
holds "it starts nothing by itself" says inactive in_machine systemctl is-active plane-scheduler
holds "it brings a manual page" says 'plane spawn' in_machine man plane
holds "the configuration it brings is right, and only readable for its user" in_machine sh -c \
    'for s in scheduler dns gateway; do /usr/lib/plane/$s --check /etc/plane/controller.toml || exit 1; done
     for s in drone-agent drone-proxy; do /usr/lib/plane/$s --check /etc/plane/drone.toml || exit 1; done
     [ "$(stat -c "%U %G %a" /etc/plane/drone.toml)" = "root plane 640" ] && [ "$(stat -c "%U %G %a" /etc/plane/controller.toml)" = "root root 600" ]'
# Docker is outside, and this machine a container beside the backends: kept from their neighbours they would be kept from the proxy, too.
in_machine sed -i 's/^isolate = true/isolate = false/' /etc/plane/drone.toml
in_machine sed -i "s/^# drone_id = .*/drone_id = \"$machine\"/" /etc/plane/drone.toml
in_machine cp /etc/plane/drone.toml /root/drone.toml

step "start"
# systemctl returns when they are ready.
typed_in_machine() { timeout 60 docker --host "unix://$docker_socket" exec "$machine" bash -c "$1"; }
typed typed_in_machine 'systemctl enable --now plane-scheduler plane-dns'
typed typed_in_machine 'systemctl enable --now plane-drone-proxy.socket plane-drone-agent plane-drone-proxy'
typed typed_in_machine 'systemctl status plane-drone-agent'
# What follows a journal goes on until it is interrupted.
typed_for_a_while() { says "drone-agent is ready" in_machine timeout --signal INT 3 bash -c "$1"; }
typed typed_for_a_while "journalctl --follow --unit 'plane-*'"
holds "a configuration that lacks a table is told" says 'expected a table, which cert-refresher needs' \
    in_machine /usr/lib/plane/cert-refresher --check /etc/plane/drone.toml
in_machine systemctl start --no-block plane-cert-refresher
eventually 10 "a service with such a configuration fails with 64 and is not started again" says 'exit-code 64 0' in_machine sh -c \
    'systemctl show plane-cert-refresher --property Result --property ExecMainStatus --property NRestarts --value | sort -r | paste -sd " " |
     sed "s/^\(.*\)$/\1/; s/^exit-code 64 0$/exit-code 64 0/"'
in_machine systemctl reset-failed plane-cert-refresher
user_of() { in_machine ps -o user:20= -p "$(pid_of "$1")"; }
for pair in scheduler:plane-scheduler dns:plane-dns drone-agent:plane-agent drone-proxy:plane-proxy; do
    holds "plane-${pair%:*} runs as the user ${pair#*:}" says "${pair#*:}" user_of "plane-${pair%:*}"
done
as() { in_machine setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"; }
refused() { ! "$@"; }
holds "the proxy reads the table of backends" as plane-proxy plane test -r /var/lib/plane/drone.sqlite3 -a -w /var/lib/plane/drone.sqlite3
for user in plane-scheduler plane-dns plane-cert; do
    holds "$user reads neither the table of backends nor configurations nor secrets" as "$user" "$user" sh -c \
        'for f in /var/lib/plane/drone.sqlite3 /etc/plane/drone.toml /etc/plane/controller.toml /etc/plane/credentials; do ! test -r $f || exit 1; done'
done
holds "the agent's own secrets of NATS are none of the proxy's" refused as plane-proxy plane ls /etc/plane/credentials/drone-agent

step "a secret for each service"
in_machine sh -c 'for s in scheduler dns drone-agent; do (umask 077; printf %s $s >/etc/plane/credentials/$s/nats_username; printf %s-password $s >/etc/plane/credentials/$s/nats_password); done
    sed -i "/^\[nats\]/a auth = { username = { credential = \"plane_nats_username\" }, password = { credential = \"plane_nats_password\" } }" /etc/plane/controller.toml /etc/plane/drone.toml
    cp /etc/nats-server.conf /root/nats-open.conf
    echo "authorization { users: [ { user: scheduler, password: scheduler-password }, { user: dns, password: dns-password }, { user: drone-agent, password: drone-agent-password }, { user: operator, password: operator } ] }" >>/etc/nats-server.conf
    systemctl restart nats-server && systemctl restart plane-scheduler plane-dns plane-drone-agent plane-drone-proxy'
names_in_nats() { in_machine sh -c "journalctl --no-pager --unit nats-server | tail -n 100; plane --nats nats://operator:operator@127.0.0.1:4222 list-drones"; }
eventually 30 "with them, scheduler, dns and agent are let into NATS, each as itself" says Ready names_in_nats
holds "the proxy, which has none, does its work" is_active plane-drone-proxy
holds "the files can be checked by whoever has no secrets" in_machine sh -c '/usr/lib/plane/dns --check /etc/plane/controller.toml && /usr/lib/plane/drone-agent --check /etc/plane/drone.toml'
in_machine sh -c 'cp /root/nats-open.conf /etc/nats-server.conf && sed -i "/^auth = /d" /etc/plane/*.toml && systemctl restart nats-server && systemctl restart plane-scheduler plane-dns plane-drone-agent plane-drone-proxy'
eventually 30 "and without them as before" says Ready plane list-drones

step "the firewall"
holds "plane-isolation starts with the agent, and has nothing to do where it is not asked for" says 'not asked for' in_machine \
    /usr/lib/plane/isolate-network check /etc/plane/drone.toml
in_machine sh -c 'sed "s/^isolate = false/isolate = true/" /etc/plane/drone.toml >/root/isolated.toml && /usr/lib/plane/isolate-network apply /root/isolated.toml'
holds "asked for, the rules are there" says 'in place' in_machine /usr/lib/plane/isolate-network check /root/isolated.toml
holds "and go" in_machine sh -c '/usr/lib/plane/isolate-network remove && ! iptables-save --table mangle | grep -q plane'
# The unit itself, hardened as it is, with a configuration that asks for it; the agent's, whose backends are outside, does not. The unit sees no home.
in_machine sh -c 'install -m 600 /root/isolated.toml /etc/isolated.toml && mkdir -p /run/systemd/system/plane-isolation.service.d &&
    printf "[Service]\nExecStart=\nExecStart=/usr/lib/plane/isolate-network watch /etc/isolated.toml\n" >/run/systemd/system/plane-isolation.service.d/asked.conf &&
    systemctl daemon-reload && systemctl restart plane-isolation'
rules_are_there() { says 'are in place' in_machine /usr/lib/plane/isolate-network check /etc/isolated.toml; }
holds "as systemd starts it, the unit sets them up" rules_are_there
in_machine iptables --wait --table mangle --flush
holds "(they are gone when somebody empties the table)" refused rules_are_there
eventually 60 "and it sets them up again" rules_are_there
in_machine systemctl stop plane-isolation
holds "they stay when it ends, as backends do" rules_are_there
in_machine sh -c '/usr/lib/plane/isolate-network remove && rm -r /run/systemd/system/plane-isolation.service.d /etc/isolated.toml && systemctl daemon-reload && systemctl start plane-isolation'

step "spawn"
spawned=$(plane spawn plane.localhost plane-demo --pull-policy never --max-idle 900 --json) || { diagnose >&2; fail "plane spawn: $spawned"; }
backend=$(sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
[ -n "$backend" ] || fail "plane spawn did not name a backend: $spawned"
info "$(plane list-drones | paste -sd ' ')"
holds "the backend answers through the proxy on port 80" answers_backend
for part in scheduler drone-agent; do
    eventually 10 "the journal has what $part did with the backend, by the backend's id" says "$part" in_machine \
        journalctl --no-pager --output short "PLANE_BACKEND=$backend"
done
typed_of_backend() { says "$backend" in_machine bash -c "${1/0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10/$backend}"; }
typed typed_of_backend 'journalctl PLANE_BACKEND=0b7f6c1e-50c4-4a0e-9d55-6f2f4f3f2a10'

step "the gateway"
holds "it starts" in_machine systemctl enable --now --quiet plane-gateway
holds "as a user of its own" says plane-gateway user_of plane-gateway
connect() {
    in_machine curl -sS --max-time 60 -H 'Content-Type: application/json' \
        -d '{"key":{"name":"acceptance"},"spawn_config":{"executable":{"image":"plane-demo","pull_policy":"Never"},"max_idle_seconds":60}}' \
        'http://127.0.0.1:8081/ctrl/connect?wait=ready'
}
eventually 60 "a request over HTTP has a backend that is ready" says '"status":"ready"' connect
address=$(connect | sed -nE 's/.*"backend_url":"([^"]+)".*/\1/p')
holds "whose page is where the answer says" in_machine curl -fsSL --max-time 5 -o /dev/null --cookie '' "$address"
holds "people have a page of what runs" says 'acceptance' in_machine curl -fsS --max-time 5 http://127.0.0.1:8081/
pid=$(pid_of plane-gateway)
in_machine systemctl kill --signal KILL --kill-who main plane-gateway
eventually 30 "plane-gateway is back after kill -9" replaced plane-gateway "$pid"

step "the tier"
# Its proxy asks the drone's at a port of its own, and shows what both know.
secret=$(in_machine openssl rand -hex 32)
in_machine cp /etc/plane/drone.toml /root/drone.toml.before
in_machine sed -i "s/^\[proxy\]/[proxy]\ninner_port = 8444\ninner_secret = \"$secret\"/" /etc/plane/drone.toml
# The drone's proxy has port 80 of this machine.
in_machine sed -i "s/^\[proxy\]/[proxy]\ninner_secret = \"$secret\"/; s/^http_port = .*/http_port = 8090/" /etc/plane/gateway-proxy.toml
in_machine systemctl restart plane-drone-agent plane-drone-proxy
holds "it starts" in_machine systemctl enable --now --quiet plane-gateway-proxy
holds "as a user of its own" says plane-tier user_of plane-gateway-proxy
holds "which reads no secret of others, nor the table of backends" as plane-tier plane-tier sh -c \
    'for f in /var/lib/plane/drone.sqlite3 /etc/plane/drone.toml /etc/plane/controller.toml /etc/plane/credentials; do ! test -r $f || exit 1; done'
eventually 30 "it knows the fleet" in_machine curl -fsS --max-time 5 http://127.0.0.1:8090/ready
token=$(connect | sed -nE 's/.*"token":"([^"]+)".*/\1/p')
serves_visitor() { in_machine curl -fsS --max-time 5 -o /dev/null -H 'Host: plane.localhost' "http://127.0.0.1:8090/$token/healthz"; }
eventually 30 "a visitor with a token of the gateway's is served through it" serves_visitor
holds "and one without is not" refused in_machine curl -fsS --max-time 5 -o /dev/null -H 'Host: plane.localhost' http://127.0.0.1:8090/healthz
pid=$(pid_of plane-gateway-proxy)
in_machine systemctl kill --signal KILL --kill-who main plane-gateway-proxy
eventually 30 "plane-gateway-proxy is back after kill -9" replaced plane-gateway-proxy "$pid"
eventually 30 "and serves" serves_visitor
in_machine systemctl disable --now --quiet plane-gateway-proxy
in_machine sh -c 'cat /root/drone.toml.before >/etc/plane/drone.toml && systemctl restart plane-drone-agent plane-drone-proxy'
eventually 20 "and without it the drone serves as before" answers_backend

step "planb"
in_machine systemd-run --quiet --unit redis-for-planb redis-server --save ''
in_machine systemd-run --quiet --unit web-for-planb --working-directory /usr/share/doc/plane python3 -m http.server --bind 127.0.0.1 8001
eventually 10 "a Redis is there" says PONG in_machine redis-cli ping
holds "planb starts" in_machine systemctl enable --now --quiet planb
holds "as a user of its own" says planb user_of planb
in_machine redis-cli rpush frontend:www.example.org example http://127.0.0.1:8001 >/dev/null
asks_planb() { in_machine curl -fsS --max-time 5 -o /dev/null -H 'Host: www.example.org' http://127.0.0.1:8989/; }
eventually 10 "it serves what Redis says" asks_planb
eventually 10 "and writes its log" in_machine grep -q '"GET / HTTP/1.1" 200' /var/log/planb/access.log
holds "which others do not read" refused as plane-dns plane-dns cat /var/log/planb/access.log
pid=$(pid_of planb)
holds "reload" in_machine systemctl reload planb
eventually 30 "a successor is planb now" replaced planb "$pid"
holds "and serves" asks_planb
pid=$(pid_of planb)
in_machine systemctl kill --signal KILL --kill-who main planb
eventually 30 "planb is back after kill -9" replaced planb "$pid"
eventually 10 "and serves" asks_planb
holds "it brings a manual page" says 'backend-cache' in_machine man planb
in_machine systemctl disable --now --quiet planb
in_machine systemctl stop redis-for-planb web-for-planb

step "kill -9 of each service"
for unit in plane-scheduler plane-dns plane-drone-agent plane-drone-proxy; do
    pid=$(pid_of "$unit")
    in_machine systemctl kill --signal KILL --kill-who main "$unit"
    eventually 30 "$unit is back after kill -9" replaced "$unit" "$pid"
done
holds "the backend has survived all of that" answers_backend
eventually 20 "and its state is Ready" says "\"state\":\"Ready\"" plane list-backends --json

step "watchdog"
in_machine sh -c 'mkdir -p /run/systemd/system/plane-scheduler.service.d && printf "[Service]\nWatchdogSec=3\n" >/run/systemd/system/plane-scheduler.service.d/short.conf && systemctl daemon-reload && systemctl restart plane-scheduler'
pid=$(pid_of plane-scheduler)
in_machine kill -STOP "$pid"
eventually 30 "a scheduler that does nothing any more is ended and started again" replaced plane-scheduler "$pid"
in_machine sh -c 'rm -r /run/systemd/system/plane-scheduler.service.d && systemctl daemon-reload && systemctl restart plane-scheduler'

step "restart of the proxy while systemd holds its sockets"
put scripts/lib/acceptance/requests.sh /root/requests.sh
count_requests() { in_machine rm -f /tmp/enough /tmp/counted; docker_cli exec --detach "$machine" bash /root/requests.sh "$backend.plane.localhost"; }
none_failed() {
    in_machine touch /tmp/enough
    for _ in $(seq 60); do in_machine test -e /tmp/counted && break; sleep 0.5; done
    in_machine cat /tmp/counted
    in_machine grep -q '^0 of ' /tmp/counted && return
    in_machine sh -c 'sort /tmp/failures | uniq -c'
    in_machine journalctl --no-pager --lines 40 --unit plane-drone-proxy
    return 1
}
count_requests
in_machine systemctl restart plane-drone-proxy
holds "no new connection was refused" none_failed
info "$(in_machine cat /tmp/counted)"

step "reload and upgrade, with a WebSocket open all along"
put scripts/lib/acceptance/websocket.py /root/websocket.py
docker_cli exec --detach "$machine" sh -c "python3 /root/websocket.py 127.0.0.1:80 /ws $backend.plane.localhost >/root/websocket.log 2>&1"
eventually 20 "a WebSocket is open" says open in_machine cat /root/websocket.log
websocket_is_open() { in_machine pgrep -f /root/websocket.py >/dev/null && ! in_machine grep -q clos /root/websocket.log; }
count_requests
pid=$(pid_of plane-drone-proxy)
holds "reload" in_machine systemctl reload plane-drone-proxy
eventually 30 "a successor is the proxy now" replaced plane-drone-proxy "$pid"
holds "the WebSocket is open, served by the predecessor" websocket_is_open
pids=$(for unit in plane-scheduler plane-dns plane-drone-agent plane-drone-proxy; do pid_of "$unit"; done | paste -sd ' ')
holds "the second package installs over the first" in_machine apt-get install -y -q --no-install-recommends /root/second.deb
read -r -a before <<<"$pids"
index=0
for unit in plane-scheduler plane-dns plane-drone-agent plane-drone-proxy; do
    eventually 60 "$unit is of the new version" replaced "$unit" "${before[index]}"
    holds "$unit runs the installed program" runs_installed_program "$unit"
    index=$((index + 1))
done
holds "the configuration was kept" in_machine grep -q "$machine" /etc/plane/drone.toml
holds "no request failed meanwhile" none_failed
info "$(in_machine cat /tmp/counted)"
holds "the WebSocket is still open" websocket_is_open
in_machine pkill -TERM -f /root/websocket.py
eventually 5 "and was answered all along" says 'answered' in_machine cat /root/websocket.log
info "$(in_machine tail -n 1 /root/websocket.log)"
eventually 20 "a new backend starts on the upgraded machine" says ready plane spawn plane.localhost plane-demo --pull-policy never --max-idle 30

step "a certificate"
put dev/compose/acme /usr/local/bin/acme
in_machine sh -c 'mkdir -p /var/lib/acme && systemd-run --quiet --unit acme --setenv ACME_DNS=127.0.0.1:53 /usr/local/bin/acme'
eventually 20 "the test authority is there" in_machine curl -fsSk -o /dev/null https://127.0.0.1:14000/dir
in_machine sh -c 'cat >>/etc/plane/drone.toml <<END
[cert]
key_path = "/var/lib/plane/cert/tls.key"
cert_path = "/var/lib/plane/cert/tls.pem"
[acme]
server = "https://127.0.0.1:14000/dir"
admin_email = "ops@plane.localhost"
dns_servers = ["127.0.0.1:53"]
ca_path = "/var/lib/acme/root.pem"
END
chmod 755 /var/lib/acme'
in_machine systemctl enable --now --quiet plane-cert-refresher
eventually 60 "plane-cert-refresher has a certificate" in_machine test -s /var/lib/plane/cert/tls.pem
holds "whose key the proxy reads, and dns does not" as plane-proxy plane test -r /var/lib/plane/cert/tls.key
holds "(dns does not)" refused as plane-dns plane-dns cat /var/lib/plane/cert/tls.key
pid=$(pid_of plane-cert-refresher)
in_machine systemctl kill --signal KILL --kill-who main plane-cert-refresher
eventually 30 "plane-cert-refresher is back after kill -9" replaced plane-cert-refresher "$pid"
restarts() { in_machine systemctl show --property NRestarts --value plane-drone-proxy; }
restarts_before=$(restarts)
in_machine systemctl reload plane-drone-proxy
in_machine sh -c 'curl -fsSk https://127.0.0.1:15000/roots/0 >/root/authority.pem'
eventually 30 "the backend answers over HTTPS" in_machine curl -fsS --max-time 5 -o /dev/null --cacert /root/authority.pem \
    --resolve "$backend.plane.localhost:443:127.0.0.1" "https://$backend.plane.localhost/healthz"
[ "$(restarts)" = "$restarts_before" ] || fail "the reload of an idle proxy made systemd start it again" "the process before ended before its successor was the main process"

step "what the units expose (0 is nothing, 10 is everything)"
in_machine systemd-analyze security --no-pager 2>/dev/null | grep -E '^plane' | sed 's/^/  /'

step "remove"
plane terminate plane.localhost "$backend" >/dev/null
holds "the package is removed" in_machine apt-get remove -y -q plane
holds "nothing of it runs" says 0 in_machine sh -c 'pgrep -f "^(/bin/bash )?/[a-z/]*lib/plane/" | wc -l'
holds "its configuration and state are kept" in_machine test -s /var/lib/plane/drone.sqlite3 -a -s /etc/plane/drone.toml
holds "a purge takes them" in_machine sh -c 'apt-get purge -y -q plane && ! test -e /etc/plane && ! test -e /var/lib/plane && ! test -e /etc/default/planb && ! test -e /var/log/planb'

step "the command alone"
put "$run_folder/$command" /root/command.deb
holds "plane-cli installs" in_machine apt-get install -y -q --no-install-recommends /root/command.deb
holds "it is of the same version" says "$version" plane --version
holds "it brings the manual page" says 'plane spawn' in_machine man plane
holds "and asks NATS" says 'no scheduler runs' plane doctor
holds "it brings no service and no user" in_machine sh -c '! test -e /usr/lib/plane && ! test -e /lib/systemd/system/plane-scheduler.service && ! test -e /etc/plane'
holds "the whole package takes its place" in_machine sh -c 'apt-get install -y -q --no-install-recommends /root/second.deb && test -x /usr/lib/plane/scheduler && ! dpkg-query -W -f "\${db:Status-Status}" plane-cli 2>/dev/null | grep -qx installed'
in_machine apt-get purge -y -q plane plane-cli >/dev/null 2>&1

# The last one whose services were one user, unless another is asked for; a clone without history has none.
from=${ACCEPTANCE_FROM:-$last_of_one_user}
if ! git cat-file -e "$from^{commit}" 2>/dev/null; then
    [ -z "${ACCEPTANCE_FROM:-}" ] || fail "there is no revision $ACCEPTANCE_FROM" "git fetch --unshallow"
    info "skipped: an upgrade from services that are one user, because this clone has no $from"
else
    step "upgrade from the package of $from, whose services are one user"
    old=$(mktemp -d)
    git archive "$from" | tar -xC "$old"
    ln -s "$root/.build" "$old/.build"
    "$old/scripts/package-deb" --no-build --version "$version~0" >/dev/null
    put "$old/.run/plane_$version~0_$(dpkg --print-architecture).deb" /root/old.deb
    rm -rf "$old"
    # Packages of then want the libraries of the machine that made them.
    in_machine sh -c 'echo "deb http://deb.debian.org/debian-security bookworm-security main" >/etc/apt/sources.list.d/security.list && apt-get update -q' >/dev/null
    holds "the old package installs" in_machine apt-get install -y -q --no-install-recommends --allow-downgrades /root/old.deb
    in_machine sed -i "s/^# drone_id = .*/drone_id = \"$machine\"/; s/^isolate = true/isolate = false/" /etc/plane/drone.toml
    in_machine systemctl start plane-scheduler plane-drone-proxy.socket plane-drone-agent plane-drone-proxy
    eventually 30 "its drone takes backends" says Ready plane list-drones
    spawned=$(plane spawn plane.localhost plane-demo --pull-policy never --max-idle 900 --json) || { diagnose >&2; fail "plane spawn: $spawned"; }
    backend=$(sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
    holds "a backend answers" answers_backend
    count_requests
    # The operator's answer to dpkg's question about a file that both have changed: keep mine.
    holds "the new package installs over it, and tells of the proxy's user" says 'systemctl restart plane-drone-proxy' in_machine \
        apt-get install -y -q --no-install-recommends -o Dpkg::Options::=--force-confold /root/second.deb
    eventually 60 "the agent is a user of its own" says plane-agent user_of plane-drone-agent
    eventually 30 "the backend is known" says '"state":"Ready"' plane list-backends --json
    holds "no request failed meanwhile" none_failed
    in_machine systemctl restart plane-drone-proxy
    holds "so is the proxy when it was restarted" says plane-proxy user_of plane-drone-proxy
    eventually 10 "and the backend answers" answers_backend
    plane terminate plane.localhost "$backend" >/dev/null
    in_machine apt-get purge -y -q plane >/dev/null 2>&1
fi
holds "systemd has nothing to complain of" says running in_machine systemctl is-system-running
step "install and uninstall from a clone"
in_machine sh -c 'mkdir -p /root/clone/.build && cd /root/clone && cp -a /src/scripts /src/dev . && ln -s "$(readlink -f /src/.build/release)" .build/release'
# As above: what this agent makes of networks, others at this machine would have to share.
in_machine install -D --mode 640 /root/drone.toml /etc/plane/drone.toml
# Built already, outside.
typed_in_clone() { in_machine bash -c "cd /root/clone && ${1/#scripts\/install/scripts/install --no-build}"; }
typed typed_in_clone 'scripts/install --services scheduler,drone-agent,drone-proxy'
for unit in plane-scheduler plane-drone-agent plane-drone-proxy; do
    eventually 60 "$unit is active" is_active "$unit"
    holds "$unit starts with the machine" is_enabled "$unit"
done
eventually 20 "its drone takes backends" says Ready plane list-drones
holds "a service that does not exist is refused" says 'there is no service scheduller' in_machine sh -c 'cd /root/clone && scripts/install --no-build --services scheduller'
typed typed_in_clone 'scripts/uninstall'
holds "nothing of it runs" says 0 in_machine sh -c 'pgrep -f "^(/bin/bash )?/[a-z/]*lib/plane/" | wc -l'
holds "nothing of it is left, but configuration and state" in_machine sh -c \
    'test -s /etc/plane/drone.toml && test -s /var/lib/plane/drone.sqlite3 && [ -z "$(find / -xdev -name "*plane*" -path "/usr/local/*" -o -xdev -name "plane-*" -path "/etc/systemd/*")" ]'
holds "--purge takes these too" in_machine sh -c 'cd /root/clone && scripts/uninstall --purge && ! test -e /etc/plane && ! test -e /var/lib/plane'
docker_cli rm --force --volumes "$machine" >/dev/null
[ "$(hierarchies)" = "$hierarchies_before" ] || fail "the machine's control groups are not as they were" "compare /proc/cgroups with a freshly booted machine"
good "the package does what it should"
