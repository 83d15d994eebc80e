# What the Debian package does when it has been unpacked (deb-postinst(5)). For scripts/package-deb.
# shellcheck shell=bash

# commands_of FILE INDENT: a script of our own without its beginning, to be part of another one.
commands_of() { awk -v indent="$2" 'begun && NF { print indent $0 } /^set -eu$/ { begun = 1 } END { exit !begun }' "$1" || fail "$1 has no line set -eu"; }

postinst() {
    cat <<'END'
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    systemd-sysusers /usr/lib/sysusers.d/plane.conf
    systemd-tmpfiles --create /usr/lib/tmpfiles.d/plane.conf
END
    commands_of "$root/scripts/lib/own-files" '    '
    cat <<'END'
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        if [ -n "${2:-}" ]; then
            # A successor is started by the proxy before it, as whom that runs.
            if systemctl is-active --quiet plane-drone-proxy && [ "$(ps -o user= -p "$(systemctl show --property MainPID --value plane-drone-proxy)")" = plane ]; then
                echo "plane: the proxy goes on as its user of before; systemctl restart plane-drone-proxy, at a quiet time, gives it one of its own"
            fi
END
    commands_of "$root/scripts/lib/refresh-services" '            '
    cat <<'END'
        else
            echo "plane: edit /etc/plane/*.toml, then: systemctl enable --now plane-scheduler (and what else this machine is to run)"
        fi
    fi
fi
END
}
