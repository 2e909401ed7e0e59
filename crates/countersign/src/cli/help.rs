//! Examples that every command's help ends with.

pub(super) const ROOT: &str = "\
Examples:
  countersign run --repo ~/src/tollgate --issue issue.md
  countersign list
  countersign ledger export ID -o story.json && countersign verify story.json

Exit codes:
  0 ok · 1 internal · 2 refused or blocked · 3 waits for a human · 4 ended, not Done
  5 not proven whole (verify) · 64 usage · 130 stopped by Ctrl-C (nothing is lost)";

pub(super) const RUN: &str = "\
Your work tree, index, HEAD and existing branches are never touched: an approval creates one new
branch. Leaving half-way loses nothing; `countersign resume ID` goes on. Decisions are taken at the
terminal, never from standard input; with --json nothing is asked, and it stops where it waits.

Examples:
  countersign run --repo . --issue issue.md
  countersign run --repo svc@main --repo lib:secondary --issue issue.md
  gh issue view 7 --json body -q .body | countersign run --repo . --issue -
  countersign run --repo . --diff fix.patch
  countersign run --repo . --issue issue.md --agent command:$PWD/my-agent
  countersign run --repo . --issue issue.md --yes --json

Exits 0 when Done, 2 when refused or blocked by policy, 3 when it waits for you, 4 when it ended
otherwise.";

pub(super) const SUBMIT: &str = "\
Examples:
  countersign submit --repo . --issue issue.md
  countersign submit --issue https://github.com/octo-org/hello/issues/7
  countersign submit --repo hello --issues 'label:bug no:assignee'
  id=$(countersign submit --repo . --issue - < issue.md) && countersign resume $id";

pub(super) const RESUME: &str = "\
Examples:
  countersign resume wf_01KAEXAMPLE
  countersign resume MPLE --yes

Exits like `run`.";

pub(super) const LIST: &str = "\
Examples:
  countersign list
  countersign list --limit 5 --json";

pub(super) const SHOW: &str = "\
Examples:
  countersign show 01KA
  countersign show 01KA --story
  countersign show 01KA --json | jq .state";

pub(super) const WATCH: &str = "\
Without an ID it tells of freezes, alarms, members, repositories and notices, too. Ctrl-C stops it. With --json
one object per line; those that are about no workflow have `kind` and `index` in place of `workflow` and `seq`.

Examples:
  countersign watch
  countersign watch MPLE
  countersign watch --json | jq -r .text";

pub(super) const DIFF: &str = "\
Examples:
  countersign diff 01KA
  countersign diff 01KA --repo tollgate --revision 1
  countersign diff 01KA --since 1";

pub(super) const APPROVE: &str = "\
A person at the terminal types the first 8 digits of each digest. --digest types them beforehand and
leaves one question. Without a terminal only --yes approves, and the story says that nobody looked.

Examples:
  countersign approve 01KA
  countersign approve 01KA --repo tollgate --digest 1a2b3c4d
  countersign approve 01KA --acknowledge ci-file@.github/workflows/ci.yml
  countersign approve 01KA --yes --digest 1a2b3c4d

Exits 0 when the workflow is Done, 3 when something else waits, 2 when refused.";

pub(super) const REJECT: &str = "\
Needs a person at the terminal.

Examples:
  countersign reject 01KA --reason 'We keep ounces.'";

pub(super) const REQUEST_CHANGES: &str = "\
Needs a person at the terminal. For codemod the comment carries the complete new rules, for --diff a
new diff, as a fenced block.

Examples:
  countersign request-changes 01KA --comment 'Leave the tests alone.'
  countersign request-changes 01KA --file new-rules.md";

pub(super) const REVERT: &str = "\
Only what is known to have landed, which is looked at where policy waits for a merge ([merge] wait = true).
The change is made against the branch as it is now, and goes the road of every change: gates, approvals,
a pull request. It may begin while the repository is frozen because of what landed; writing it waits for
`countersign unfreeze`.

Examples:
  countersign revert 01KA
  id=$(countersign revert 01KA) && countersign resume $id";

pub(super) const EXTEND: &str = "\
Needs a person at the terminal. What waits is the same as before; only its time is longer. `list` and
`show` say when less than a day is left.

Examples:
  countersign extend 01KA
  countersign extend 01KA --repo tollgate --days 3";

pub(super) const FREEZE: &str = "\
Only an owner. What is approved and not written yet waits, at the last moment before the branch is
made; new workflows are refused; deciding, cancelling and taking our own branches back go on.

Examples:
  countersign freeze --reason 'Release day.'
  countersign freeze --repo tollgate --reason 'Being moved.'";

pub(super) const UNFREEZE: &str = "\
Examples:
  countersign unfreeze --reason 'Released.'
  countersign unfreeze --repo tollgate --reason 'Moved.'";

