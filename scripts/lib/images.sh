# shellcheck shell=bash
# Base images without a registry.

# A Debian as debootstrap makes it; its archive is kept, because that takes minutes.
base_image=plane-base:bookworm
# The programs in /out, for dev/Dockerfile. Other clones, which may share the Docker, have built others.
programs_image=plane-programs:$clone_id

need_base_image() {
    docker_cli image inspect "$base_image" >/dev/null 2>&1 && return
    local archive=$run_folder/debian-bookworm.tar
    if [ ! -s "$archive" ]; then
        step "making a Debian base image with debootstrap (takes some minutes, once)"
        local folder
        folder=$(mktemp -d)
        if ! as_root debootstrap --variant=minbase bookworm "$folder/root" >"$run_folder/debootstrap.log" 2>&1; then
            tail -n 5 "$run_folder/debootstrap.log" >&2
            as_root rm -rf "$folder"
            fail "debootstrap failed" "the whole output is in .run/debootstrap.log"
        fi
        # What no container reads is nearly half of it.
        as_root rm -rf "$folder"/root/var/{cache/apt/archives/*.deb,lib/apt/lists/*} "$folder"/root/usr/share/{locale,doc,man,info}/*
        as_root tar -C "$folder/root" -c . >"$archive.new"
        mv "$archive.new" "$archive"
        as_root rm -rf "$folder"
    fi
    docker_cli import "$archive" "$base_image" >/dev/null
}

# import_programs: an image with what is in .build/release, made anew when that has changed.
import_programs() {
    local folder name version
    version=$(cd "$binaries" && sha256sum "${all_services[@]}" plane planb demo-backend | sha256sum | cut -c 1-16)
    [ "$(docker_cli image inspect --format '{{index .Config.Labels "dev.plane.programs"}}' "$programs_image" 2>/dev/null)" = "$version" ] && return
    folder=$(mktemp -d)
    mkdir "$folder/out"
    for name in "${all_services[@]}" plane planb demo-backend; do install -m 755 -s "$binaries/$name" "$folder/out/$name"; done
    # The build stage runs one shell command.
    { cat "$run_folder/debian-bookworm.tar" 2>/dev/null || base_archive; } >"$folder/base.tar"
    tar -C "$folder" --append --file "$folder/base.tar" out
    docker_cli import --change "LABEL dev.plane.programs=$version" "$folder/base.tar" "$programs_image" >/dev/null
    rm -rf "$folder"
}

# The base image as an archive, where somebody else made it.
base_archive() {
    local container
    container=$(docker_cli create "$base_image" true)
    docker_cli export "$container"
    docker_cli rm "$container" >/dev/null
}
