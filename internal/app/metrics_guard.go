// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// guardLimit is how long the API server may take to say who is calling.
const guardLimit = 10 * time.Second

// guard lets through whoever bears a token that may get the path: the API server
// is asked who he is, then what he may. It does what controller-runtime's
// metrics/filters does, without its parts of the API server: they would cost every
// replica of the controller 14 MiB. It keeps no answers: a scrape costs two calls.
type guard struct {
	client client.Client
	log    logr.Logger
}

func (g guard) wrap(next http.Handler) (http.Handler, error) {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), guardLimit)
		defer cancel()
		if code := g.judge(ctx, r); code != http.StatusOK {
			http.Error(w, http.StatusText(code), code)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}

// judge is the HTTP status of whoever calls.
func (g guard) judge(ctx context.Context, r *http.Request) int {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || token == "" {
		return http.StatusUnauthorized
	}
	who := &authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}
	if err := g.client.Create(ctx, who); err != nil {
		g.log.Error(err, "The API server does not say who asks for the metrics")
		return http.StatusInternalServerError
	}
	if !who.Status.Authenticated {
		return http.StatusUnauthorized
	}
	user := who.Status.User
	extra := map[string]authorizationv1.ExtraValue{}
	for key, value := range user.Extra {
		extra[key] = authorizationv1.ExtraValue(value)
	}
	may := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: user.Username, Groups: user.Groups, UID: user.UID, Extra: extra,
		NonResourceAttributes: &authorizationv1.NonResourceAttributes{Path: r.URL.Path, Verb: strings.ToLower(r.Method)},
	}}
	if err := g.client.Create(ctx, may); err != nil {
		g.log.Error(err, "The API server does not say whether the metrics may be read", "user", user.Username)
		return http.StatusInternalServerError
	}
	if !may.Status.Allowed {
		return http.StatusForbidden
	}
	return http.StatusOK
}
