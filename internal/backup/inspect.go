// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package backup

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// contents is what a dump turned out to be.
type contents struct {
	sha256        string
	bytes         int64
	tables        []string
	rows          map[string]int64
	serverVersion string
}

// needed are tables without which a dump is no backup of ours.
var needed = []string{shutTable, "multi_epoch", "cr_state", "multi_claim", "multi_subnet", "node_table", versionTable}

// shutTable is the agents' table as a dump names it.
const shutTable = "multi_interface_shut_0"

// versionTable comes last in a dump: while one is loaded it holds a version that no
// controller leads.
const versionTable = "multi_schema_version"

// inspect reads a dump once, to its end: is it a whole one, and what is in it?
func inspect(path string) (contents, error) {
	file, err := os.Open(path)
	if err != nil {
		return contents{}, err
	}
	defer file.Close()
	sum := sha256.New()
	counted := &countingReader{r: io.TeeReader(file, sum)}
	unzipped, err := gzip.NewReader(counted)
	if err != nil {
		return contents{}, fmt.Errorf("%s is no gzip file, or is cut off (%w): dump anew", path, err)
	}
	d := dumpScan{rows: map[string]int64{}}
	if err := d.read(unzipped); err != nil {
		return contents{}, fmt.Errorf("%s is damaged or cut off (%w): dump anew", path, err)
	}
	if err := d.whole(); err != nil {
		return contents{}, fmt.Errorf("%s is not a whole backup: %w", path, err)
	}
	return contents{
		sha256: hex.EncodeToString(sum.Sum(nil)), bytes: counted.n,
		tables: d.tables, rows: d.rows, serverVersion: d.serverVersion,
	}, nil
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// dumpScan reads a dump's text and counts rows. A statement begins at the beginning
// of a line; the text of a value never does, as its line ends are written \n.
type dumpScan struct {
	ours, ready, completed bool
	tables                 []string
	rows                   map[string]int64
	serverVersion          string

	lines int
	table string // the one that the present INSERT is for
	// within that statement
	depth           int
	quoted, escaped bool
}

func (d *dumpScan) read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 1<<16)
	begins := true
	for {
		chunk, err := lines.ReadSlice('\n')
		if len(chunk) > 0 {
			if begins {
				chunk = d.line(chunk)
			}
			d.count(chunk)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			begins = false
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		default:
			begins = true
		}
	}
}

// line looks at a line's beginning and returns what is left of it for count.
func (d *dumpScan) line(text []byte) []byte {
	d.lines++
	if d.table != "" {
		return text
	}
	d.completed = bytes.HasPrefix(text, []byte("-- Dump completed"))
	switch {
	case d.lines == 1:
		d.ours = string(bytes.TrimSpace(text)) == "-- MultiNic backup, format 1"
	case bytes.HasPrefix(text, []byte("-- MultiNic: all is there but the version")):
		d.ready = true
	case bytes.HasPrefix(text, []byte("-- Server version")):
		d.serverVersion = string(bytes.TrimSpace(text[len("-- Server version"):]))
	default:
		if name, _, ok := named(text, "CREATE TABLE `"); ok {
			d.tables = append(d.tables, name)
			d.rows[name] += 0
		} else if name, rest, ok := named(text, "INSERT INTO `"); ok {
			d.table = name
			return rest
		}
	}
	return nil
}

func named(text []byte, prefix string) (name string, rest []byte, ok bool) {
	after, ok := bytes.CutPrefix(text, []byte(prefix))
	if !ok {
		return "", nil, false
	}
	before, rest, ok := bytes.Cut(after, []byte("`"))
	return string(before), rest, ok
}

// count counts the outermost brackets of an INSERT.
func (d *dumpScan) count(text []byte) {
	for _, c := range text {
		switch {
		case d.table == "":
			return
		case d.escaped:
			d.escaped = false
		case d.quoted:
			d.escaped = c == '\\'
			d.quoted = c != '\''
		case c == '\'':
			d.quoted = true
		case c == '(':
			if d.depth++; d.depth == 1 {
				d.rows[d.table]++
			}
		case c == ')':
			d.depth--
		case c == ';' && d.depth == 0:
			d.table = ""
		}
	}
}

func (d *dumpScan) whole() error {
	switch {
	case !d.ours:
		return errors.New("its first line is not what dump.sh writes: it is another program's, or a newer MultiNic's")
	case !d.ready || !d.completed || d.table != "":
		return errors.New("its end is missing")
	}
	for _, table := range needed {
		if !slices.Contains(d.tables, table) {
			return fmt.Errorf("it lacks the table %s", table)
		}
	}
	slices.Sort(d.tables)
	if len(slices.Compact(slices.Clone(d.tables))) != len(d.tables) {
		return fmt.Errorf("it makes a table twice: %v", d.tables)
	}
	return nil
}
