# Words that the pages in this folder use besides `countersign` and `git`.

# repository NAME: a small repository, with one commit on main.
repository() {
    git init -q -b main "$1"
    printf 'def greet(name):\n    return "Hello, " + name\n\n\nprint(greet("world"))\n' >"$1/greet.py"
    printf '# %s\n\nCall `greet(name)`.\n' "$1" >"$1/README.md"
    commit "$1" "A greeting"
}

# commit NAME MESSAGE: everything that is there.
commit() {
    git -C "$1" add --all
    git -C "$1" commit -q -m "$2"
}

# branches NAME: the branches of a repository.
branches() {
    git -C "$1" for-each-ref --format='%(refname:short)' refs/heads
}

# workflow: the id of the newest workflow.
workflow() {
    countersign list --json | grep -o 'wf_[0-9A-Z]*' | head -n 1
}

# reaches STATE: waits until the newest workflow is there, half a minute at most.
reaches() {
    local tries
    for tries in $(seq 300); do
        countersign list --json 2>/dev/null | grep -q "\"$1\"" && return 0
        sleep 0.1
    done
    return 1
}

# digest ID: the first 8 digits of what waits for a decision, one line per request.
digest() {
    countersign show "$1" --json | sed -n 's/^ *"digits": "\(.*\)",*$/\1/p'
}

# tty LINES -- COMMAND…: runs the command for somebody at a terminal who types these lines.
tty() {
    local typed=$1 line
    shift 2
    printf -v line '%q ' "$@"
    printf '%s\n' "$typed" | script -E never -qec "$line" /dev/null | tr -d '\r'
    return "${PIPESTATUS[1]}"
}
