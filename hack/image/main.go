// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

// Command image writes a container image from files, with no container engine and no
// registry: MultiNic's own (make image) and those of hack/cluster. The output is a tar
// that docker load, podman load and ctr images import take. The same input gives the
// same bytes.
//
//	image -o multinic.tar -t multinic:v1alpha1 -f bin/multinic:/multinic:0755 -user 65532:65532 -entrypoint /multinic
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// words is a flag that may be given more than once.
type words []string

func (w *words) String() string { return strings.Join(*w, " ") }

func (w *words) Set(s string) error {
	*w = append(*w, s)
	return nil
}

func (w *words) set() map[string]struct{} {
	set := map[string]struct{}{}
	for _, s := range *w {
		set[s] = struct{}{}
	}
	return set
}

type recipe struct {
	output, rootfs, user, arch   string
	tags, files, links, dirs     words
	env, labels, entrypoint, cmd words
	volumes, ports               words
}

func main() {
	var r recipe
	flag.StringVar(&r.output, "o", "", "the tar to `write`")
	flag.Var(&r.tags, "t", "`name` of the image, such as multinic:v1alpha1 (again for another)")
	flag.StringVar(&r.rootfs, "rootfs", "", "`tar` of a root file system: the layer below the files")
	flag.Var(&r.files, "f", "`source:target[:mode]`, a file; the mode is 0644")
	flag.Var(&r.links, "l", "`meaning:target`, a symbolic link")
	flag.Var(&r.dirs, "d", "`target:mode`, a directory")
	flag.StringVar(&r.user, "user", "", "`uid:gid` that it runs as")
	flag.StringVar(&r.arch, "arch", runtime.GOARCH, "`architecture` of the binaries")
	flag.Var(&r.env, "env", "`NAME=value`")
	flag.Var(&r.labels, "label", "`name=value`")
	flag.Var(&r.entrypoint, "entrypoint", "a `word` of the entrypoint")
	flag.Var(&r.cmd, "cmd", "a `word` of the command")
	flag.Var(&r.volumes, "volume", "`path` of a volume")
	flag.Var(&r.ports, "port", "a `port` such as 3306/tcp")
	flag.Parse()
	if err := r.write(); err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

func (r *recipe) write() error {
	if r.output == "" || len(r.tags) == 0 || flag.NArg() > 0 {
		return fmt.Errorf("-o and -t are needed, and nothing but flags; see -help")
	}
	image, err := r.image()
	if err != nil {
		return err
	}
	named := map[name.Tag]v1.Image{}
	for _, t := range r.tags {
		tag, err := name.NewTag(t)
		if err != nil {
			return err
		}
		named[tag] = image
	}
	// A run that is cut off leaves no half tar under the name.
	unfinished := r.output + ".unfinished"
	if err := tarball.MultiWriteToFile(unfinished, named); err != nil {
		return err
	}
	if err := os.Rename(unfinished, r.output); err != nil {
		return err
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s %s is %s\n", r.output, strings.Join(r.tags, " "), digest)
	return nil
}

func (r *recipe) image() (v1.Image, error) {
	labels, err := pairs(r.labels)
	if err != nil {
		return nil, err
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{
		OS: "linux", Architecture: r.arch,
		Config: v1.Config{
			User:         r.user,
			Env:          append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, r.env...),
			Labels:       labels,
			Entrypoint:   r.entrypoint,
			Cmd:          r.cmd,
			WorkingDir:   "/",
			Volumes:      r.volumes.set(),
			ExposedPorts: r.ports.set(),
		},
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	if r.rootfs != "" {
		base, err := rootLayer(r.rootfs)
		if err != nil {
			return nil, err
		}
		if image, err = mutate.AppendLayers(image, base); err != nil {
			return nil, err
		}
	}
	top, err := r.fileLayer()
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, top)
}

func pairs(list words) (map[string]string, error) {
	m := map[string]string{}
	for _, s := range list {
		key, value, found := strings.Cut(s, "=")
		if !found {
			return nil, fmt.Errorf("%q is not name=value", s)
		}
		m[key] = value
	}
	return m, nil
}
