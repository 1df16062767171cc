// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// epoch is the time of every file, so that the same content is the same image.
var epoch = time.Unix(0, 0)

// fileLayer has the files, links and directories that were asked for, owned by root.
func (r *recipe) fileLayer() (v1.Layer, error) {
	var content bytes.Buffer
	w := layerWriter{tar: tar.NewWriter(&content), made: map[string]bool{}, hasParents: r.rootfs != ""}
	for _, s := range r.dirs {
		p := strings.Split(s, ":")
		if len(p) != 2 {
			return nil, fmt.Errorf("-d %s: expected target:mode", s)
		}
		if err := w.dir(p[0], p[1]); err != nil {
			return nil, err
		}
	}
	for _, s := range r.files {
		p := strings.Split(s, ":")
		if len(p) == 2 {
			p = append(p, "0644")
		}
		if len(p) != 3 {
			return nil, fmt.Errorf("-f %s: expected source:target[:mode]", s)
		}
		if err := w.file(p[0], p[1], p[2]); err != nil {
			return nil, err
		}
	}
	for _, s := range r.links {
		meaning, target, found := strings.Cut(s, ":")
		if !found {
			return nil, fmt.Errorf("-l %s: expected meaning:target", s)
		}
		if err := w.entry(&tar.Header{Typeflag: tar.TypeSymlink, Name: target, Linkname: meaning, Mode: 0o777}, nil); err != nil {
			return nil, err
		}
	}
	if err := w.tar.Close(); err != nil {
		return nil, err
	}
	return layer(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content.Bytes())), nil })
}

func layer(open tarball.Opener) (v1.Layer, error) {
	// Fast rather than small: these tars are written often and never sent far.
	return tarball.LayerFromOpener(open, tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
}

type layerWriter struct {
	tar        *tar.Writer
	made       map[string]bool // the directories written so far
	hasParents bool            // the layer below has them; writing them would reset their modes
}

func (w *layerWriter) dir(target, mode string) error {
	bits, err := strconv.ParseInt(mode, 8, 64)
	if err != nil {
		return err
	}
	w.made[path.Clean(target)] = true
	return w.entry(&tar.Header{Typeflag: tar.TypeDir, Name: target + "/", Mode: bits}, nil)
}

func (w *layerWriter) file(source, target, mode string) error {
	bits, err := strconv.ParseInt(mode, 8, 64)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	return w.entry(&tar.Header{Typeflag: tar.TypeReg, Name: target, Mode: bits, Size: int64(len(content))}, content)
}

// entry writes one entry after the directories above it. Names are absolute.
func (w *layerWriter) entry(header *tar.Header, content []byte) error {
	if !path.IsAbs(header.Name) {
		return fmt.Errorf("%s: the target must be an absolute path", header.Name)
	}
	if !w.hasParents {
		var missing []string
		for d := path.Dir(path.Clean(header.Name)); d != "/"; d = path.Dir(d) {
			if !w.made[d] {
				missing = append(missing, d)
			}
		}
		slices.Reverse(missing)
		for _, d := range missing {
			if err := w.dir(d, "0755"); err != nil {
				return err
			}
		}
	}
	header.Name = strings.TrimPrefix(header.Name, "/")
	header.ModTime = epoch
	if err := w.tar.WriteHeader(header); err != nil {
		return err
	}
	_, err := w.tar.Write(content)
	return err
}

// rootLayer is the root file system of file, without what a running system puts
// into /dev, /proc and /sys.
func rootLayer(file string) (v1.Layer, error) {
	return layer(func() (io.ReadCloser, error) {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		reader, writer := io.Pipe()
		go func() {
			writer.CloseWithError(errors.Join(copyRoot(writer, f), f.Close()))
		}()
		return reader, nil
	})
}

func copyRoot(to io.Writer, from io.Reader) error {
	reader, writer := tar.NewReader(from), tar.NewWriter(to)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return writer.Close()
		}
		if err != nil {
			return err
		}
		header.Name = strings.TrimPrefix(header.Name, "./")
		top, below, _ := strings.Cut(header.Name, "/")
		if header.Name == "" || below != "" && (top == "dev" || top == "proc" || top == "sys") {
			continue
		}
		header.Linkname = strings.TrimPrefix(header.Linkname, "./")
		header.Format = tar.FormatPAX
		header.ModTime, header.AccessTime, header.ChangeTime = epoch, time.Time{}, time.Time{}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		if _, err := io.Copy(writer, reader); err != nil {
			return err
		}
	}
}
