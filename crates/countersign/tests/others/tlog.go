// Checks the Merkle half of an exported bundle with Go's own implementation of the same formats: the checkpoint is a
// signed note by the given key, every entry's leaf is included under its root, and every earlier head that the bundle
// names is what the log began with. Prints the earlier heads as "size root". Knows nothing of what leaves mean.
//
//	go run tlog.go BUNDLE VKEY
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type entry struct {
	Index int64    `json:"index"`
	Leaf  []byte   `json:"leaf"`
	Proof [][]byte `json:"proof"`
}

type head struct {
	Size  int64    `json:"size"`
	Root  string   `json:"root"`
	Proof [][]byte `json:"proof"`
}

type bundle struct {
	Entries    []entry `json:"entries"`
	Notices    []entry `json:"notices"`
	History    []head  `json:"history"`
	Checkpoint string  `json:"checkpoint"`
}

func must(what string, err error) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func hash(bytes []byte) (h tlog.Hash) {
	if len(bytes) != len(h) {
		log.Fatalf("a hash of %d bytes", len(bytes))
	}
	copy(h[:], bytes)
	return h
}

func hashes(list [][]byte) (all []tlog.Hash) {
	for _, one := range list {
		all = append(all, hash(one))
	}
	return all
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: tlog BUNDLE VKEY")
	}
	file, err := os.ReadFile(os.Args[1])
	must("bundle", err)
	var b bundle
	must("bundle", json.Unmarshal(file, &b))

	key, err := note.NewVerifier(os.Args[2])
	must("key", err)
	opened, err := note.Open([]byte(b.Checkpoint), note.VerifierList(key))
	must("checkpoint", err)
	lines := strings.Split(opened.Text, "\n") // origin, size, root; C2SP tlog-checkpoint
	if len(lines) < 4 {
		log.Fatalf("checkpoint: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must("size", err)
	decoded, err := base64.StdEncoding.DecodeString(lines[2])
	must("root", err)
	root := hash(decoded)

	if len(b.Entries) == 0 {
		log.Fatal("no entries")
	}
	for _, e := range append(b.Entries, b.Notices...) {
		leaf := tlog.RecordHash(e.Leaf)
		must(fmt.Sprintf("inclusion of %d", e.Index), tlog.CheckRecord(hashes(e.Proof), size, root, e.Index, leaf))
	}
	for _, h := range b.History {
		decoded, err := hex.DecodeString(h.Root)
		must("earlier root", err)
		must(fmt.Sprintf("consistency with %d", h.Size), tlog.CheckTree(hashes(h.Proof), size, root, h.Size, hash(decoded)))
		fmt.Println(h.Size, h.Root)
	}
}
