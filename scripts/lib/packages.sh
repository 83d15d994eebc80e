# shellcheck shell=bash
# Debian packages and the Swift toolchain.

packages_of() {
    case $1 in
        build) echo libnats-dev libnghttp2-dev libsqlite3-dev libssl-dev pkg-config ;;
        run) echo nats-server docker.io crun iptables iproute2 curl ca-certificates ;;
        service) echo ca-certificates iptables procps systemd ;;
        package) echo dpkg-dev ;;
        lint) echo lintian ;;
        images) echo debootstrap docker-compose ;;
        tls) echo testssl.sh openssl curl ;;
        bench) echo nginx-light haproxy caddy wrk nghttp2-client openssl ;;
        bench-planb) echo nginx-light haproxy wrk openssl redis-server redis-sentinel redis-tools ;;
        bench-dns) echo nats-server dnsperf knot nsd bind9 util-linux ;;
        test) echo redis-server redis-sentinel redis-tools busybox-static procps gdb nghttp2-client haproxy pebble docker-registry openssl python3-venv nodejs shellcheck git bind9-dnsutils knot-dnsutils ldnsutils python3-dnspython unbound mandoc prometheus docker-compose systemd chromium podman netavark ;;
    esac
}

# need_packages build|run|service|package|lint|images|test|tls|bench...: installs what is missing. Services that packages bring are not started: the scripts start their own.
need_packages() {
    local missing log=$run_folder/apt.log
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return
    # apt-get fails where another one is at work, so clones take turns. It is a lock on a folder, which whoever may read it can take.
    exec 8</var/cache/apt
    flock 8
    # Another clone may have installed them meanwhile.
    missing=$(missing_packages "$@")
    if [ -n "$missing" ]; then
        step "installing Debian packages: $missing"
        # shellcheck disable=SC2086 # one word each
        if ! { as_root apt-get update -q && as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
            apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing; } >"$log" 2>&1 </dev/null 8<&-; then
            tail -n 15 "$log" >&2
            fail "apt-get could not install $missing" "the whole output is in $log"
        fi
    fi
    exec 8<&-
}

# missing_packages GROUP...: those that are not installed, on one line.
missing_packages() {
    local group package
    for group in "$@"; do
        for package in $(packages_of "$group"); do
            [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
        done
    done | paste -sd ' '
}

# need_swift: puts a toolchain of version 6.2 or later on the PATH.
need_swift() {
    if ! command -v swift >/dev/null; then
        for folder in /opt/swift/usr/bin /usr/libexec/swift/bin "$HOME/.local/share/swiftly/bin" /usr/local/swift/usr/bin; do
            if [ -x "$folder/swift" ]; then
                PATH=$folder:$PATH
                break
            fi
        done
    fi
    command -v swift >/dev/null ||
        fail "there is no Swift toolchain on the PATH" "install Swift 6.2 or later from https://www.swift.org/install/linux"
    local version
    version=$(swift --version 2>/dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p')
    if [ "$(printf '%s\n6.2\n' "$version" | sort -V | head -n 1)" != 6.2 ]; then
        fail "Swift ${version:-of an unknown version} is too old: 6.2 or later is needed" "https://www.swift.org/install/linux"
    fi
}
