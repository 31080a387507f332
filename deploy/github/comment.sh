#!/usr/bin/env bash
# Needs GH_TOKEN, REPOSITORY (owner/name), NUMBER (of the pull request) and comment.md in the current folder.
# One comment, written once and edited afterwards: GitHub's own bot wrote it, and it begins with this marker.
set -euo pipefail
marker='<!-- gitrel diff -->'
comment="$(
  gh api --paginate "repos/$REPOSITORY/issues/$NUMBER/comments" \
    --jq ".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$marker\"))) | .id" |
    sed -n 1p
)"
if [ -n "$comment" ]; then
  gh api --method PATCH "repos/$REPOSITORY/issues/comments/$comment" -F body=@comment.md --silent
else
  gh api --method POST "repos/$REPOSITORY/issues/$NUMBER/comments" -F body=@comment.md --silent
fi
