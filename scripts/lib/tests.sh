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

# failed_tests LOG: the names of the tests that failed, and of those that had not ended.
failed_tests() {
    awk -F '"' '/^(✘|➜|◇) Test "/ { if (/ failed after /) print "        " $2 }' "$1" | sort -u
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

# unfinished_tests LOG: the names of those that were started and not reported as ended.
unfinished_tests() {
    awk -F '"' '/^◇ Test "/ && / started\.$/ { open[$2] = 1 } /^(✔|✘|➜) Test "/ { delete open[$2] } END { for (name in open) print "    " name }' "$1"
}
