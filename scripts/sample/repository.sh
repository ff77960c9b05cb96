#!/bin/sh
# Turns the bundled sample project into a git repository with the tags v1.0.0 and v1.1.0.
# usage: repository.sh FOLDER      (does nothing if FOLDER is one already)
# Names and times are fixed: the same files always give the same commits.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
[ -d "$folder/.git" ] && exit 0

export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME="Notice Board Team" GIT_AUTHOR_EMAIL=noticeboard@example.com
export GIT_COMMITTER_NAME="$GIT_AUTHOR_NAME" GIT_COMMITTER_EMAIL="$GIT_AUTHOR_EMAIL"

record() { # tag, time, message
    export GIT_AUTHOR_DATE="$2" GIT_COMMITTER_DATE="$2"
    git -C "$new" add --all
    git -C "$new" commit --quiet --message "$3"
    git -C "$new" tag "$1"
}

mkdir -p "$(dirname "$folder")"
new=$folder.new
rm -rf "$new"
cp -R "$here/../../sample" "$new"
rm -rf "$new/out"
git -C "$new" -c init.defaultBranch=main init --quiet
printf 'out/\n' >"$new/.gitignore"
record v1.0.0 2026-01-05T09:00:00Z "The notice board"
git -C "$new" apply "$here/v1.1.0.patch"
record v1.1.0 2026-02-02T09:00:00Z "Search in the notes"
mv "$new" "$folder"
