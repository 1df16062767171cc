// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import "net/http"

func (a *instanceAction) write(w *jsonWriter, serverID string) {
	const layout = "2006-01-02T15:04:05.000000"
	w.str("action", a.action)
	w.str("instance_uuid", serverID)
	w.str("request_id", a.requestID)
	w.str("user_id", a.userID)
	w.str("project_id", a.projectID)
	w.str("start_time", a.start.Format(layout))
	if a.failed {
		w.str("message", "Error")
	} else {
		w.raw("message", "null")
	}
}

func listInstanceActions(c *call) answer {
	return c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		w := spacedJSON()
		w.begin('{')
		w.key("instanceActions")
		w.begin('[')
		for i := range s.actions {
			w.sep()
			w.begin('{')
			s.actions[i].write(w, s.ID)
			w.end('}')
		}
		w.end(']')
		w.end('}')
		return jsonAnswer(http.StatusOK, w.buf)
	})
}

func getInstanceAction(c *call) answer {
	return c.read(func(st *state) answer {
		s, missing := c.ownServer(st)
		if s == nil {
			return missing
		}
		for i := range s.actions {
			a := &s.actions[i]
			if a.requestID != c.r.PathValue("request") {
				continue
			}
			result := "Success"
			if a.failed {
				result = "Error"
			}
			w := spacedJSON()
			w.begin('{')
			w.key("instanceAction")
			w.begin('{')
			a.write(w, s.ID)
			w.key("events")
			w.begin('[')
			w.sep()
			w.begin('{')
			w.str("event", "compute_"+a.action)
			w.str("result", result)
			w.end('}')
			w.end(']')
			w.end('}')
			w.end('}')
			return jsonAnswer(http.StatusOK, w.buf)
		}
		return novaError(http.StatusNotFound, "Action for request_id %s on instance %s not found", c.r.PathValue("request"), s.ID)
	})
}
