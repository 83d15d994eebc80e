# shellcheck shell=bash
# docker-compose.yml, brought up by docker-compose as a person would, with a backend that answers with a certificate of the test authority.
# shellcheck source=scripts/lib/acceptance/steps.sh
. "$root/scripts/lib/acceptance/steps.sh"

export COMPOSE_PROJECT_NAME=plane-acceptance-$clone_id PLANE_TAG=acceptance-$clone_id DRONE_ID=drone-acceptance-$clone_id
own_ports_and_networks
compose() { scripts/compose --no-build "$@"; }
# At a terminal, as docker-compose exec wants it. Typed as docker-compose or scripts/compose: the first needs a registry, which the second
# makes up for.
typed_compose() { script --quiet --return --command "scripts/compose --no-build ${1#* }" /dev/null </dev/null; }
clean_up() {
    local containers
    containers=$(docker_cli ps --all --quiet --filter "network=$COMPOSE_PROJECT_NAME-backends" --filter label=dev.plane.managed=true)
    # shellcheck disable=SC2086 # one word each
    [ -z "$containers" ] || docker_cli rm --force $containers >/dev/null
    # What the services said, for who wants to know why something was not so.
    compose logs --no-color >"$run_folder/acceptance-compose.log" 2>&1 || true
    compose down --volumes --remove-orphans >/dev/null 2>&1 || true
    docker_cli rm --force "$planb" >/dev/null 2>&1 || true
    stop redis-acceptance
}
planb=$COMPOSE_PROJECT_NAME-planb
plane() { compose exec -T scheduler plane "$@"; }
container_of() { compose ps --quiet "$1"; }
is_healthy() { [ "$(docker_cli inspect --format '{{.State.Health.Status}}' "$(container_of "$1")")" = healthy ]; }
runs_as_root() { [ "$(docker_cli exec "$(container_of "$1")" stat -c %U /proc/1)" = root ]; }

step "docker-compose up --build"
# The images build, and everything starts.
typed typed_compose 'scripts/compose up --build --detach'
typed typed_compose 'docker-compose up --build --detach'
docker_cli images --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -E '^plane-[a-z-]+:acceptance-'"$clone_id"'|^plane-demo:latest' | sed 's/^/  /' || true
for service in nats scheduler dns drone-agent drone-proxy cert-refresher; do
    eventually 90 "$service is healthy" is_healthy "$service"
done
for service in scheduler dns drone-agent drone-proxy cert-refresher nats acme; do
    if runs_as_root "$service"; then fail "$service runs as root"; fi
done
good "no service runs as root"

step "a backend"
eventually 30 "a drone takes backends" says Ready plane list-drones
typed typed_compose 'docker-compose exec scheduler plane list-drones'
typed typed_compose 'docker-compose exec scheduler plane spawn plane.localhost plane-demo --pull-policy never'
spawned=$(plane spawn plane.localhost plane-demo --pull-policy never --max-idle 900 --json)
backend=$(sed -nE 's/.*"backend_id" *: *"([^"]+)".*/\1/p' <<<"$spawned" | head -n 1)
[ -n "$backend" ] || fail "plane spawn did not name a backend: $spawned"
name=$backend.plane.localhost
curl -fsSk "https://127.0.0.1:$ACME_PORT/roots/0" >"$run_folder/acme-root.pem"
ask() { curl -fsS --max-time 10 --cacert "$run_folder/acme-root.pem" --resolve "$name:$HTTPS_PORT:127.0.0.1" "https://$name:$HTTPS_PORT$1"; }
eventually 90 "it answers over HTTPS, with a certificate that the test authority's root vouches for" ask /healthz
openssl s_client -connect "127.0.0.1:$HTTPS_PORT" -servername "$name" </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName | sed 's/^/  /'
holds "plain HTTP leads to HTTPS" says "https://$name:$HTTPS_PORT/" curl -sS -o /dev/null -w '%{redirect_url}' \
    --resolve "$name:$HTTP_PORT:127.0.0.1" "http://$name:$HTTP_PORT/"
if command -v dig >/dev/null; then
    eventually 20 "its name leads to its drone" says 127.0.0.1 dig +short +time=2 +tries=1 @127.0.0.1 -p "$DNS_PORT" "$name" A
fi
holds "plane why tells its story" says 'It answers.' plane why "$backend"
holds "NATS refuses strangers" says 'refuses' compose exec -T -e PLANE_NATS_URL=nats://stranger:x@nats:4222 scheduler plane list-drones

step "restarts"
compose restart drone-agent scheduler dns >/dev/null 2>&1
eventually 60 "the backend is known after restarts of agent, scheduler and dns" says "\"state\":\"Ready\"" plane list-backends --json
holds "and answers" ask /healthz
holds "it can be terminated" plane terminate plane.localhost "$backend"

step "docker-compose down"
typed typed_compose 'docker-compose exec scheduler plane spawn plane.localhost plane-demo --pull-policy never'
typed_docker() { DOCKER_HOST=unix://$docker_socket bash -c "${1/plane-backends/$COMPOSE_PROJECT_NAME-backends}"; }
typed typed_docker 'docker ps --all --quiet --filter network=plane-backends --filter label=dev.plane.managed=true | xargs --no-run-if-empty docker rm --force'
# Everything stops.
typed typed_compose 'docker-compose down --volumes'

step "the image of planb"
# dev/compose/planb.yml wants a registry for Redis; here a Redis of this machine stands in for it.
redis_port=$(choose_port PLANE_UP_REDIS_PORT $((clone_ports + 5)) redis) planb_port=$(choose_port PLANE_UP_PLANB_PORT $((clone_ports + 6)) planb)
start redis-acceptance redis-server --port "$redis_port" --bind 127.0.0.1 --save ''
DOCKER_BUILDKIT=0 docker_cli build --quiet --file dev/Dockerfile --target planb --build-arg "BUILD_IMAGE=$programs_image" --build-arg "RUNTIME_IMAGE=$base_image" \
    --tag "plane-planb:$PLANE_TAG" . >/dev/null
# In the network of the machine, where Redis is.
docker_cli run --detach --name "$planb" --network host --env "HEALTH_PORT=$planb_port" --cap-drop ALL --security-opt no-new-privileges:true "plane-planb:$PLANE_TAG" \
    planb --listen "127.0.0.1:$planb_port" --access-log stdout --read-redis-port "$redis_port" --write-redis-port "$redis_port" >/dev/null
planb_is_healthy() { [ "$(docker_cli inspect --format '{{.State.Health.Status}}' "$planb")" = healthy ]; }
eventually 60 "planb is healthy" planb_is_healthy
redis-cli -p "$redis_port" rpush frontend:www.example.org example "http://127.0.0.1:$NATS_PORT" >/dev/null
holds "a host that nobody has is told so" says 'no such route' curl -sS --max-time 5 -H 'Host: other.example.org' "http://127.0.0.1:$planb_port/"
holds "it reads routes from Redis" says 503 curl -sS --max-time 15 -o /dev/null -w '%{http_code}' -H 'Host: www.example.org' "http://127.0.0.1:$planb_port/"
[ "$(docker_cli exec "$planb" stat -c %U /proc/1)" != root ] || fail "planb runs as root"
holds "it stops when it is asked to" docker_cli stop --time 30 "$planb"
holds "with success" says 0 docker_cli inspect --format '{{.State.ExitCode}}' "$planb"
good "docker-compose.yml and the images do what they should"
