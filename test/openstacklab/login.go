// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacklab

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Login is one entry of a clouds.yaml.
type Login struct {
	Name string // of the entry
	Path string // of the clouds.yaml
	// Data is the entry as a Secret for an OpenstackConfig holds it.
	Data map[string][]byte
}

// FindLogin reads the entry from the first clouds.yaml of the usual search path
// and lays the secure.yaml beside it over it, as python-openstackclient does.
func FindLogin(name string) (Login, error) {
	path, err := cloudsYAMLPath()
	if err != nil {
		return Login{}, err
	}
	entry, names, err := readEntry(path, name)
	if err != nil {
		return Login{}, err
	}
	if entry == nil {
		return Login{}, fmt.Errorf("%s has no cloud %q: it has %s", path, name, strings.Join(names, ", "))
	}
	if secure := filepath.Join(filepath.Dir(path), "secure.yaml"); exists(secure) {
		over, _, err := readEntry(secure, name)
		if err != nil {
			return Login{}, err
		}
		entry = overlay(entry, over)
	}
	if entry["profile"] != nil || entry["cloud"] != nil {
		return Login{}, fmt.Errorf("%s: the cloud %q refers to a profile of clouds-public.yaml, which a Secret can't: write its auth_url into the entry", path, name)
	}
	l := Login{Name: name, Path: path, Data: map[string][]byte{}}
	if file, ok := entry["cacert"].(string); ok && file != "" {
		if l.Data["cacert"], err = os.ReadFile(file); err != nil {
			return Login{}, fmt.Errorf("%s: the cacert of the cloud %q: %w", path, name, err)
		}
		delete(entry, "cacert")
	}
	l.Data["clouds.yaml"], err = yaml.Marshal(map[string]any{"clouds": map[string]any{name: entry}})
	return l, err
}

func cloudsYAMLPath() (string, error) {
	if path := os.Getenv("OS_CLIENT_CONFIG_FILE"); path != "" {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	candidates := []string{"clouds.yaml", filepath.Join(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "openstack", "clouds.yaml"), "/etc/openstack/clouds.yaml"}
	for _, path := range candidates {
		if exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is no clouds.yaml: none of %s. Put one there, or name it by OS_CLIENT_CONFIG_FILE", strings.Join(candidates, ", "))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func readEntry(path, name string) (entry map[string]any, names []string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var file struct {
		Clouds map[string]map[string]any `json:"clouds"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return nil, nil, fmt.Errorf("%s is no clouds.yaml", path) // the parser's words could quote a password
	}
	for n := range file.Clouds {
		names = append(names, n)
	}
	slices.Sort(names)
	return file.Clouds[name], names, nil
}

// overlay lays one map over another, deeply.
func overlay(under, over map[string]any) map[string]any {
	for key, value := range over {
		lower, lowerIsMap := under[key].(map[string]any)
		upper, upperIsMap := value.(map[string]any)
		if lowerIsMap && upperIsMap {
			value = overlay(lower, upper)
		}
		under[key] = value
	}
	return under
}