pub(super) const ALARM: &str = "\
Examples:
  countersign alarm list
  countersign alarm clear 41 --note 'A test of ours wrote that row.'";

pub(super) const ALARM_LIST: &str = "\
Examples:
  countersign alarm list
  countersign alarm list --all --json";

pub(super) const ALARM_CLEAR: &str = "\
Needs a maintainer. An alarm says that something was found which nobody approved:
look at it before you clear it.

Examples:
  countersign alarm clear 41 --note 'A test of ours wrote that row.'";

pub(super) const DESELECT: &str = "\
Needs a person at the terminal, who types the first 8 digits of the patch set's digest. What is left is
applied, reviewed and asked about again. New, deleted and renamed files go as a whole.

Examples:
  countersign deselect 01KA README.md --reason 'Not in this change.'
  countersign deselect 01KA 'src/lib.rs#2,3' docs/old.md --reason 'Only the fix.'
  countersign deselect 01KA README.md --repo tollgate --reason 'Later.' --digest 1a2b3c4d

Exits 3 when the rest waits for a decision, 2 when refused.";

pub(super) const WAIVE: &str = "\
Needs a person at the terminal, who types the first 8 digits of the digest that waits: that of policy's
question, or of the patch set. A waiver is bound to one rule, path and content, ends after 30 days at
the latest, and dies when the content changes. The risk becomes high. It approves nothing. An owner
waives what blocks, a maintainer what warns.

Examples:
  countersign waive 01KA ci-file@.github/workflows/ci.yml --reason 'Asked for by the release team.'
  countersign waive 01KA secret@tests/key.pem --reason 'A test key, valid nowhere.' --days 2
  countersign waive 01KA binary@logo.png --repo site --reason 'Ours.' --until 2026-12-31

Exits 3 when something else waits, 2 when refused or still blocked.";

pub(super) const ANSWER: &str = "\
Needs a person at the terminal. `countersign show ID` lists the choices.

Examples:
  countersign answer 01KA retry
  countersign answer 01KA provide --file corrected-issue.md";

pub(super) const WITHDRAW: &str = "\
Examples:
  countersign withdraw 01KA --reason 'I looked at the wrong diff.'";

pub(super) const CANCEL: &str = "\
Examples:
  countersign cancel 01KA --reason 'Done by hand meanwhile.'";

pub(super) const RETRY: &str = "\
Examples:
  countersign retry 01KA";

pub(super) const WAKE: &str = "\
Examples:
  countersign wake 01KA";

pub(super) const REPO: &str = "\
Examples:
  countersign repo add ~/src/tollgate
  countersign repo list";

pub(super) const GITHUB: &str = "\
Examples:
  countersign github setup --organization octo-org";

pub(super) const GITHUB_SETUP: &str = "\
Prints an address of this machine for your browser. Its page takes you to GitHub, where you say yes; then the key is
kept beside the others, and the settings are written to config.toml. Ends by itself after 10 minutes.

Examples:
  COUNTERSIGN_ORIGIN=https://countersign.example.org countersign github setup
  countersign github setup --without-webhooks --organization octo-org
  countersign github setup --without-webhooks --manifest
  countersign github setup --code -";

pub(super) const REPO_ADD: &str = "\
Examples:
  countersign repo add ~/src/tollgate
  countersign repo add --github octo-org/hello
  countersign repo add /srv/git/tollgate.git";

pub(super) const REPO_LIST: &str = "\
Examples:
  countersign repo list --json";

pub(super) const REPO_SEARCH: &str = "\
Examples:
  countersign repo search hello
  countersign repo search org:octo-org language:rust --json";

pub(super) const POLICY: &str = "\
Examples:
  countersign policy show
  countersign policy check --repo . --diff fix.patch
  countersign policy test";

pub(super) const POLICY_TEST: &str = "\
A case names a diff, the files that it starts from, and everything that policy has to find in it, no more
and no less. Files are in .countersign/tests/; the policy is the nearest .countersign.toml above, as it
lies there, committed or not. docs/policy.md has the format.

Examples:
  countersign policy test
  countersign policy test --repo ~/src/tollgate --json
  countersign policy test .countersign/tests/ci.toml

Exits 0 when everything is as expected, 2 when not or when there is nothing to run.";

pub(super) const POLICY_SHOW: &str = "\
Floor, organisation (policy.toml in the data folder), default branch and base: each layer only tightens
those before it. The digest is the one in requests, gates and evidence.

Examples:
  countersign policy show
  countersign policy show --repo ~/src/tollgate --base release/2 --json";

pub(super) const POLICY_CHECK: &str = "\
The policy is the built-in floor, tightened by policy.toml in the data folder and by .countersign.toml
of the default branch and of the base. With --commit the base is the commit's first parent, and no
policy is read from the commit itself.

