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

# on_github NAME…: these repositories are pushed to octo/NAME on GitHub, as `origin`. Pushes from there are octo's.
on_github() {
    local name
    for name in "$@"; do
        git -C "$name" remote add origin "${GITHUB_SERVER_URL/:\/\//:\/\/octo:the-token-of-octo@}/octo/$name.git"
        git -C "$name" push -q origin main
    done
}

# github WHAT octo/NAME …: what happens on GitHub without us, and what is to be seen there.
#   issue TEXT                       octo opens an issue; its first line is the title. Prints its address
#   comment NUMBER LOGIN TEXT        octo or eve says something below an issue
#   ci CHECK success|failure [TEXT]  from now on CI comes to that on what pull requests hold, and says this
#   protect BRANCH…                  a rule lets nobody push to these branches any more; to no others, if none is named
#   close NUMBER                     somebody closes a pull request
#   merge NUMBER merge|squash|rebase [PATH TEXT]  somebody merges one, with that file beside, which nobody approved
#   branches | pulls                 what is there
#   opened                           waits until a pull request is open, and prints its branch
github() {
    local code
    exec 9<>"/dev/tcp/127.0.0.1/$SPEC_GITHUB_PORT" || return
    printf '%s\0' "$@" '' >&9
    read -r code <&9
    cat <&9
    exec 9>&-
    return "$code"
}
