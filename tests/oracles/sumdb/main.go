// Checks a transparency log with the code that Go's module system trusts: golang.org/x/mod/sumdb, as Debian has it.
//
// usage: main FOLDER
//
// The folder holds what the server answered: key, checkpoint, older (a checkpoint), consistency.json, lines (the entries), and
// proofs (a line of JSON for each entry).
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	folder := os.Args[1]
	file := func(name string) string {
		bytes, err := os.ReadFile(filepath.Join(folder, name))
		check(err)
		return string(bytes)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(file("key")))
	check(err)
	size, root := checkpoint(file("checkpoint"), verifier)
	oldSize, oldRoot := checkpoint(file("older"), verifier)
	check(tlog.CheckTree(tlog.TreeProof(path(file("consistency.json"))), size, root, oldSize, oldRoot))

	lines := strings.Split(strings.TrimSuffix(file("lines"), "\n"), "\n")
	if int64(len(lines)) != size {
		fail(fmt.Errorf("%d lines, and the log has %d entries", len(lines), size))
	}
	proofs := bufio.NewScanner(strings.NewReader(file("proofs")))
	checked := int64(0)
	for ; proofs.Scan(); checked++ {
		leaf := tlog.RecordHash([]byte(lines[checked]))
		check(tlog.CheckRecord(tlog.RecordProof(path(proofs.Text())), size, root, checked, leaf))
	}
	if checked != size {
		fail(fmt.Errorf("%d proofs, and the log has %d entries", checked, size))
	}
	fmt.Printf("%d proofs, %d to %d\n", checked, oldSize, size)
}

func checkpoint(text string, verifier note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	check(err)
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	bytes, err := base64.StdEncoding.DecodeString(lines[2])
	check(err)
	var root tlog.Hash
	copy(root[:], bytes)
	return size, root
}

func path(text string) []tlog.Hash {
	var proof struct{ Path []string }
	check(json.Unmarshal([]byte(text), &proof))
	hashes := make([]tlog.Hash, len(proof.Path))
	for n, digits := range proof.Path {
		bytes, err := hex.DecodeString(digits)
		check(err)
		copy(hashes[n][:], bytes)
	}
	return hashes
}

func check(err error) {
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
