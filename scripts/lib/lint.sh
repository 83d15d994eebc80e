# shellcheck shell=bash
# What Debian's lintian says of our packages.

# lint_packages [OPTION...] PACKAGE...: prints its errors and warnings that no override of the package argues for; fails if there are any.
lint_packages() { lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$@"; }