Examples:
  countersign policy check --repo . --diff fix.patch
  git diff main | countersign policy check --repo . --base main --diff - --json
  countersign policy check --repo . --commit $(git rev-parse HEAD) --format sarif > policy.sarif

Exits 0 without a block (warnings are allowed), 2 with one or when the diff does not apply.";

pub(super) const PATCH: &str = "\
Examples:
  countersign patch apply --repo . --base main --diff fix.patch
  countersign patch show --base main --result my-branch";

pub(super) const PATCH_APPLY: &str = "\
Writes nothing into the repository: the base is copied into a folder that is thrown away.

Examples:
  countersign patch apply --repo . --base $(git rev-parse HEAD) --diff fix.patch
  countersign patch apply --repo . --base main --diff fix.patch --json
  countersign patch apply --repo . --base main --diff fix.patch --cross-check
  countersign patch apply --repo . --batch < diffs.jsonl > trees.jsonl

Exits 0 with the resulting tree, 2 when the diff is refused. With --batch a refusal is an answer like
any other: one line out per line in, in order, exit 0. docs/patches.md has formats and codes.";

pub(super) const PATCH_SHOW: &str = "\
Writes nothing into the repository: both commits are copied into a folder that is thrown away. With
--json: the typed diff, for viewers; docs/patches.md describes it field by field. What is too much to
be listed is counted; --path lists one file whole.

Examples:
  countersign patch show --base main --result my-branch
  countersign patch show --base v1.0 --result v1.1 --path src/lib.rs
  countersign patch show --base v1.0 --result main --json | jq '.files[].path.text'";

pub(super) const LEDGER: &str = "\
Examples:
  countersign ledger export 01KA -o story.json
  countersign ledger checkpoint
  countersign ledger show 01KA
  countersign ledger consistency --from note.txt
  countersign ledger rotate-key";

pub(super) const LEDGER_EXPORT: &str = "\
Examples:
  countersign ledger export 01KA -o story.json
  countersign ledger export 01KA -o - | countersign verify /dev/stdin
  countersign ledger export 01KA --in-toto proof";

pub(super) const LEDGER_CHECKPOINT: &str = "\
Keep the note somewhere else: against it nobody, not even the holder of the key, can show another
history of that size.

Examples:
  countersign ledger checkpoint";

pub(super) const LEDGER_SHOW: &str = "\
Examples:
  countersign ledger show
  countersign ledger show 01KA --json";

pub(super) const LEDGER_CONSISTENCY: &str = "\
A ledger that lies behind the checkpoint is an older copy; one that begins with something else was
rewritten. Both are refused, and where this ledger's own key signed the checkpoint nothing is
written from then on: put the newest copy back, or go on without it (countersign restore --help).

Examples:
  countersign ledger checkpoint >note.txt
  countersign ledger consistency --from note.txt

Exits 0 goes on, 2 refused.";

pub(super) const LEDGER_ERASE: &str = "\
What carries decisions stays: acts, approvals, gates, digests, signatures. What another workflow
names as well stays, too. An erased story can't be shown or judged as a whole any more.

Examples:
  countersign ledger erase 01KA --reason 'asked for on 2 May'
  countersign ledger erase 01KA feedback diffs --reason 'asked for on 2 May'";

pub(super) const LEDGER_ROTATE_KEY: &str = "\
Whoever trusts the old key follows the change by themselves. The old key's seed is destroyed;
checkpoints that it signed until now stay good, later ones are refused.

Examples:
  countersign ledger rotate-key";

pub(super) const VERIFY: &str = "\
Checks the file and judges its story: every step by the rules, every approval, every write. Needs no
server and no network. Only a key proves who signed: one given here, or this data folder's own;
without one the verdict is `consistent-origin-unproven`. A checkpoint proves no origin: it shows
whether this is still the ledger that was seen then.

The end of a story can be cut off by whoever passes the file on, and with it a rejection: a story
that has not ended is `open`, never proven.

Examples:
  countersign verify story.json
  countersign verify story.json --key 'countersign.local/1a2b3c4d+…' --checkpoint note.txt

Exits 0 lawful, proven and whole; 2 refused; 5 consistent, but origin unproven, judged in part, a
checkpoint not compared, or open.";

pub(super) const BACKUP: &str = "\
A folder with the database, the organisation's policy.toml if there is one, and a manifest with
hashes and a signed checkpoint of the whole ledger. Replaces nothing. The keys are not in it:
keep the keys folder too, apart from it.

Examples:
  countersign backup --to /mnt/backups/may-2
  countersign backup --to backup --json";

pub(super) const RESTORE: &str = "\
--from checks every file and the whole ledger before anything gets its place; the data folder
must be empty but for its keys. What was restored, copied or moved can be read and not written:
--resume voids its approvals, looks at every branch, writes none, and begins a new epoch.

