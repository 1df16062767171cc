// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package openstacksim

import (
	"fmt"
	"net/http"
	"strings"
)

// neutronError is neutron's error document; kind is the exception's name.
func neutronError(status int, kind, format string, args ...any) answer {
	w := spacedJSON()
	w.begin('{')
	w.key("NeutronError")
	w.begin('{')
	w.str("type", kind)
	w.str("message", fmt.Sprintf(format, args...))
	w.str("detail", "")
	w.end('}')
	w.end('}')
	return jsonAnswer(status, w.buf)
}

// novaKinds are the names nova gives to statuses (nova: api/openstack/wsgi.py).
var novaKinds = map[int]string{
	400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound", 405: "badMethod",
	409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit", 501: "notImplemented", 503: "serviceUnavailable",
}

// novaError is nova's error document; computeFault is every other status.
func novaError(status int, format string, args ...any) answer {
	kind := novaKinds[status]
	if kind == "" {
		kind = "computeFault"
	}
	w := spacedJSON()
	w.begin('{')
	w.key(kind)
	w.begin('{')
	w.integer("code", status)
	w.str("message", fmt.Sprintf(format, args...))
	w.end('}')
	w.end('}')
	a := jsonAnswer(status, w.buf)
	a.header.Set("Content-Type", "application/json; charset=UTF-8")
	return a
}

// novaCrash is how nova answers an exception nobody caught.
func novaCrash(exception string) answer {
	return novaError(http.StatusInternalServerError, "Unexpected API Error. Please report this at http://bugs.launchpad.net/nova/ and attach the Nova API log if possible.\n<class '%s'>", exception)
}

// novaPlain is the document of errors outside nova's controllers: a route, a
// body too large. Its code is a string.
func novaPlain(status int, message string) answer {
	w := spacedJSON()
	w.begin('{')
	w.str("message", message+"<br /><br />\n\n\n")
	w.str("code", fmt.Sprintf("%d %s", status, http.StatusText(status)))
	w.str("title", http.StatusText(status))
	w.end('}')
	return jsonAnswer(status, w.buf)
}

// keystoneError is keystone's document.
func keystoneError(status int, format string, args ...any) answer {
	w := spacedJSON()
	w.begin('{')
	w.key("error")
	w.begin('{')
	w.integer("code", status)
	w.str("message", fmt.Sprintf(format, args...))
	w.str("title", http.StatusText(status))
	w.end('}')
	w.end('}')
	return jsonAnswer(status, w.buf)
}

const needsAuth = "The request you have made requires authentication."

func (c *call) keystone401() answer {
	a := keystoneError(http.StatusUnauthorized, needsAuth)
	a.header.Set("WWW-Authenticate", fmt.Sprintf("Keystone uri=%q", c.base()+"/v3"))
	return a
}

// middleware401 is the answer of keystonemiddleware in front of neutron and
// nova; the members come in another order than keystone's own.
func (c *call) middleware401() answer {
	w := spacedJSON()
	w.begin('{')
	w.key("error")
	w.begin('{')
	w.integer("code", http.StatusUnauthorized)
	w.str("title", "Unauthorized")
	w.str("message", needsAuth)
	w.end('}')
	w.end('}')
	a := jsonAnswer(http.StatusUnauthorized, w.buf)
	a.header.Set("WWW-Authenticate", fmt.Sprintf("Keystone uri=%q", c.sim.URL(Identity)))
	return a
}

// errorOf is a plausible error document of a service for an injected status.
func errorOf(svc Service, status int) answer {
	text := http.StatusText(status)
	switch {
	case status < 400:
		return answer{status: status, header: http.Header{}}
	case status == http.StatusUnauthorized || svc == Identity:
		return keystoneError(status, "%s", needsAuthOr(status, text))
	case svc == Network:
		return neutronError(status, "HTTP"+strings.ReplaceAll(text, " ", ""), "%s", text)
	default:
		return novaError(status, "%s", text)
	}
}

func needsAuthOr(status int, text string) string {
	if status == http.StatusUnauthorized {
		return needsAuth
	}
	return text
}
