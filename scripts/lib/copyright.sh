# shellcheck shell=bash
# The copyright of a package in Debian's machine-readable form: ours, and that of everything that is linked into the programs.

# indented: text as a field's further lines.
indented() { sed -e 's/[[:space:]]*$//' -e 's/^$/./' -e 's/^/ /'; }

# copyright_lines FOLDER: who says in it that it is theirs.
copyright_lines() {
    local found
    found=$(cat "$1"/LICENSE* "$1"/NOTICE* 2>/dev/null | grep -hE '^ *(//|#)? *Copyright( \(c\)| \(C\)|:| ©)? *[0-9]' | sed -E 's/^[ /#]*Copyright:? *//' | sort -u | head -n 5)
    [ -n "$found" ] || found="the authors of $(basename "$1")"
    paste -sd '|' <<<"$found" | sed 's/|/\n           /g'
}

copyright_of_package() {
    local folder name license
    printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: plane\nComment: The programs are linked with the libraries below them, whose sources are at the places that Package.swift names.\n'
    printf '\nFiles: *\nCopyright: %s\nLicense: MIT\n' "$(sed -nE 's/^Copyright \(c\) //p' LICENSE)"
    sed '1,/^Copyright/d' LICENSE | sed '1{/^$/d}' | indented
    for folder in .build/checkouts/*/; do
        folder=${folder%/}
        name=$(basename "$folder")
        license=$(find "$folder" -maxdepth 1 -iname 'LICENSE*' -type f | sort | head -n 1)
        [ -n "$license" ] || fail "$name has no licence" "look into $folder"
        printf '\nFiles: %s/*\nCopyright: %s\n' "$name" "$(copyright_lines "$folder")"
        if grep -q 'Apache License' "$license"; then
            printf 'License: Apache-2.0\n'
        else
            printf 'License: %s-license\n' "$name"
            indented <"$license"
        fi
        # What it has taken from others: BoringSSL, llhttp and the like.
        for notice in "$folder"/NOTICE*; do
            [ ! -f "$notice" ] || { printf 'Comment:\n' && indented <"$notice"; }
        done
    done
    printf '\nFiles: swift/*\nCopyright: Apple Inc. and the Swift project authors\nLicense: Apache-2.0\nComment: The standard library, Foundation and Dispatch, with the Runtime Library Exception. Foundation has ICU in it, Copyright 1991 and later Unicode, Inc., under the Unicode License V3.\n'
    printf '\nLicense: Apache-2.0\n On Debian systems it is in /usr/share/common-licenses/Apache-2.0.\n'
}
