# shellcheck shell=bash
# Runs one test target, and ends it when it waits for ever: what hangs is named, and the run fails instead of being cut off.

# Seconds; the slowest target takes about a tenth of it.
test_target_limit=${PLANE_TEST_TARGET_LIMIT:-900}

# run_test_target TARGET
run_test_target() {
    local target=$1 log=$run_folder/$1.log status=0 runner watchdog
    # Line by line, so that the log ends with what happened last.
    stdbuf -oL swift test --skip-build --filter "^$target\\." > >(tee "$log") 2>&1 &
    runner=$!
    end_after "$test_target_limit" "$runner" "$log" &
    watchdog=$!
    wait "$runner" || status=$?
    kill "$watchdog" 2>/dev/null && wait "$watchdog" 2>/dev/null
    return "$status"
}

# run_test_targets TARGET...: all of them, one after the other, so that they do not take the processor from each other. What fails is added to
# $failures.
run_test_targets() {
    local target
    for target in "$@"; do
        info "$target"
        run_test_target "$target" || failures+=("$target")
    done
}

# repeat_test_targets ROUNDS TARGET...: all of them as often as that. Tells what failed after each round, whose logs the next one overwrites, and how many
# rounds passed in the end; fails unless all did.
repeat_test_targets() {
    local rounds=$1 round passed=0
    shift
    for ((round = 1; round <= rounds; round++)); do
        step "round $round of $rounds"
        failures=()
        run_test_targets "$@"
        tell_failures && passed=$((passed + 1))
    done
    info "$passed of $rounds rounds passed"
    [ "$passed" = "$rounds" ]
}

# Targets whose tests failed, and scripts/check.sh when it found something.
failures=()

# tell_failures: what failed, each with the command that repeats it; fails if something has.
tell_failures() {
    local failure
    if [ ${#failures[@]} -eq 0 ]; then
        good "everything passed"
        return
    fi
    printf '%s✗ failed: %s; to repeat each:%s\n' "$red" "${#failures[@]}" "$reset"
    for failure in "${failures[@]}"; do
        case $failure in
            scripts/*) printf '    %s\n' "$failure" ;;
            *)
                printf "    scripts/test --filter '^%s\\\\.'\n" "$failure"
                failed_tests "$run_folder/$failure.log"
                ;;
        esac
    done
    return 1
} >&2

# test_events LOG: one line for each test that began or ended, "began NAME", "passed NAME" or "failed NAME". What else is printed at the same time may stand
# before it on its line.
test_events() {
    awk '{
        line = $0
        while (match(line, /(◇|✔|✘|➜) Test "[^"]*" /)) {
            mark = substr(line, RSTART, RLENGTH)
            line = substr(line, RSTART + RLENGTH)
            split(mark, part, "\"")
            event = ""
            if (line ~ /^started\./) event = "began"
            else if (line ~ /^(with [0-9]+ test cases? )?failed after /) event = "failed"
            else if (line ~ /^(with [0-9]+ test cases? )?passed after |^skipped/) event = "passed"
            if (event != "") print event " " part[2]
        }
    }' "$1"
}

# failed_tests LOG: the names of the tests that failed, and of those that had not ended.
failed_tests() {
    test_events "$1" | sed -n 's/^failed /        /p' | sort -u
    unfinished_tests "$1" | sed 's/^/    /; s/$/ (had not ended)/'
}

# end_after SECONDS PID LOG
end_after() {
    local sleeper
    sleep "$1" &
    sleeper=$!
    trap 'kill "$sleeper" 2>/dev/null; exit 0' TERM
    wait "$sleeper"
    printf '%s✗ these tests have not ended after %s s:%s\n' "$red" "$1" "$reset"
    unfinished_tests "$3"
    local process
    for process in $(pgrep -P "$2"); do
        command -v gdb >/dev/null && gdb -p "$process" -batch -ex 'thread apply all backtrace 12' 2>/dev/null | grep -E '^(Thread|#)'
        kill -KILL "$process"
    done
} >&2

# unfinished_tests LOG: the names of those that were started and not reported as ended; none where the run says that it has come to its end.
unfinished_tests() {
    grep -qE 'Test run with .* (passed|failed) after ' "$1" && return
    test_events "$1" | awk '{ name = $0; sub(/^[a-z]+ /, "", name) } $1 == "began" { open[name] = 1; next } { delete open[name] } END { for (name in open) print "    " name }'
}
