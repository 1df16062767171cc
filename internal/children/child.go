// Copyright 2026 The MultiNic Authors.
// SPDX-License-Identifier: Apache-2.0

package children

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/xormsdhkdwk/multinic/api/v1alpha1"
)

// identity names an object of the cluster.
type identity struct {
	schema.GroupVersionKind
	client.ObjectKey
}

func (id identity) String() string {
	if id.Namespace == "" {
		return id.Kind + " " + id.Name
	}
	return id.Kind + " " + id.Namespace + "/" + id.Name
}

// child is what an object is to be.
type child struct {
	id      identity
	desired *unstructured.Unstructured
	// mark is the digest that stands in its annotation.
	mark string
	// sealed digests all of it, data of Secrets included, with this process's
	// key.
	sealed string
}

func (c *child) secret() bool { return c.id.Group == "" && c.id.Kind == "Secret" }

func (a *Applier) identify(desired client.Object) (identity, error) {
	gvk, err := apiutil.GVKForObject(desired, a.Client.Scheme())
	if err != nil {
		return identity{}, fmt.Errorf("a child of type %T: %w", desired, err)
	}
	return identity{gvk, client.ObjectKeyFromObject(desired)}, nil
}

// build takes from desired what the API server would ignore or answer.
func (a *Applier) build(desired client.Object) (child, error) {
	id, err := a.identify(desired)
	if err != nil {
		return child{}, err
	}
	if desired.GetLabels()[v1alpha1.LabelManagedBy] == "" {
		return child{}, fmt.Errorf("%s was built without the label %s: set it to the operator's name, or nobody knows whose it is", id, v1alpha1.LabelManagedBy)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(desired.DeepCopyObject())
	if err != nil {
		return child{}, fmt.Errorf("converting the built %s: %w", id, err)
	}
	dropNulls(content)
	delete(content, "status")
	object := &unstructured.Unstructured{Object: content}
	object.SetGroupVersionKind(id.GroupVersionKind)
	for _, field := range volatile {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	c := child{id: id, desired: object}
	annotations := object.GetAnnotations()
	delete(annotations, AnnotationDigest)
	object.SetAnnotations(annotations)
	if c.secret() {
		foldStringData(content)
	}
	open := object.DeepCopy().Object
	if c.secret() {
		delete(open, "data")
	}
	sum := sha256.Sum256(encode(open))
	c.mark = hex.EncodeToString(sum[:16])
	c.sealed = a.seal(content)
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[AnnotationDigest] = c.mark
	object.SetAnnotations(annotations)
	return c, nil
}

// foldStringData does what the API server would: stringData is never read back.
func foldStringData(secret map[string]any) {
	plain, _, _ := unstructured.NestedStringMap(secret, "stringData")
	for key, value := range plain {
		// Only a map of another type could fail, and data is a map of strings.
		_ = unstructured.SetNestedField(secret, base64.StdEncoding.EncodeToString([]byte(value)), "data", key)
	}
	delete(secret, "stringData")
}

// dropNulls removes what a typed object has only because of Go: null means unset.
func dropNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			if below == nil {
				delete(value, key)
			} else {
				dropNulls(below)
			}
		}
	case []any:
		for _, below := range value {
			dropNulls(below)
		}
	}
}

// seal gives a digest that only this process can make.
func (a *Applier) seal(content map[string]any) string {
	mac := hmac.New(sha256.New, a.key)
	mac.Write(encode(content))
	return string(mac.Sum(nil))
}

// encode gives the same bytes for the same content: keys are sorted.
func encode(content map[string]any) []byte {
	bytes, err := json.Marshal(content)
	if err != nil {
		panic(err) // maps of what JSON has, made by converters
	}
	return bytes
}

// typed gives the object in the type that the caller built, a Secret without
// its data.
func (a *Applier) typed(c *call, live *unstructured.Unstructured) (client.Object, error) {
	live = live.DeepCopy()
	if c.secret() {
		delete(live.Object, "data")
		delete(live.Object, "stringData")
		unstructured.RemoveNestedField(live.Object, "metadata", "managedFields")
		annotations := live.GetAnnotations()
		delete(annotations, lastApplied)
		live.SetAnnotations(annotations)
	}
	fresh, err := a.Client.Scheme().New(c.id.GroupVersionKind)
	if runtime.IsNotRegisteredError(err) {
		return live, nil
	}
	if err != nil {
		return nil, err
	}
	object, ok := fresh.(client.Object)
	if !ok {
		return live, nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, object); err != nil {
		return nil, fmt.Errorf("reading %s: %w", c.id, err)
	}
	return object, nil
}

// lastApplied is kubectl apply's annotation: of a Secret it holds the data.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
