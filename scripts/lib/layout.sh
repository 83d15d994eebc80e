# shellcheck shell=bash
# Where the files of an installation lie. scripts/install, scripts/uninstall and scripts/package-deb agree on it by using this.

# Each is a program and, with the prefix plane-, a unit.
all_services=(scheduler dns gateway gateway-proxy drone-agent drone-proxy cert-refresher)

: "${binaries:=$root/.build/release}"

# build_all: every program that is installed, into .build/release.
build_all() { build_release "${all_services[@]}" plane planb; }

# shellcheck source=scripts/lib/manuals.sh
. "$root/scripts/lib/manuals.sh"

# lay_out DESTINATION PREFIX: copies programs, units, manual pages, examples, completions and sample configuration under DESTINATION.
# Files in /etc/plane that are there already are left alone.
lay_out() {
    local destination=$1 prefix=$2 name units
    units=$(units_folder "$prefix")
    install -d "$destination$prefix"/{bin,lib/plane,share/man/man{5,8},share/doc/plane/examples} \
        "$destination$units" "$destination$prefix"/lib/{sysusers.d,tmpfiles.d}
    for name in "${all_services[@]}"; do install_program "$name" "$destination$prefix/lib/plane/$name"; done
    lay_out_command "$destination" "$prefix"
    # By itself a program for everybody's use, with a unit of its own.
    install_program planb "$destination$prefix/lib/plane/planb"
    ln -sf ../lib/plane/planb "$destination$prefix/bin/planb"
    install -d "$destination/etc/default"
    [ -e "$destination/etc/default/planb" ] || install -m 640 dev/config/planb.default "$destination/etc/default/planb"
    install -m 755 scripts/lib/isolate-network "$destination$prefix/lib/plane/isolate-network"
    for name in scripts/systemd/*.service scripts/systemd/*.socket; do
        sed "s|/usr/lib/plane/|$prefix/lib/plane/|" "$name" >"$destination$units/$(basename "$name")"
    done
    install -m 644 scripts/systemd/plane.sysusers "$destination$prefix/lib/sysusers.d/plane.conf"
    install -m 644 scripts/systemd/plane.tmpfiles "$destination$prefix/lib/tmpfiles.d/plane.conf"
    gzip -9n <dev/docs/planb.1 >"$destination$prefix/share/man/man1/planb.1.gz"
    for name in "${all_services[@]}"; do service_manual "$name" | gzip -9n >"$destination$prefix/share/man/man8/plane-$name.8.gz"; done
    for name in controller drone gateway-proxy; do configuration_manual "$name" | gzip -9n >"$destination$prefix/share/man/man5/plane-$name.toml.5.gz"; done
    for name in dev/config/nats-server.conf dev/monitoring/{alerts.yml,grafana-dashboard.json,prometheus.yml}; do
        install -m 644 "$name" "$destination$prefix/share/doc/plane/examples/$(basename "$name")"
    done
    install -d "$destination/etc/plane"
    install -d -m 700 "$destination/etc/plane/credentials"
    for name in scheduler dns gateway gateway-proxy drone-agent cert-refresher; do install -d -m 700 "$destination/etc/plane/credentials/$name"; done
    for name in controller.toml drone.toml gateway-proxy.toml; do
        [ -e "$destination/etc/plane/$name" ] || sample_configuration "$name" >"$destination/etc/plane/$name"
    done
}

# lay_out_command DESTINATION PREFIX: the operator's command alone.
lay_out_command() {
    local destination=$1 prefix=$2
    install -d "$destination$prefix"/{bin,share/man/man1,share/bash-completion/completions,share/zsh/site-functions,share/fish/vendor_completions.d}
    install_program plane "$destination$prefix/bin/plane"
    "$binaries/plane" reference manual | gzip -9n >"$destination$prefix/share/man/man1/plane.1.gz"
    "$binaries/plane" completions bash | sed '1{/^#!/d}' >"$destination$prefix/share/bash-completion/completions/plane"
    "$binaries/plane" completions zsh >"$destination$prefix/share/zsh/site-functions/_plane"
    "$binaries/plane" completions fish >"$destination$prefix/share/fish/vendor_completions.d/plane.fish"
}

# Programs that need ICU, 40 MB of tables about the world's languages in Foundation: those with GRDB, which formats dates by it.
programs_with_icu="drone-agent drone-proxy cert-refresher"

# Through a new file, so that a running program keeps its own.
install_program() {
    install -m 755 "$binaries/$1" "$2.new"
    strip --strip-unneeded "$2.new"
    if [[ " $programs_with_icu " != *" $1 "* ]] && grep -qaE 'icudt[0-9]+' "$2.new"; then
        fail "$1 has ICU in it, which makes it 40 MB larger" "which of its imports of Foundation needs more than FoundationEssentials?"
    fi
    mv "$2.new" "$2"
}

configuration_of() {
    case $1 in
        scheduler | dns | gateway) echo /etc/plane/controller.toml ;;
        gateway-proxy) echo /etc/plane/gateway-proxy.toml ;;
        *) echo /etc/plane/drone.toml ;;
    esac
}

# Packages have their units in /usr, what an administrator installs goes to /etc.
units_folder() { if [ "$1" = /usr ]; then echo /lib/systemd/system; else echo /etc/systemd/system; fi; }

# sample_configuration FILE: dev/config as a server wants it, open to the network and with its files in /var/lib/plane.
sample_configuration() {
    sed -E \
        -e '/^\[log\]/,/^\[/s/^format = .*/format = "journal"/' \
        -e 's|^db_path = .*|db_path = "/var/lib/plane/drone.sqlite3"|' \
        -e 's/^drone_id = .*/# drone_id = "drone-1"/' \
        -e '/^\[(proxy|dns)\]/,/^\[/s/^bind_ip = .*/bind_ip = "0.0.0.0"/' \
        -e 's/^http_port = .*/http_port = 80/' -e 's/^public_port = .*/public_port = 80/' \
        -e '/^\[dns\]/,/^\[/s/^port = .*/port = 53/' \
        -e '/^\[gateway\]/,/^\[/s/^http_port = .*/http_port = 8081/' \
        -e '/^\[.*metrics\]/,/^$/s/^# port = /port = /' "dev/config/$1"
}
