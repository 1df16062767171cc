// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"net/http"
	"slices"
	"sort"
)

// taggedObject finds the tags of an object that the caller may see.
func (c *call) taggedObject(st *state, kind string) (*[]string, *int) {
	id := c.r.PathValue("id")
	switch kind {
	case "networks":
		if n := st.networks[id]; n != nil && c.seesNet(n) {
			return &n.Tags, &n.Revision
		}
	case "subnets":
		if n := st.subnets[id]; n != nil && c.seesSubnet(st, n) {
			return &n.Tags, &n.Revision
		}
	case "ports":
		if p := st.ports[id]; p != nil && c.seesPort(st, p) {
			return &p.Tags, &p.Revision
		}
	}
	return nil, nil
}

func tagResourceNotFound(c *call, kind string) answer {
	return neutronError(http.StatusNotFound, "TagResourceNotFound", "Resource %s %s could not be found.", kind, c.r.PathValue("id"))
}

func tagNotFound(c *call) answer {
	return neutronError(http.StatusNotFound, "TagNotFound", "Tag %s could not be found.", c.r.PathValue("tag"))
}

func tagsAnswer(tags []string) answer {
	w := spacedJSON()
	w.begin('{')
	w.strs("tags", tags)
	w.end('}')
	return jsonAnswer(http.StatusOK, w.buf)
}

func getTags(kind string) handler {
	return func(c *call) answer {
		return c.read(func(st *state) answer {
			tags, _ := c.taggedObject(st, kind)
			if tags == nil {
				return tagResourceNotFound(c, kind)
			}
			return tagsAnswer(*tags)
		})
	}
}

// changeTags runs change on an object's tags; change gives the answer.
func changeTags(kind string, change func(c *call, tags *[]string) answer) handler {
	return func(c *call) answer {
		return c.write(func(st *state) answer {
			tags, revision := c.taggedObject(st, kind)
			if tags == nil {
				return tagResourceNotFound(c, kind)
			}
			before := slices.Clone(*tags)
			a := change(c, tags)
			if !slices.Equal(before, *tags) {
				*revision++
			}
			return a
		})
	}
}

func putTags(kind string) handler {
	return changeTags(kind, func(c *call, tags *[]string) answer {
		var b struct{ Tags []string }
		if !c.decode(&b) || b.Tags == nil {
			return neutronError(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for operation: 'tags' is a required property.")
		}
		for _, t := range b.Tags {
			if t == "" || len([]rune(t)) > 255 {
				return neutronError(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: '%s' exceeds maximum length of 255.", t)
			}
		}
		sort.Strings(b.Tags)
		*tags = slices.Compact(b.Tags)
		return tagsAnswer(*tags)
	})
}

func deleteTags(kind string) handler {
	return changeTags(kind, func(_ *call, tags *[]string) answer {
		*tags = nil
		return noContent()
	})
}

func getTag(kind string) handler {
	return func(c *call) answer {
		return c.read(func(st *state) answer {
			tags, _ := c.taggedObject(st, kind)
			switch {
			case tags == nil:
				return tagResourceNotFound(c, kind)
			case !slices.Contains(*tags, c.r.PathValue("tag")):
				return tagNotFound(c)
			}
			return noContent()
		})
	}
}

func putTag(kind string) handler {
	return changeTags(kind, func(c *call, tags *[]string) answer {
		if t := c.r.PathValue("tag"); !slices.Contains(*tags, t) {
			*tags = append(slices.Clone(*tags), t)
			sort.Strings(*tags)
		}
		return answer{status: http.StatusCreated, header: http.Header{}}
	})
}

func deleteTag(kind string) handler {
	return changeTags(kind, func(c *call, tags *[]string) answer {
		i := slices.Index(*tags, c.r.PathValue("tag"))
		if i < 0 {
			return tagNotFound(c)
		}
		*tags = slices.Delete(slices.Clone(*tags), i, i+1)
		return noContent()
	})
}
