# shellcheck shell=bash
# Sourced by every script: where things are, and the parts they share.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Logs, pid files and stores of what the scripts start; ignored by git.
run_folder=$root/.run
mkdir -p "$run_folder"
cd "$root" || exit 1

# shellcheck source=scripts/lib/clone.sh
. "$root/scripts/lib/clone.sh"
# shellcheck source=scripts/lib/console.sh
. "$root/scripts/lib/console.sh"
# shellcheck source=scripts/lib/packages.sh
. "$root/scripts/lib/packages.sh"
# shellcheck source=scripts/lib/processes.sh
. "$root/scripts/lib/processes.sh"
# shellcheck source=scripts/lib/docker.sh
. "$root/scripts/lib/docker.sh"