Where the original is still in use, don't resume the copy: there would be two histories.

Examples:
  countersign restore --from backup --data ~/countersign --keys /media/keys
  countersign restore --resume
  countersign restore --resume --accept-loss-of 12";

pub(super) const SERVE: &str = "\
Listens on this machine only, unless a proxy with TLS stands before it. Open the printed address and
type the printed code. Every command of this program works beside it on the same data folder.
Killing it loses nothing.

Examples:
  countersign serve
  countersign serve --data ~/countersign --listen 127.0.0.1:0
  countersign serve --listen 0.0.0.0:7171 --origin https://review.example.org --behind-proxy
  countersign serve --role api";

pub(super) const SIGN_IN: &str = "\
The code is typed at the terminal, or read from standard input; `countersign code` prints one on the
server's machine. The token is kept in countersign/servers.json of the XDG config home, for you alone.
Programs use a key instead: COUNTERSIGN_TOKEN.

Examples:
  countersign sign-in --server https://countersign.example.org
  export COUNTERSIGN_SERVER=http://127.0.0.1:7171 && countersign sign-in && countersign list";

pub(super) const SIGN_OUT: &str = "\
Examples:
  countersign sign-out --server https://countersign.example.org";

pub(super) const CODE: &str = "\
The code works once, within 15 minutes, and signs in whoever runs this command.

Examples:
  countersign code";

pub(super) const MEMBER: &str = "\
Members come in through the server with a one-time code. From the second person on whoever asked for
a change does not approve it. Every change of a member is in the ledger.

Examples:
  countersign member add Ada --role maintainer
  countersign member list";

pub(super) const MEMBER_ADD: &str = "\
Examples:
  countersign member add Ada
  countersign member add \"Grace Hopper\" --role owner";

pub(super) const MEMBER_LIST: &str = "\
Examples:
  countersign member list --json";

pub(super) const MEMBER_CHANGE: &str = "\
Examples:
  countersign member change Ada --role owner";

pub(super) const MEMBER_LINK: &str = "\
An account counts by its number, which stays when its name changes. Whoever signs in with it is that
member. A member has one account; the newest counts.

Examples:
  countersign member link Ada 583231";

pub(super) const MEMBER_REMOVE: &str = "\
Examples:
  countersign member remove Ada";

pub(super) const MEMBER_CODE: &str = "\
Examples:
  countersign member code Ada";

pub(super) const NOTICES: &str = "\
Where notices go is set by the operator (docs/notices.md); where nothing is set nothing leaves. They
are made and sent by `serve`. Addresses are masked.

Examples:
  countersign notices
  countersign notices --limit 5 --json
  countersign notices test";

pub(super) const NOTICES_TEST: &str = "\
Examples:
  countersign notices test

Exits 0 when every place has taken it, 2 otherwise.";

pub(super) const KEY: &str = "\
Keys are for programs: they look and start workflows, and never decide.

Examples:
  countersign key add ci --scope submit
  countersign key list";

pub(super) const KEY_ADD: &str = "\
Examples:
  countersign key add dashboard --scope read
  countersign key add ci --scope read --scope submit --days 30";

pub(super) const KEY_LIST: &str = "\
Examples:
  countersign key list";

pub(super) const KEY_REVOKE: &str = "\
Examples:
  countersign key revoke 1a2b3c4d5e6f";

pub(super) const DOCTOR: &str = "\
Exits 0 when nothing is wrong, 2 when something is.

Examples:
  countersign doctor
  countersign doctor --json";

pub(super) const MIGRATE: &str = "\
Every command that opens the data folder does this by itself, without the copy. Run it where you want the
copy, or before you start several processes of a new version. A database of a newer program is refused.

Examples:
  countersign migrate --check
  countersign migrate --json

Exits 0 when the tables are up to date, 2 when --check finds some missing or when it is refused.";

pub(super) const CONFIG: &str = "\
An option goes before the environment, the environment before the file, the file before the default.
docs/configuration.md lists all settings.

Examples:
  countersign config show
  countersign config reference --as toml > config.toml";

pub(super) const CONFIG_SHOW: &str = "\
Exits 2 when a value is refused.

Examples:
  countersign config show
  countersign config show --json | jq '.settings[] | select(.origin.kind != \"default\")'";

pub(super) const CONFIG_REFERENCE: &str = "\
Examples:
  countersign config reference
  countersign config reference --as toml > config.toml
  countersign config reference --as env > .env";

pub(super) const COMPLETIONS: &str = "\
Examples:
  countersign completions bash > ~/.local/share/bash-completion/completions/countersign
  countersign completions zsh > \"${fpath[1]}/_countersign\"
  countersign completions fish > ~/.config/fish/completions/countersign.fish";

pub(super) const INIT: &str = "\
Examples:
  countersign init
  countersign init --repo ~/src/tollgate";
