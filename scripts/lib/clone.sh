# shellcheck shell=bash
# What a clone has on the machine for itself, so that several live side by side. All of it derives from the clone's path, in $root.

# Part of the names of its sockets' folder, its bridge, its drone, its containers and images. Eight digits leave room in the 15 characters of
# a network interface's name.
clone_id=$(printf '%s' "$root" | sha256sum | cut -c 1-8)

# free_subnets LENGTH COUNT: prints the first COUNT networks of the prefix length that overlap no address and no route of this machine, one a
# line, without the length. It begins at a place that depends on the clone.
free_subnets() {
    local length=$1 count=$2 range index address used
    local size=$((1 << (32 - length))) places=$((1 << (length - 16)))
    # Every network that the machine knows, as first and last address. Numbers of this size come out of print rounded, with mawk.
    used=$({ ip -4 -o address show && ip -4 route show table all; } | grep -oE '([0-9]+\.){3}[0-9]+(/[0-9]+)?' | sort -u |
        awk -F '[./]' '{ n = $5 == "" ? 32 : $5; first = (($1 * 256 + $2) * 256 + $3) * 256 + $4; s = 2 ^ (32 - n); first -= first % s
            if (n > 0) printf "%.0f %.0f\n", first, first + s - 1 }')
    for range in 172.29 10.229 10.129; do
        for ((index = 0; index < places && count > 0; index++)); do
            address=$(((${range%.*} << 24) + (${range#*.} << 16) + (16#$clone_id + index) % places * size))
            awk -v first="$address" -v last=$((address + size - 1)) '$1 <= last && $2 >= first { exit 1 }' <<<"${used:-0 0}" || continue
            echo "$((address >> 24)).$((address >> 16 & 255)).$((address >> 8 & 255)).$((address & 255))"
            count=$((count - 1))
        done
    done
    [ "$count" -eq 0 ]
}
