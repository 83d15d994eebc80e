# shellcheck shell=bash
# Programs the scripts start: a pid file and a log each, in $run_folder. Only what has a pid file of ours is ever ended.

# start NAME COMMAND...: starts a program in the background, in a session of its own so that Ctrl-C reaches only the script.
start() {
    local name=$1
    shift
    setsid "$@" >"$run_folder/$name.log" 2>&1 </dev/null 9<&- &
    local pid=$!
    # The start time tells the program from a later one with the same pid.
    echo "$pid $(start_time "$pid")" >"$run_folder/$name.pid"
    disown "$pid"
}

# Of a program that has ended and that nobody has waited for: nothing.
start_time() { sed -E 's/^.*\) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'; }

# processes_of NAME: the program we started, if it is still there, and what has taken its place: the successor of a proxy has its name, and is
# of the session that it was started in.
processes_of() {
    local pid started
    read -r pid started 2>/dev/null <"$run_folder/$1.pid" || return 0
    [ -n "$started" ] || return 0
    if [ "$(start_time "$pid")" = "$started" ]; then echo "$pid"; fi
    # A program that ends while they are read is missing from the list, as it should be, and no other is: cat goes on with the next file where
    # mawk ends at the first that it cannot open.
    { cat /proc/[0-9]*/stat 2>/dev/null || true; } | awk -v first="$pid" -v since="$started" -v name="(${1:0:15})" '
        $1 != first && $2 == name && $3 != "Z" && $6 == first && $22 + 0 >= since + 0 { print $1 }'
}

# running NAME: is the program we started still there, or its successor?
running() { [ -n "$(processes_of "$1")" ]; }

# stop NAME: ends a program we started, politely, then not (after 10 s).
stop() {
    local name=$1 pid pids
    pids=$(processes_of "$name")
    for pid in $pids; do as_owner "$pid" kill -TERM "$pid"; done
    if [ -n "$pids" ]; then
        for _ in $(seq 100); do
            running "$name" || break
            sleep 0.1
        done
        pids=$(processes_of "$name")
        if [ -n "$pids" ]; then
            info "$name did not stop within 10 s and was killed"
            for pid in $pids; do as_owner "$pid" kill -KILL "$pid"; done
        fi
    fi
    rm -f "$run_folder/$name.pid"
}

as_owner() {
    local pid=$1
    shift
    if [ "$(stat -c %u "/proc/$pid" 2>/dev/null || id -u)" -eq "$(id -u)" ]; then "$@"; else as_root "$@"; fi
}

# wait_for_line NAME TEXT SECONDS: returns when the program has logged the text; fails with its last lines if it ends or is late.
wait_for_line() {
    local name=$1 text=$2 seconds=$3
    for _ in $(seq $((seconds * 20))); do
        grep -qF -- "$text" "$run_folder/$name.log" 2>/dev/null && return
        running "$name" || break
        sleep 0.05
    done
    grep -qF -- "$text" "$run_folder/$name.log" 2>/dev/null && return
    tail -n 15 "$run_folder/$name.log" >&2
    fail "$name did not say \"$text\" within $seconds s" "the whole log is in $run_folder/$name.log"
}

# lock_ports, unlock_ports: between the two, no script of this machine chooses ports but this one. Around choose_port and the start of what
# listens there. It is a lock on a folder, which whoever may read it can take.
lock_ports() {
    exec 9</tmp
    flock 9
}
unlock_ports() { exec 9<&-; }

port_is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# choose_port VARIABLE DEFAULT PURPOSE: prints $VARIABLE if set (and free), else the first free port from DEFAULT on.
choose_port() {
    local wanted=${!1:-} port
    if [ -n "$wanted" ]; then
        port_is_free "$wanted" || fail "$1=$wanted: something else listens on that port" "choose another one for $3, or unset $1"
        echo "$wanted"
        return
    fi
    for port in $(seq "$2" $(($2 + 50))); do
        if port_is_free "$port"; then
            echo "$port"
            return
        fi
    done
    fail "no free port from $2 to $(($2 + 50)) for $3" "set $1 to one that is free"
}
