// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

var (
	// ErrForeign is what a *ForeignError is.
	ErrForeign = errors.New("an object of that name is someone else's")
	// ErrImmutable is what an *ImmutableError is.
	ErrImmutable = errors.New("a field can't be changed on the existing object")
)

// ForeignError says that an object of the child's name is not ours. It was not
// touched.
type ForeignError struct {
	Kind, Namespace, Name string
	Label                 string // its value of v1alpha1.LabelManagedBy
	want                  string
}

func (e *ForeignError) Error() string {
	whose := "has no label " + v1alpha1.LabelManagedBy
	if e.Label != "" {
		whose = fmt.Sprintf("has the label %s=%s", v1alpha1.LabelManagedBy, e.Label)
	}
	return fmt.Sprintf("%s exists and is not ours: it %s; delete or rename it, or give it to us with the label %s=%s",
		title(e.Kind, e.Namespace, e.Name), whose, v1alpha1.LabelManagedBy, e.want)
}

// Is makes it an ErrForeign.
func (e *ForeignError) Is(target error) bool { return target == ErrForeign }

// ImmutableError says that the API server refuses to change fields of an object
// that is not deleted here, because it holds data.
type ImmutableError struct {
	Kind, Namespace, Name string
	Fields                []string // as the API server names them
}

func (e *ImmutableError) Error() string {
	return fmt.Sprintf("%s can't be made as desired: the API server does not change %s of an existing one; delete it, once its data is safe, and it is made anew",
		title(e.Kind, e.Namespace, e.Name), strings.Join(e.Fields, ", "))
}

// Is makes it an ErrImmutable.
func (e *ImmutableError) Is(target error) bool { return target == ErrImmutable }

func title(kind, namespace, name string) string {
	if namespace == "" {
		return kind + " " + name
	}
	return kind + " " + namespace + "/" + name
}

// failure names the object in an error, and keeps from it what the API server
// may have quoted of a Secret.
func (c *call) failure(err error) error {
	var foreign *ForeignError
	var immutable *ImmutableError
	if errors.As(err, &foreign) || errors.As(err, &immutable) {
		return err
	}
	var status apierrors.APIStatus
	if c.secret() && errors.As(err, &status) {
		bare := status.Status()
		bare.Message = fmt.Sprintf("the API server refused it: %d %s", bare.Code, bare.Reason)
		if fields := refusedFields(err); len(fields) > 0 {
			bare.Message += " (" + strings.Join(fields, ", ") + ")"
		}
		bare.Details = nil
		err = &apierrors.StatusError{ErrStatus: bare}
	}
	return fmt.Errorf("making %s as desired: %w", c.id, err)
}

// refused tells that the API server understood the object and won't have it.
func refused(err error) bool {
	var status apierrors.APIStatus
	return errors.As(err, &status) && status.Status().Code == http.StatusUnprocessableEntity
}

// refusedFields are the fields that the API server named, without their values.
func refusedFields(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	seen := map[string]bool{}
	for _, cause := range status.Status().Details.Causes {
		if cause.Field != "" && !seen[cause.Field] && cause.Type != metav1.CauseTypeUnexpectedServerResponse {
			seen[cause.Field] = true
			fields = append(fields, cause.Field)
		}
	}
	return fields
}
